"""Component 4, Performance Monitor: its page. What is shown stands in the address; every
chart is an answer of its own, read from rollups."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from labelling.collector.delays import delays
from monitoring.models import Alert
from monitoring.notes import NoteForm
from monitoring.watch.alert_pages import words_of
from monitoring.watch.asked import BUCKETS, MOST_MODELS, PERIODS, Asked, read_asked
from monitoring.watch.difference import difference_chart
from monitoring.watch.inputs import drift_chart, feature_names, reference_chart
from monitoring.watch.money import money_chart
from monitoring.watch.over_time import coverage_chart, metric_chart, traffic_chart
from monitoring.watch.rollups import grouped, pieces
from monitoring.watch.scores import mistakes_chart, reliability_chart
from monitoring.watch.sentence import sentence
from monitoring.watch.slices import slices_chart
from monitoring.watch.thresholds import threshold_chart
from registry.catalogue import metrics_for
from registry.clock import now as clock_now
from registry.errors import NotFound
from registry.models import Project
from registry.web import charts, live
from registry.web.pages import PageRequest, project_page
from serving.models import Rollout

NOTES = 20
POLL = 60  # seconds
DELAYS_OF = 300  # the newest truths: enough for a median
MOST_VERSIONS = 30  # offered


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A chart's place on the page. `over_time` zooms with its like; the rest follow."""

    name: str
    title: str
    draw: Callable[[Asked], charts.Chart]
    over_time: bool = False
    wide: bool = False
    size: str = "normal"
    tasks: tuple[str, ...] = ()


FRAMES: Mapping[str, Frame] = {
    frame.name: frame
    for frame in (
        Frame(
            name="metric",
            title="The goal over time",
            draw=metric_chart,
            over_time=True,
            wide=True,
        ),
        Frame(name="money", title="Money a day", draw=money_chart, over_time=True),
        Frame(
            name="difference",
            title="Candidate against live",
            draw=difference_chart,
        ),
        Frame(
            name="reliability",
            title="Do scores mean what they say?",
            draw=reliability_chart,
        ),
        Frame(name="mistakes", title="Right and wrong", draw=mistakes_chart),
        Frame(
            name="threshold",
            title="Where to draw the line",
            draw=threshold_chart,
            wide=True,
            tasks=("binary",),
        ),
        Frame(name="slices", title="Slice by slice", draw=slices_chart),
        Frame(
            name="coverage",
            title="How much truth is known",
            draw=coverage_chart,
            over_time=True,
        ),
        Frame(
            name="drift",
            title="Has what comes in changed?",
            draw=drift_chart,
            over_time=True,
            size="tall",
        ),
        Frame(
            name="feature",
            title="Reference against now",
            draw=reference_chart,
            size="tall",
        ),
        Frame(
            name="traffic",
            title="Latency and traffic",
            draw=traffic_chart,
            over_time=True,
            wide=True,
        ),
    )
}


@project_page("viewer", POST="owner")
def monitor(request: PageRequest, project: Project) -> HttpResponse:
    """Numbers over time, linked; the owner writes notes beside them."""
    note = NoteForm()
    if request.method == "POST":
        note = NoteForm(request.POST)
        if note.is_valid():
            note.save(project=project, by=request.actor.user)
            told = "Written down; it stands on every chart over time."
            messages.success(request, told)
            return redirect(request.get_full_path())
    rollout = _rollout(project)
    context: dict[str, Any] = {
        "project": project,
        "place": "monitor",
        "rollout": rollout,
        "form": note,
        "verdict": "No model answers yet.",
    }
    context["notes"] = project.notes.select_related("author")[:NOTES]
    page = "monitoring/monitor.html"
    if rollout is None:
        return render(request, page, context, status=note.status)
    asked = _asked(request, rollout)
    now = _now(asked)
    if not getattr(request, "htmx", False):
        context |= _shown(asked)
    return live.answer(
        request,
        page=page,
        part="monitoring/partials/monitor_stats.html",
        etag=live.tag(now),
        context=context | now,
        status=note.status,
    )


