"""Pages of component 6: every run, one run while it fills up, and what starts them."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from mlsystem import run_story
from mlsystem.api.automation import MOST_LABELS, AutopilotApi
from mlsystem.orchestrator import pipeline, triggers
from registry import audit, projects, schedules
from registry.catalogue import ALGORITHMS
from registry.clock import now as clock_now
from registry.errors import DomainError, InvalidInput, NotFound
from registry.models import Job, Project, Run, Schedule
from registry.web import keyset, live
from registry.web.pages import PageRequest, project_page, whole_number

DEFAULT_SECONDS = 60
PAGE = 25
PRESETS = (
    ("0 3 * * *", "every night at three"),
    ("0 3 * * 1", "every Monday at three"),
    ("0 3 1 * *", "on the first of every month"),
    ("0 * * * *", "every hour"),
)


@project_page("viewer", POST="owner")
def runs(request: PageRequest, project: Project) -> HttpResponse:
    """Every run with what came of it; the button, the schedule and the autopilot."""
    if request.method == "POST":
        return _posted(request, project)
    rows = project.runs.select_related("requested_by")
    found = keyset.page(rows, request, order="-number", limit=PAGE)
    running = run_story.running_of(project)
    context = {
        "project": project,
        "place": "runs",
        "rows": [_row(run) for run in found["results"]],
        "next": found["next"],
        "running": running,
        "verdict": _sentence(project, running),
        "seconds": DEFAULT_SECONDS,
        "algorithms": ALGORITHMS,
        "schedule": Schedule.objects.filter(
            project=project, task=triggers.TASK
        ).first(),
        "presets": PRESETS,
        "autopilots": [
            {"key": key, "meaning": AutopilotApi.MEANING[key]}
            for key in Project.Autopilot.values
        ],
        # Counted only where it is shown: not each time the list asks for itself.
        "new_labels": partial(triggers.new_labels, project),
    }
    etag = live.tag(
        context["verdict"], [[r["run"].state, r["said"]] for r in context["rows"]]
    )
    return live.answer(
        request,
        page="mlsystem/runs.html",
        part="mlsystem/partials/runs_list.html",
        etag=etag,
        context=context,
    )


def _row(run: Run) -> dict[str, Any]:
    took = run_story.seconds_between(run.started_at, run.finished_at)
    return {"run": run, "said": run_story.verdict_of(run), "took": took}


def _sentence(project: Project, running: Run | None) -> str:
    if running:
        return f"Run {running.number} is going on: {run_story.now_at(running)}."
    last = project.runs.filter(kind=Run.Kind.PIPELINE).first()
    if last is None:
        return "From data to a verdict in six steps."
    return f"The last one was run {last.number}. {run_story.verdict_of(last)}"


def _posted(request: PageRequest, project: Project) -> HttpResponse:
    verb = FORMS.get(request.POST.get("do", "start"))
    if verb is None:
        raise NotFound("There is no such button.")
    try:
        return verb(request, project)
    except DomainError as error:
        words = " ".join([error.detail, *(e.message for e in error.errors)])
        messages.error(request, words)
        return redirect(request.path)


def _start(request: PageRequest, project: Project) -> HttpResponse:
    chosen = [name for name in request.POST.getlist("algorithm") if name in ALGORITHMS]
    run = pipeline.start(
        project=project,
        now=clock_now(),
        budget=whole_number(request.POST.get("budget")) or 0,
        params={"algorithms": chosen} if chosen else {},
        by=request.actor.user,
    )
    return redirect("run", project.slug, run.number)


def _schedule(request: PageRequest, project: Project) -> HttpResponse:
    enabled = request.POST.get("enabled") == "yes"
    budget = whole_number(request.POST.get("budget")) or pipeline.DEFAULT_BUDGET
    if not 1 <= budget <= pipeline.LONGEST_BUDGET:
        raise InvalidInput(f"budget: write 1 to {pipeline.LONGEST_BUDGET} seconds.")
    schedule = schedules.set_schedule(
        project=project,
        task=triggers.TASK,
        cron=request.POST.get("cron", "").strip()[:80],
        zone=request.POST.get("zone", "").strip()[:60] or project.zone,
        lane=Job.Lane.QUICK,
        enabled=enabled,
        args={"budget": budget},
        now=clock_now(),
    )
    audit.record(
        project=project,
        actor=request.actor,
        action="schedule.set",
        detail={"cron": schedule.cron, "enabled": schedule.enabled},
    )
    told = (
        "Runs start by themselves."
        if enabled
        else "Runs no longer start by themselves."
    )
    messages.success(request, told)
    return redirect(request.path)


def _autopilot(request: PageRequest, project: Project) -> HttpResponse:
    mode = request.POST.get("mode", "")
    if mode not in Project.Autopilot.values:
        raise InvalidInput("mode: choose manual, propose or automatic.")
    changes: dict[str, Any] = {"autopilot": mode}
    if request.POST.get("retrain_after"):
        labels = whole_number(request.POST["retrain_after"])
        if labels is None or not 0 <= labels <= MOST_LABELS:
            raise InvalidInput(f"retrain_after: write 0 to {MOST_LABELS:,}.")
        changes["retrain_after"] = labels
    projects.update_project(project=project, by=request.actor, changes=changes)
    messages.success(request, AutopilotApi.MEANING[mode])
    return redirect(request.path)


FORMS = {"start": _start, "schedule": _schedule, "autopilot": _autopilot}
VERBS = {"cancel": pipeline.cancel, "retry": pipeline.retry}


@project_page("viewer", POST="owner")
def run(request: PageRequest, project: Project, number: int) -> HttpResponse:
    """Six steps filling up, the leaderboard growing, and the verdict with its reasons.

    While it goes on, the page asks for its inner part again; over, it stops.
    """
    found = project.runs.filter(number=number).select_related("requested_by").first()
    if found is None:
        raise NotFound(f"There is no run {number}.")
    if request.method == "POST":
        return _press(request, found)
    found.project = project
    steps, board = run_story.steps_of(found), run_story.leaderboard(found)
    done = sum(told.step.state == "succeeded" for told in steps)
    context = {
        "project": project,
        "place": "runs",
        "run": found,
        "headline": run_story.headline(found, steps),
        "steps": steps,
        "board": board,
        "tested": run_story.tested(found),
        "title": f"Run {found.number}",
        "fraction": f"{done / max(len(steps), 1):.2f}",
        "took": run_story.seconds_between(found.started_at, found.finished_at),
        "version": found.versions.filter(kind="trained").first(),
    }
    return live.answer(
        request,
        page="mlsystem/run.html",
        part="mlsystem/partials/run.html",
        etag=live.tag(run_story.shown(found, steps, board)),
        context=context,
    )


def _press(request: PageRequest, found: Run) -> HttpResponse:
    verb = VERBS.get(request.POST.get("do", ""))
    if verb is None:
        raise NotFound("There is no such button.")
    try:
        verb(run=found, now=clock_now())
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect(request.path)
