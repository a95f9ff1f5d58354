"""The rollout page: who gets what, the evidence for it, what happens next, and how it
came to be. Its buttons are serving's own verbs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from monitoring.judging import steps
from monitoring.judging.comparison import compare_rollout, judged_on
from monitoring.judging.gain_chart import gain_chart
from monitoring.judging.guardrails import are_safe
from monitoring.owner.standing import terms_of
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.models import Project
from registry.web import keyset, live
from registry.web.charts import answer
from registry.web.pages import PageRequest, project_page, whole_number
from serving import rollout_forms as forms
from serving import rollout_pages as buttons
from serving import rollout_story as story
from serving.models import Rollout, RolloutEvent
from serving.rollout_rows import DEFAULT_PLAN, target_rows

EVENTS = 20
FEW_USERS = 5  # an hour: fewer are told by the day


@project_page("viewer", POST=("owner", "admin"))
def rollout(request: PageRequest, project: Project) -> HttpResponse:
    """Who serves whom, the evidence, and the buttons that change it. What is refused
    stays as it was typed, beside what somebody else did meanwhile."""
    refused = None
    if request.method == "POST":
        refused = buttons.press(request, project)
        if refused is None:
            return redirect(request.path)
    found = _rollout(project)
    revision = found.revision if found else 0
    context: dict[str, Any] = {"project": project, "place": "rollout", "rollout": found}
    if getattr(request, "htmx", False) and request.method == "GET":
        context |= _news(request, project, revision)
    elif found:
        context |= _told(found, now=clock_now()) | _history(request, project)
        context |= _forms(found, request, refused)
    if refused:
        context |= {"refused": refused, "meanwhile": _events(refused.meanwhile)}
    return live.answer(
        request,
        page="monitoring/rollout.html",
        part="monitoring/partials/rollout_news.html",
        etag=live.tag(revision),
        context={"seen": revision, **context},
        status=refused.error.status if refused else 200,
    )


def _news(request: PageRequest, project: Project, revision: int) -> dict[str, Any]:
    """What was done since the page was loaded that asks."""
    seen = whole_number(request.GET.get("seen"))
    if seen is None or seen >= revision:
        return {}
    return {"seen": seen, "meanwhile": _events(story.since(project, revision=seen))}


def _events(found: Iterable[RolloutEvent]) -> list[tuple[RolloutEvent, str]]:
    return [(event, story.told(event)) for event in found]


def _forms(
    found: Rollout, request: PageRequest, refused: buttons.Refused | None
) -> dict[str, Any]:
    starts = found.candidate is None or (refused and refused.verb == "start")
    ready = _ready(found) if starts else []
    shown = forms.forms_of(found, ready)
    if refused:
        shown = forms.with_refused(
            shown,
            verb=refused.verb,
            typed=request.POST,
            error=refused.error,
            ready=ready,
        )
    return {"forms": shown, "ready": ready}


def _rollout(project: Project) -> Rollout | None:
    found = (
        Rollout.objects.filter(project=project)
        .select_related("live", "baseline", "candidate", "previous")
        .first()
    )
    if found:
        found.project = project
    return found


def _told(found: Rollout, *, now: datetime) -> dict[str, Any]:
    project = found.project
    users, per = _users(story.users_an_hour(project, now=now))
    comparison = compare_rollout(found, now=now)
    step = steps.progress(found, now=now)
    terms, judge = terms_of(project), METRICS[judged_on(project)]
    return {
        "comparison": comparison,
        "safe": are_safe(comparison.get("guardrails", [])),
        "terms": terms,
        "unit": (judge.label, replace(terms, metric=judge).unit),
        "stands_in": judged_on(project) != project.primary_metric,
        "users": users,
        "per": per,
        "users_now": _part(users, float(found.percent)),
        "targets": target_rows(found.targets),
        "next_step": story.next_step(
            found, answered=step.answers if step else None, now=now
        ),
        "automatic": project.autopilot == Project.Autopilot.AUTOMATIC,
        "planned": project.plan or DEFAULT_PLAN,
    }


def _users(hourly: float | None) -> tuple[float | None, str]:
    """Users in the span in which there are a few of them."""
    if hourly is None:
        return None, ""
    count, per = (hourly, "an hour") if hourly >= FEW_USERS else (24 * hourly, "a day")
    return (float(round(count)) if count >= 10 else count), per


def _part(users: float | None, percent: float) -> float | None:
    if users is None:
        return None
    part = users * percent / 100
    return float(round(part)) if part >= 10 else round(part, 1)


def _ready(found: Rollout) -> list[Any]:
    versions = found.project.versions.filter(state="accepted")
    return list(
        versions.exclude(pk=found.live_id).only("project", "number", "name")[:50]
    )


def _history(request: PageRequest, project: Project) -> dict[str, Any]:
    page = keyset.page(project.rollout_events.all(), request, order="-id", limit=EVENTS)
    events = [
        {"event": event, "told": story.told(event)}
        | {"figures": story.figures(event.numbers)}
        for event in page["results"]
    ]
    return {"events": events, "next": page["next"]}


@project_page("viewer")
def evidence_chart(request: PageRequest, project: Project) -> HttpResponse:
    """The candidate's gain over live as it grew, its interval, zero and the margin."""
    return answer(request, gain_chart(_rollout(project), now=clock_now()))
