"""The rollout page: who gets what, the evidence for it, what happens next, and how it
came to be. Its buttons are serving's own verbs."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from monitoring.judging.comparison import ROW_METRICS, compare_rollout, judged_on
from monitoring.judging.evidence import history
from monitoring.monitor.series import Window, total
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.errors import EditedMeanwhile, NotFound
from registry.models import Project
from registry.web import keyset
from registry.web.charts import Chart, answer
from registry.web.figures import Series, colour, line
from registry.web.pages import PageRequest, project_page
from serving import rollout_forms as forms
from serving import rollout_pages as buttons
from serving import rollout_story as story
from serving.models import Rollout

EVENTS = 20
FEW_USERS = 5  # an hour: fewer are told by the day
BLANK_TARGETS = 2  # rows to write another one into
TYPED = ("start", "targets", "plan")  # verbs whose forms hold much


@project_page("viewer", POST="admin")
def rollout(request: PageRequest, project: Project) -> HttpResponse:
    """Who serves whom, the evidence, and the buttons that change it. Its forms with
    much to type come here too: what is refused stays as it was typed."""
    if request.method != "POST":
        return render(request, "monitoring/rollout.html", _context(request, project))
    verb = request.POST.get("verb", "")
    if verb not in TYPED:
        raise NotFound("There is no such form.")
    refused = buttons.press(request, project, verb)
    if refused is None or isinstance(refused, EditedMeanwhile):
        return redirect(request.path)
    context = _context(request, project) | _typed(verb, request.POST)
    return render(request, "monitoring/rollout.html", context, status=refused.status)


def _context(request: PageRequest, project: Project) -> dict[str, Any]:
    found = _rollout(project)
    context: dict[str, Any] = {"project": project, "place": "rollout", "rollout": found}
    if found:
        context |= _told(found, now=clock_now()) | _history(request, project)
    return context


def _typed(verb: str, form: forms.Form) -> dict[str, Any]:
    """What a form held when it was refused."""
    typed: dict[str, Any] = {"refused": verb, "typed": form if verb == "start" else {}}
    if verb == "targets":
        typed["target_rows"] = [*forms.rows_of(form, "target")]
    elif verb == "plan":
        typed["plan_rows"] = [*forms.rows_of(form, "step")]
    return typed


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
    project, candidate = found.project, found.candidate
    users, per = _users(story.users_an_hour(project, now=now))
    answered = _answered(found, now=now) if found.plan else None
    targets = forms.target_rows(found.targets)
    blank = {"to": "candidate", "attribute": "", "values": "", "percent": ""}
    return {
        "comparison": compare_rollout(found, now=now),
        "ready": _ready(found) if candidate is None else [],
        "unit": METRICS[judged_on(project)].label,
        "stands_in": project.primary_metric not in ROW_METRICS,
        "users": users,
        "per": per,
        "users_now": _part(users, float(found.percent)),
        "targets": targets,
        "target_rows": [*targets, *[blank] * BLANK_TARGETS],
        "plan_rows": [*found.plan, {"percent": "", "hours": "", "min_n": ""}],
        "next_step": story.next_step(found, answered=answered, now=now),
        "automatic": project.autopilot == Project.Autopilot.AUTOMATIC,
        "planned": project.plan or forms.DEFAULT_PLAN,
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


def _answered(found: Rollout, *, now: datetime) -> int:
    """Answers of the candidate since its present step began."""
    if found.candidate is None or found.step_since is None:
        return 0
    start = found.step_since.replace(minute=0, second=0, microsecond=0)
    window = Window(start=start, end=now + timedelta(hours=1), roles=("canary",))
    found.candidate.project = found.project
    return total(found.candidate, window, now=now).n


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
    found = _rollout(project)
    points = history(found, now=clock_now()) if found else []
    margin = float((project.gate or {}).get("margin", 0.0))
    metric = METRICS[judged_on(project)]
    series = Series(
        name="gain",
        role="candidate",
        x=[point["at"] for point in points],
        y=[point["value"] for point in points],
        low=[point["low"] for point in points],
        high=[point["high"] for point in points],
        n=[point["n"] for point in points],
    )
    chart = line(
        title=_title(points, metric.label),
        series=[series],
        unit=_unit(project, metric.unit),
        y="Gained a prediction",
        empty="No truth of both versions is known yet, so there is nothing to compare.",
    )
    return answer(request, _with_rules(chart, margin, points))


def _unit(project: Project, unit: str) -> str:
    """The unit of a metric, in this project's own words."""
    words = {"money": project.costs.get("currency", ""), "target": project.unit}
    return words.get(unit, "" if unit == "share" else unit)


def _title(points: list[dict[str, Any]], metric: str) -> str:
    if not points:
        return f"What the candidate gains in {metric.lower()} over the live version."
    last = points[-1]
    if last["low"] > 0:
        return f"The candidate gains in {metric.lower()}: its interval lies above zero."
    if last["high"] < 0:
        return f"The candidate loses in {metric.lower()}: its interval lies below zero."
    return f"Not decided yet: the interval of the {metric.lower()} gain holds zero."


def _with_rules(chart: Chart, margin: float, points: list[dict[str, Any]]) -> Chart:
    """Zero, and how much worse is still allowed, as lines across; the axis is made for
    the later intervals, because the first ones are as wide as a house."""
    heights = {0.0: ("as good as live", "start")}
    if margin:
        heights[-margin] = ("the margin", "end")
    shapes = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": height,
            "y1": height,
            "line": {"color": colour("unknown"), "width": 1, "dash": "dash"},
            "label": {"text": text, "textposition": side, "font": {"size": 11}},
        }
        for height, (text, side) in heights.items()
    ]
    layout = {**chart.figure["layout"]}
    late = points[len(points) // 4 :]
    low = min([0.0, -margin, *(point["low"] for point in late)])
    high = max([0.0, *(point["high"] for point in late)])
    air = 0.08 * (high - low)
    layout["yaxis"] = {**layout["yaxis"], "range": [low - air, high + air]}
    layout["shapes"] = [*layout.get("shapes", []), *shapes]
    return replace(chart, figure={**chart.figure, "layout": layout})
