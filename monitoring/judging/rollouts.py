"""Judging a rollout, every minute: guardrails first, then the plan's next step.

Every decision is a row with the numbers it was made on. No data decides nothing: a
rollout without truth is held where it is.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from monitoring.judging.comparison import compare_rollout
from monitoring.models import RolloutDecision
from registry.errors import DomainError
from registry.models import Project
from serving import rollout as rollouts
from serving.models import Rollout

logger = logging.getLogger(__name__)

GUARD = "the guardrails"
PLAN = "the plan"


def judge_all(now: datetime) -> None:
    running = Rollout.objects.filter(state=Rollout.State.RUNNING).select_related(
        "project", "live", "baseline", "candidate", "previous"
    )
    for rollout in running:
        try:
            judge(rollout, now=now)
        except DomainError as error:  # somebody pressed a button meanwhile
            logger.info("rollout of %s not judged: %s", rollout.project, error.detail)


def judge(rollout: Rollout, *, now: datetime) -> str:
    """What was done: rollback, step, promote, or nothing."""
    found = compare_rollout(rollout, now=now)
    action = _action(rollout, found["verdict"], now=now)
    candidate = rollout.candidate
    if not action or candidate is None:
        return ""
    reason = found["text"]
    numbers = {"difference": found.get("difference"), "verdict": found["verdict"]}
    edit: dict[str, Any] = {
        "by": GUARD if found["verdict"] == "breach" else PLAN,
        "revision": rollout.revision,
        "reason": reason,
        "numbers": numbers,
    }
    if action == "rollback":
        rollouts.rollback(rollout=rollout, **edit)
    elif action == "promote":
        rollouts.promote(rollout=rollout, **edit)
    else:
        percent = rollout.plan[rollout.step + 1]["percent"]
        rollouts.set_percent(rollout=rollout, percent=percent, **edit)
    RolloutDecision.objects.create(
        project=rollout.project,
        candidate=candidate,
        verdict=action,
        text=reason[:500],
        numbers=numbers,
    )
    return action


def _action(rollout: Rollout, verdict: str, *, now: datetime) -> str:
    """Guardrails always act; the plan and the goal only where somebody made a plan."""
    if verdict == "breach":
        return "rollback"
    if not rollout.plan or rollout.mode != Rollout.Mode.CANARY:
        return ""
    if verdict == "worse":
        return "rollback"
    automatic = rollout.project.autopilot == Project.Autopilot.AUTOMATIC
    last = rollout.step + 1 >= len(rollout.plan)
    if not _step_is_over(rollout, now=now):
        return ""
    if last:
        return "promote" if automatic and verdict in {"better", "level"} else ""
    return "step" if verdict in {"better", "level", "wait"} else ""


def _step_is_over(rollout: Rollout, *, now: datetime) -> bool:
    """The step's hours have passed and it has answered its minimum of requests."""
    from monitoring.monitor.series import Window, total

    if rollout.step_since is None or rollout.candidate is None:
        return False
    step = rollout.plan[min(rollout.step, len(rollout.plan) - 1)]
    if now < rollout.step_since + timedelta(hours=step.get("hours", 0)):
        return False
    window = Window(
        start=rollout.step_since.replace(minute=0, second=0, microsecond=0),
        end=now + timedelta(hours=1),
        roles=("canary",),
    )
    return total(rollout.candidate, window, now=now).n >= step.get("min_n", 0)
