"""The nine components of a project, live: each one's state in a word, and its place."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum

from labelling.models import Example, said_again
from monitoring.models import Alert, Evaluation, HourBucket
from monitoring.verdicts.terms import counted
from registry import storage
from registry.models import Project, Run
from registry.templatetags.words import ago
from serving.models import Rollout

LOOK_BACK = timedelta(days=1)
MOST = 10_000  # counted up to here: nobody reads the difference beyond
GOOD, WARNING, BAD, UNKNOWN, BUSY = "good", "warning", "bad", "unknown", "accent"
RUN_WORDS = {
    "queued": (BUSY, "about to run"),
    "running": (BUSY, "running"),
    "failed": (BAD, "failed"),
    "cancelled": (UNKNOWN, "cancelled"),
    "accepted": (GOOD, "found a better one"),
    "rejected": (WARNING, "found none"),
    "waiting_approval": (WARNING, "waits for approval"),
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One component: what it does now, one fact, and where it leads."""

    place: str  # its area in the drawing, and its icon
    name: str
    tone: str
    word: str
    fact: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the nodes are made of, read once."""

    project: Project
    rollout: Rollout | None
    run: Run | None
    truth_at: datetime | None
    examples: dict[str, int]
    answered: dict[str, int]  # by role, of the last day
    alerts: dict[str, int]
    judged: datetime | None
    versions: int
    now: datetime


def look(project: Project, rollout: Rollout | None, *, now: datetime) -> Seen:
    """Eight small questions, whatever the project's size."""
    said = project.truths.filter(~said_again()).order_by("-pk")
    last = said.values_list("received_at", flat=True)
    judged = Evaluation.objects.filter(project=project).order_by("-pk")
    return Seen(
        project=project,
        rollout=rollout,
        run=project.runs.first(),
        truth_at=last.first(),
        examples={
            "open": _up_to(Example.objects.filter(project=project, open_slots__gt=0)),
            "disputed": _up_to(
                Example.objects.filter(project=project, state=Example.State.DISPUTED)
            ),
        },
        answered=_answered(project, since=now - LOOK_BACK),
        alerts=dict(
            project.alerts.filter(~Q(state=Alert.State.RESOLVED))
            .order_by()
            .values_list("state")
            .annotate(n=Count("pk"))
        ),
        judged=judged.values_list("created_at", flat=True).first(),
        versions=project.versions.count(),
        now=now,
    )


def _up_to(rows: Any) -> int:
    return int(rows.order_by()[: MOST + 1].count())


def _answered(project: Project, *, since: datetime) -> dict[str, int]:
    rows = HourBucket.objects.filter(project=project, slice="", hour__gte=since)
    return dict(
        rows.order_by().values_list("role").annotate(total=Sum(F("n") - F("errors")))
    )


def nodes(seen: Seen) -> list[Node]:
    """In the loop's order; the Orchestrator, which turns it, comes last."""
    return [
        _collector(seen),
        _labeller(seen),
        _featurizer(seen),
        _builder(seen),
        _evaluator(seen),
        _server(seen),
        _frontend(seen),
        _monitor(seen),
        _orchestrator(seen),
    ]


def _node(place: str, name: str, told: tuple[str, str], fact: str, path: str) -> Node:
    tone, word = told
    return Node(place=place, name=name, tone=tone, word=word, fact=fact, path=path)


def _collector(seen: Seen) -> Node:
    if seen.truth_at is None:
        told, fact = (UNKNOWN, "waiting"), "no truth has come yet"
    else:
        told = (GOOD, "collecting")
        fact = f"last truth {ago(seen.truth_at, seen.now)}"
    return _node("collector", "Ground-truth Collector", told, fact, "/monitor")


def _labeller(seen: Seen) -> Node:
    waiting, disputed = seen.examples["open"], seen.examples["disputed"]
    if disputed:
        told = (WARNING, "disputed")
        fact = f"{_many(disputed, 'example')} {'needs' if disputed == 1 else 'need'} a reviewer"
    elif waiting:
        told, fact = (BUSY, "waiting"), f"{_many(waiting, 'example')} to label"
    else:
        told, fact = (UNKNOWN, "idle"), "nothing to label"
    return _node("label", "Data Labeller", told, fact, "/label")


def _many(n: int, noun: str) -> str:
    return f"over {counted(MOST, noun)}" if n > MOST else counted(n, noun)


def _featurizer(seen: Seen) -> Node:
    inputs = counted(len(seen.project.fields), "input")
    told = (GOOD, "in step") if seen.rollout else (UNKNOWN, "idle")
    return _node("featurizer", "Featurizer", told, inputs, "/features")


def _builder(seen: Seen) -> Node:
    busy = seen.run is not None and not seen.run.is_over
    told = (BUSY, "building") if busy else (UNKNOWN, "resting")
    if not busy and seen.versions:
        told = (GOOD, "resting")
    return _node(
        "builder", "Model Builder", told, counted(seen.versions, "version"), "/models"
    )


def _evaluator(seen: Seen) -> Node:
    if seen.judged is None:
        told, fact = (UNKNOWN, "waiting"), "nothing judged yet"
    else:
        told = (GOOD, "judged")
        fact = ago(seen.judged, seen.now)
    return _node("evaluator", "Evaluator", told, fact, "/models")


def _server(seen: Seen) -> Node:
    rollout = seen.rollout
    if rollout is None:
        return _node(
            "server", "Model Server", (UNKNOWN, "idle"), "no model yet", "/models"
        )
    fallbacks = seen.answered.get("fallback", 0)
    fact = f"version {rollout.live.number} is live"
    told = (GOOD, "serving")
    if rollout.baseline_for_all:
        told, fact = (WARNING, "held back"), "everyone gets the baseline"
    elif storage.is_gone(rollout.live.uri):
        told, fact = (BAD, "broken"), f"version {rollout.live.number}: file gone"
    elif fallbacks:
        told, fact = (BAD, "falling back"), f"{counted(fallbacks, 'fall-back')} today"
    return _node("server", "Model Server", told, fact, f"/models/{rollout.live.number}")


def _frontend(seen: Seen) -> Node:
    answers = sum(n for role, n in seen.answered.items() if role != "shadow")
    told = (GOOD, "answering") if answers else (UNKNOWN, "quiet")
    fact = f"{counted(answers, 'answer')} in 24 hours"
    rollout = seen.rollout
    if rollout and rollout.candidate and rollout.share:
        fact = f"{float(rollout.share):g} % to version {rollout.candidate.number}"
    return _node("frontend", "Front-end", told, fact, "/rollout")


def _monitor(seen: Seen) -> Node:
    firing, known = seen.alerts.get("firing", 0), seen.alerts.get("acknowledged", 0)
    if firing:
        told, fact = (BAD, "alarm"), counted(firing, "alert") + " firing"
    elif known:
        told, fact = (WARNING, "looked after"), counted(known, "alert") + " open"
    elif seen.rollout is None:
        told, fact = (UNKNOWN, "idle"), "nothing to watch"
    else:
        told, fact = (GOOD, "calm"), "no open alert"
    return _node("monitor", "Performance Monitor", told, fact, "/monitor")


def _orchestrator(seen: Seen) -> Node:
    run = seen.run
    if run is None:
        return _node(
            "runs", "Orchestrator", (UNKNOWN, "idle"), "nothing has run yet", "/runs"
        )
    told = RUN_WORDS.get(run.verdict or run.state, (UNKNOWN, "done"))
    begun = ago(run.created_at, seen.now)
    return _node(
        "runs",
        "Orchestrator",
        told,
        f"run {run.number}, {begun}",
        f"/runs/{run.number}",
    )