@project_page("viewer")
def monitor_chart(request: PageRequest, project: Project, name: str) -> HttpResponse:
    """One chart of the page, as JSON for its frame or as CSV."""
    frame, rollout = FRAMES.get(name), _rollout(project)
    if frame is None or rollout is None:
        raise NotFound("There is no such chart.")
    return charts.answer(request, frame.draw(_asked(request, rollout)))


def _rollout(project: Project) -> Rollout | None:
    found = Rollout.objects.select_related(
        "live__dataset", "baseline__dataset", "candidate__dataset"
    )
    row = found.filter(project=project).first()
    if row is not None:
        row.project = project
    return row


def _asked(request: PageRequest, rollout: Rollout) -> Asked:
    rows_for = ""
    if request.actor.may("owner"):
        rows_for = reverse("predictions", args=[rollout.project.slug])
    return read_asked(request.GET, rollout=rollout, now=clock_now(), rows_for=rows_for)


def _now(asked: Asked) -> dict[str, Any]:
    """What stands above the charts, and asks for itself as they do."""
    stats = _stats(asked)
    return {
        "poll": POLL if asked.period else 0,  # dates that are over stay as they are
        "stats": stats,
        "verdict": sentence(
            _wrong(asked.project),
            n=stats["n"],
            failed=stats["failed"],
            version=asked.first.version.number,
        ),
    }


def _shown(asked: Asked) -> dict[str, Any]:
    project, question = asked.project, asked.query()
    frames = []
    for frame in FRAMES.values():
        if frame.tasks and project.task not in frame.tasks:
            continue
        address = reverse("monitor-chart", args=[project.slug, frame.name])
        frames.append((frame, f"{address}?{question}" if question else address))
    versions = project.versions.filter(state="accepted").order_by("-number")
    return {
        "asked": asked,
        "frames": frames,
        "metrics": metrics_for(project.task),
        "features": feature_names(asked),
        "versions": versions.only("project", "number", "name")[:MOST_VERSIONS],
        "chosen": [one.version.number for one in asked.shown],
        "most_models": MOST_MODELS,
        "periods": [
            (
                key,
                PERIOD_WORDS[key],
                asked.here(**{"period": key, "from": None, "to": None}),
            )
            for key in PERIODS
        ],
        "buckets": [(by, asked.here(bucket=by)) for by in BUCKETS],
        "from_input": f"{asked.start:%FT%H:%M}",
        "to_input": f"{asked.end:%FT%H:%M}",
    }


PERIOD_WORDS = {
    "24h": "24 hours",
    "7d": "7 days",
    "28d": "28 days",
    "12w": "12 weeks",
    "1y": "a year",
}


def _wrong(project: Project) -> dict[str, list[str]]:
    """What the rules that watch say is wrong, by the state of the alert."""
    words, found = words_of(project), dict[str, list[str]]()
    rows = project.alerts.exclude(state=Alert.State.RESOLVED).order_by("rule__kind")
    for state, kind in rows.values_list("state", "rule__kind"):
        title = words[kind].title if kind in words else kind
        found.setdefault(state, []).append(title.lower())
    return found


def _stats(asked: Asked) -> dict[str, Any]:
    """Counts of the window, by version; and how long truth takes."""
    found = grouped(pieces(asked), lambda piece: piece.version)
    ours = found.get(asked.first.version.pk, [])
    n, asked_of = (sum(getattr(p, key) for p in ours) for key in ("answers", "n"))
    ripe = [piece for piece in ours if piece.mature]
    known, of = sum(p.truths for p in ripe), sum(p.answers for p in ripe)
    return {
        "n": n,
        "failed": sum(p.errors for p in ours) / asked_of if asked_of else None,
        "coverage": known / of if of else None,
        "ripe": of,
        "delays": delays(project=asked.project, sample=DELAYS_OF),
    }
