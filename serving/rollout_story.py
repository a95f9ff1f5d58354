"""What happened to a rollout, and what a person may expect of it, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from registry.identifiers import first_uuid7
from registry.models import ModelVersion, Project, Run
from serving.models import Prediction, Rollout, RolloutEvent

SAMPLE = 5000  # of the latest answers, to tell how many users an hour there are
DAY = timedelta(hours=24)
TOLD = {
    "open": "Version {live} answers everyone",
    "start": "Version {candidate} came in as {mode}{share}",
    "percent": "The share of version {candidate} became {percent:g} %",
    "targets": "The targets of version {candidate} changed",
    "plan": "The plan of version {candidate} changed",
    "pause": "Version {candidate} was paused: everyone gets {everyone}",
    "hold": "Version {candidate} was held at {percent:g} %",
    "resume": "It goes on",
    "promote": "Version {live} became live",
    "rollback": "Back to version {live}",
    "baseline": "Everyone got the baseline, version {baseline}",
    "set baseline": "Version {baseline} became the baseline",
}
# Of versions that nobody asks, and that wait for nothing any more.
OVER: dict[str, str] = {
    ModelVersion.State.REJECTED: "Version {} was rejected.",
    ModelVersion.State.ARCHIVED: "Version {} is archived.",
}


def told(event: RolloutEvent) -> str:
    """A change as a sentence without its end."""
    instead = _stands_in(event)
    baseline = f"the baseline, version {event.baseline}"
    unseen = instead and event.action in {"promote", "rollback"}
    share = (
        f" with {float(event.percent):g} %" if event.mode in {"canary", "ab"} else ""
    )
    said = TOLD.get(event.action, event.action.capitalize()).format(
        live=event.live,
        everyone=baseline if instead else f"version {event.live}",
        baseline=event.baseline,
        candidate=event.candidate or event.live,
        mode={"ab": "an A/B test", "shadow": "a shadow"}.get(event.mode, "a canary"),
        share=share,
        percent=float(event.percent),
    )
    return f"{said}, while everyone got the baseline" if unseen else said


def tried(rollout: Rollout) -> str:
    """What becomes of the candidate, as a part of a sentence; "" where there is none."""
    if rollout.candidate is None:
        return ""
    name = f"version {rollout.candidate.number}"
    if rollout.is_stopped:
        return f"{name} waits until somebody resumes"
    share = f" on {float(rollout.share):g} %" if rollout.share else ""
    return f"{name}{share} is being tried"


def next_of(run: Run, rollout: Rollout | None) -> str:
    """What is next of a run's version: what the run said, until the rollout has it."""
    said, number = str(run.report.get("next", "")), run.report.get("version")
    if number is None or not said:
        return said
    return (rollout and _place_in(rollout, number)) or _became(run, number) or said


def _place_in(rollout: Rollout, number: int) -> str:
    """What a version does now; "" if nothing."""
    if number == rollout.live.number:
        but = ", but everyone gets the baseline" if _stands_in(rollout) else ""
        return f"Version {number} is live{but}."
    if number == rollout.baseline.number:
        return f"Version {number} is the baseline."
    if rollout.candidate and number == rollout.candidate.number:
        return f"Version {number} is in its rollout."
    if rollout.shadows.filter(number=number).exists():
        return f"Version {number} answers in the shadow."
    return ""


def _became(run: Run, number: int) -> str:
    """How it ended with a version that does nothing now; "" if it did not begin."""
    state = run.versions.filter(number=number).values_list("state", flat=True).first()
    if state in OVER:
        return OVER[state].format(number)
    let_in = RolloutEvent.objects.filter(
        Q(candidate=number) | Q(live=number), project=run.project_id
    )
    if let_in.exists():
        return f"Version {number} was in the rollout, and is no more."
    return ""


def _stands_in(row: Rollout | RolloutEvent) -> bool:
    """Whether the baseline answers everyone in place of another live version."""
    return row.baseline_for_all and row.live != row.baseline


def figures(numbers: Mapping[str, Any]) -> dict[str, Any] | None:
    """The difference or gain a change was decided on, with its interval and n."""
    found = numbers.get("difference") or numbers
    value = found.get("value", found.get("gain"))
    if value is None:
        return None
    return {"value": value} | {name: found.get(name) for name in ("low", "high", "n")}


def since(project: Project, *, revision: int) -> list[RolloutEvent]:
    """What changed after a revision, the oldest first."""
    events = project.rollout_events.filter(revision__gt=revision)
    return list(events.order_by("id")[:10])


def users_an_hour(project: Project, *, now: datetime) -> float | None:
    """About how many users ask in an hour; None where nobody asked for a day.

    Read from the latest answers alone, so that a busy project costs no more.
    """
    asked = Prediction.objects.filter(
        project=project, pk__gte=first_uuid7(now - DAY), test=False
    ).exclude(role=Prediction.Role.SHADOW)
    latest = asked.order_by("-pk").values("unit", "received_at")[:SAMPLE]
    seen = latest.aggregate(
        n=Count("*"), users=Count("unit", distinct=True), first=Min("received_at")
    )
    if not seen["n"]:
        return None
    hours = 24.0
    if seen["n"] == SAMPLE:
        hours = max((now - seen["first"]).total_seconds() / 3600, 1 / 60)
    return seen["users"] / hours


def next_step(
    rollout: Rollout, *, answered: int | None, now: datetime
) -> dict[str, Any] | None:
    """What the plan waits for: the hours and answers its present step still needs."""
    if not rollout.plan or rollout.step_since is None:
        return None
    step = rollout.plan[min(rollout.step, len(rollout.plan) - 1)]
    over = rollout.step_since + timedelta(hours=step.get("hours") or 0)
    missing = max(int(step.get("min_n") or 0) - (answered or 0), 0)
    last = rollout.step + 1 >= len(rollout.plan)
    return {
        "until": over if over > now else None,
        "missing": missing,
        "percent": None if last else rollout.plan[rollout.step + 1]["percent"],
    }
