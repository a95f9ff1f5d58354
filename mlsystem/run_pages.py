"""Pages of component 6: every run, one run while it fills up, and what starts them."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from labelling.labeller import fresh
from mlsystem import run_story
from mlsystem.api.automation import AutopilotApi
from mlsystem.orchestrator import pipeline, triggers
from mlsystem.orchestrator.pipeline import DEFAULT_BUDGET
from mlsystem.run_forms import AutopilotForm, ScheduleForm, StartForm, seconds
from monitoring.owner.standing import terms_of
from registry import projects
from registry.catalogue import ALGORITHMS
from registry.clock import now as clock_now
from registry.errors import DomainError, NotFound
from registry.forms import PageForm
from registry.models import Project, Run, Schedule
from registry.web import keyset, live
from registry.web.pages import PageRequest, project_page
from serving.rollout_story import next_of
from serving.rollout_writes import with_versions

PAGE = 25
Answered = HttpResponse | PageForm  # where it goes on, or the form that is refused
PRESETS = (
    ("0 3 * * *", "every night at three"),
    ("0 3 * * 1", "every Monday at three"),
    ("0 3 1 * *", "on the first of every month"),
    ("0 * * * *", "every hour"),
)


@project_page("viewer", POST="owner")
def runs(request: PageRequest, project: Project) -> HttpResponse:
    """Every run with what came of it; the button, the schedule and the autopilot."""
    refused: dict[str, Any] = {}
    if request.method == "POST":
        name = request.POST.get("do", "start")
        if name not in FORMS:
            raise NotFound("There is no such button.")
        done = FORMS[name](request, project)
        if isinstance(done, HttpResponse):
            return done
        refused[name] = done
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
        "algorithms": ALGORITHMS,
        "schedule": (schedule := _found(project)),
        "presets": PRESETS,
        "meaning": AutopilotApi.MEANING[project.autopilot],
        "forms": {
            "start": StartForm(),
            "schedule": ScheduleForm(project=project, schedule=schedule),
            "autopilot": AutopilotForm(project=project),
            **refused,
        },
        # Counted only where it is shown: not each time the list asks for itself.
        "new_labels": partial(fresh.new_labels, project),
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
        status=max([200, *(form.status for form in refused.values())]),
    )


def _found(project: Project) -> Schedule | None:
    return Schedule.objects.filter(project=project, task=triggers.TASK).first()


def _row(run: Run) -> dict[str, Any]:
    took = run_story.seconds_between(run.started_at, run.finished_at)
    return {"run": run, "said": run_story.verdict_of(run), "took": took}


def _sentence(project: Project, running: Run | None) -> str:
    if running:
        return f"Run {running.number} is going on: {run_story.now_at(running)}."
    last = project.runs.filter(kind=Run.Kind.PIPELINE).first()
    if last is None:
        return "Nothing has been tried yet: a run goes from data to a verdict in six steps."
    return f"The last one was run {last.number}. {run_story.verdict_of(last)}"


def _start(request: PageRequest, project: Project) -> Answered:
    form = StartForm(request.POST)
    form.full_clean()
    try:
        run = pipeline.start(
            project=project,
            now=clock_now(),
            budget=seconds(form.cleaned_data["budget"]),
            params={"algorithms": form.chosen} if form.chosen else {},
            by=request.actor.user,
        )
    except DomainError as error:
        return form.refuse(error)
    return redirect("run", project.slug, run.number)


def _schedule(request: PageRequest, project: Project) -> Answered:
    form = ScheduleForm(request.POST, project=project, schedule=_found(project))
    if not form.is_valid():
        return form
    said = form.cleaned_data
    try:
        triggers.set_schedule(
            project=project,
            cron=said["cron"],
            zone=said["zone"],
            budget=seconds(said["budget"]) if said["budget"] else DEFAULT_BUDGET,
            enabled=said["enabled"],
            by=request.actor,
            now=clock_now(),
        )
    except DomainError as error:
        return form.refuse(error)
    by_itself = "Runs start by themselves."
    off = "Runs no longer start by themselves."
    messages.success(request, by_itself if said["enabled"] else off)
    return redirect(request.path)


def _autopilot(request: PageRequest, project: Project) -> Answered:
    form = AutopilotForm(request.POST, project=project)
    if not form.is_valid():
        return form
    changes = form.changes()
    try:
        projects.update_project(project=project, by=request.actor, changes=changes)
    except DomainError as error:
        project.refresh_from_db()
        return form.refuse(error, names={"autopilot": "mode"})
    messages.success(request, AutopilotApi.MEANING[changes["autopilot"]])
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
    rollout = with_versions().filter(project=project).first()
    context = {
        "project": project,
        "place": "runs",
        "run": found,
        "headline": run_story.headline(found, steps),
        "steps": steps,
        "board": board,
        "tested": run_story.tested(found),
        "terms": terms_of(project),
        "title": f"Run {found.number}",
        "fraction": f"{done / max(len(steps), 1):.2f}",
        "took": run_story.seconds_between(found.started_at, found.finished_at),
        "version": found.versions.filter(kind="trained").first(),
        "run_next": next_of(found, rollout),
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
