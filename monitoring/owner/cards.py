"""The cards of the owner's screen: rollout, truth, queue. Sentences and few numbers."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from labelling.collector.delays import delays
from labelling.labeller import fresh
from labelling.models import Annotation
from monitoring.judging.comparison import compare_rollout
from monitoring.owner.loop import Seen
from monitoring.verdicts.cards import (
    Way,
    coverage_words,
    delay_words,
    on_its_way,
    queue_words,
)
from registry.models import Project
from serving.models import Rollout, RolloutEvent

DAY = timedelta(days=1)
DELAYS_OF = 300  # the newest truths: enough for a median
EVENTS = 100


def rollout_card(rollout: Rollout, *, now: datetime) -> dict[str, Any]:
    """Who gets what since when, and what happens next."""
    events = list(rollout.project.rollout_events.all()[:EVENTS])
    card: dict[str, Any] = {
        "live_since": _live_since(rollout, events),
        "last": events[0] if events else None,
    }
    if rollout.candidate is None:
        return card
    found = compare_rollout(rollout, now=now, with_units=False)
    since = rollout.step_since or rollout.started_at
    gap = found["difference"]
    way = Way(
        number=rollout.candidate.number,
        mode=rollout.mode,
        state=rollout.state,
        stopped=rollout.is_stopped,
        percent=float(rollout.percent),
        since=since.date() if since else None,
        verdict=found["verdict"],
        needed=found.get("needs"),
        alike=gap["value"] is None,
    )
    step = None
    if rollout.plan:
        step = {"number": rollout.step + 1, "of": len(rollout.plan)}
    return card | {
        "sentence": on_its_way(way, today=now.date()),
        "gap": gap if gap["value"] is not None else None,
        "step": step,
        "guardrails": [g for g in found["guardrails"] if not g["ok"]],
    }


def _live_since(rollout: Rollout, events: list[RolloutEvent]) -> datetime | None:
    """When the live version became it, as far back as the newest events tell."""
    since = None
    for event in events:
        if event.live != rollout.live.number:
            return since
        since = event.at
    return since


def truth_card(
    project: Project, *, coverage: float | None, answers: int
) -> dict[str, Any]:
    found = delays(project=project, sample=DELAYS_OF)
    silent = project.silence == Project.Silence.NEGATIVE
    return {
        "coverage": coverage,
        "text": coverage_words(
            coverage, answers=answers, horizon=project.horizon, silent=silent
        ),
        "delay": delay_words(found.median, found.p90),
    }


def queue_card(project: Project, seen: Seen) -> dict[str, Any]:
    labelled = Annotation.objects.filter(
        example__project=project,
        state=Annotation.State.SUBMITTED,
        created_at__gte=seen.now - DAY,
    ).aggregate(n=Count("pk"))["n"]
    waiting, disputed = seen.examples["open"], seen.examples["disputed"]
    return {
        "waiting": waiting,
        "disputed": disputed,
        "text": queue_words(waiting=waiting, disputed=disputed, today=labelled),
        "next_run": fresh.next_run(project),
    }
