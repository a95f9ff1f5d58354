"""A new project's first page: what is in, what answers, a first run, a curl to paste."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from mlsystem.orchestrator import pipeline, publish
from monitoring.models import Evaluation
from registry import keys
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.errors import DomainError, Forbidden, NotFound
from registry.models import ModelVersion, Project
from registry.templatetags.words import num
from registry.web import live
from registry.web.pages import project_page, whole_number
from serving.frontend.front import answer
from serving.models import Rollout
from serving.rollout_story import next_of

BUDGETS = (
    (60, "1 minute", "a first look"),
    (180, "3 minutes", "enough for most tables of a few thousand rows"),
    (600, "10 minutes", "a good search"),
    (1800, "30 minutes", "a long one"),
)
DEFAULT_SECONDS = 60
DIGITS = 4  # behind the point of an example's numbers


@project_page("owner", POST="owner")
def start(request: HttpRequest, project: Project) -> HttpResponse:
    """Three things in order: it answers, it learns, you ask it."""
    shown: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        verb = VERBS.get(request.POST.get("do", ""))
        if verb is None:
            raise NotFound("There is no such button.")
        try:
            shown = verb(request, project)
        except DomainError as error:
            words = " ".join([error.detail, *(e.message for e in error.errors)])
            messages.error(request, words)
            status = error.status
        if not shown and status == 200:
            return redirect(request.path)
    context = {"project": project, "place": "start", **_facts(project), **shown}
    context["curl"] = _curl(request, context["example"], shown.get("new_key"))
    context["budgets"] = BUDGETS
    context["chosen"] = whole_number(request.POST.get("budget")) or DEFAULT_SECONDS
    return live.answer(
        request,
        page="mlsystem/start.html",
        part="mlsystem/partials/start_learn.html",
        etag=_tag(context),
        context=context,
        status=status,
    )


def _tag(facts: dict[str, Any]) -> str:
    """What the step that learns shows, and the head above it."""
    run, rollout, step = facts["run"], facts["rollout"], facts["current"]
    return live.tag(
        run and (run.number, run.state, run.verdict),
        facts["fraction"],
        step and (step.name, step.job and step.job.message),
        rollout and rollout.live_id,
        facts["run_next"],
        [score["words"] for score in facts["scores"]],
    )


def _run(request: HttpRequest, project: Project) -> dict[str, Any]:
    pipeline.start(
        project=project,
        now=clock_now(),
        budget=whole_number(request.POST.get("budget")) or 0,
        by=request.actor.user,  # type: ignore[attr-defined]
        trigger=publish.FIRST_RUN,
    )
    return {}


def _key(request: HttpRequest, project: Project) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.may("admin"):
        raise Forbidden("An admin of the project makes keys.")
    _, plain = keys.create_key(
        project=project, name="first key", scopes=["predict"], by=actor
    )
    return {"new_key": plain}


def _ask(request: HttpRequest, project: Project) -> dict[str, Any]:
    """One request of the curl, as a test."""
    rollout = Rollout.objects.filter(project=project).select_related("live").first()
    status, body = answer(
        project=project,
        request={"input": _example(rollout), "explain": True, "test": True},
        actor=request.actor,  # type: ignore[attr-defined]
        now=clock_now(),
    )
    told = json.dumps(body, indent=2, default=str, ensure_ascii=False)
    return {"status": status, "answer": body, "raw": told}


VERBS = {"run": _run, "key": _key, "ask": _ask}


def _facts(project: Project) -> dict[str, Any]:
    rollout = (
        Rollout.objects.filter(project=project)
        .select_related("live", "baseline", "candidate")
        .first()
    )
    run = project.runs.filter(kind="pipeline").order_by("-number").first()
    steps = list(run.steps.select_related("job")) if run else []
    done = sum(step.state == "succeeded" for step in steps)
    version = run.versions.first() if run else None
    return {
        "rollout": rollout,
        "example": _example(rollout),
        "dataset": project.datasets.select_related("split").first(),
        "run": run,
        "steps": steps,
        "fraction": done / len(steps) if steps else 0,
        "current": next((s for s in steps if s.state == "running"), None),
        "version": version,
        "run_next": next_of(run, rollout) if run else "",
        "metric": METRICS.get(project.primary_metric),
        "scores": _scores(project, rollout, version),
    }


def _scores(
    project: Project, rollout: Rollout | None, version: ModelVersion | None
) -> list[dict[str, Any]]:
    """The baseline's number and the new version's, on the sealed test rows."""
    shown = [rollout.baseline] if rollout else []
    shown += [version] if version and version not in shown else []
    metric = METRICS[project.primary_metric]
    unit = metric.unit_in(
        currency=project.costs.get("currency", ""), target=project.unit
    )
    rows = []
    for one in shown:
        kept = Evaluation.objects.filter(version=one, kind=Evaluation.Kind.TEST)
        report = kept.values_list("report", flat=True).first() or {}
        found = report.get("metrics", {}).get(metric.key, {})
        value = found.get("value")
        words = num(value, unit) if value is not None else ""
        rows.append({"version": one, **found, "words": words})
    return rows


def _example(rollout: Rollout | None) -> dict[str, Any]:
    """A row like those learnt from, as a client would send it."""
    if rollout is None or not rollout.live.golden:
        return {}
    given = rollout.live.golden[0]["input"]
    typed: dict[str, Callable[[Any], Any]] = {
        "integer": int,
        "boolean": bool,
        "numeric": lambda value: round(value, DIGITS),
    }
    return {
        name: typed.get(field["kind"], lambda value: value)(given[name])
        for field in rollout.live.fields
        if given.get(name := field["name"]) is not None
    }


def _curl(request: HttpRequest, example: Any, key: str | None) -> str:
    body = json.dumps({"input": example}, ensure_ascii=False).replace("'", "\\u0027")
    url = request.build_absolute_uri(
        f"/api/v1/projects/{request.project.slug}/predict"  # type: ignore[attr-defined]
    )
    return (
        f'curl -s {url} \\\n  -H "X-Api-Key: {key or "$KEY"}" '
        f"-H \"Content-Type: application/json\" \\\n  -d '{body}'"
    )
