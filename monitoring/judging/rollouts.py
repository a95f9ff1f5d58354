"""Judging a rollout, every minute: guardrails first, then the plan's next step.

A step up stands on the guardrails: the plan's hours and answers, and upper bounds inside
the limits; truth may come later than a step can wait. Promotion and the goal's own way
back stand on truth. Without enough of either a rollout stays where it is; where somebody
holds it, or gives everyone the baseline, the guardrails alone go on. Every decision is a
row with the numbers it was made on.
"""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction

from monitoring.judging import steps
from monitoring.judging.comparison import compare_rollout
from monitoring.judging.guardrails import are_safe
from monitoring.judging.steps import Progress
from monitoring.models import RolloutDecision
from registry.errors import DomainError
from registry.models import Project
from serving import rollout as rollouts
from serving.model_server.states import ASKED
from serving.models import Rollout

logger = logging.getLogger(__name__)

GUARD = "the guardrails"
PLAN = "the plan"


def judge_all(now: datetime) -> None:
    working = Rollout.objects.filter(state__in=ASKED).select_related(
        "project", "live", "baseline", "candidate", "previous"
    )
    for rollout in working:
        try:
            judge(rollout, now=now)
        except DomainError as error:  # somebody pressed a button meanwhile
            logger.info("rollout of %s not judged: %s", rollout.project, error.detail)


def judge(rollout: Rollout, *, now: datetime) -> str:
    """What was done: rollback, step, promote, or nothing."""
    found = compare_rollout(rollout, now=now)
    step = steps.progress(rollout, now=now)
    action = _action(rollout, found, step)
    candidate = rollout.candidate
    if not action or candidate is None:
        return ""
    reason, numbers = found["text"], {"verdict": found["verdict"]}
    if found["verdict"] == "breach" or action == "step":
        numbers["guardrails"] = found["guardrails"]
    else:
        numbers["difference"] = found["difference"]
    if action == "step":
        step = steps.progress(rollout, now=now, counts_all=True)
        assert step is not None
        reason = _why_a_step(found, step)
        numbers["answers"] = step.answers
    edit: dict[str, Any] = {
        "by": GUARD if found["verdict"] == "breach" else PLAN,
        "revision": rollout.revision,
        "reason": reason,
        "numbers": numbers,
    }
    with transaction.atomic():
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


def _action(rollout: Rollout, found: dict[str, Any], step: Progress | None) -> str:
    """Guardrails always act; the plan and the goal only where somebody made a plan, and
    nobody holds it."""
    verdict = found["verdict"]
    if verdict == "breach":
        return "rollback"
    if step is None or rollout.plan_waits or rollout.mode != Rollout.Mode.CANARY:
        return ""
    if verdict == "worse":
        return "rollback"
    if not step.is_over:
        return ""
    if rollout.step + 1 >= len(rollout.plan):
        automatic = rollout.project.autopilot == Project.Autopilot.AUTOMATIC
        return "promote" if automatic and verdict in {"better", "level"} else ""
    may = verdict in {"better", "level", "wait"} and are_safe(found["guardrails"])
    return "step" if may else ""


def _why_a_step(found: dict[str, Any], step: Progress) -> str:
    """What a step stood on, and what was known of the goal, on which it did not."""
    guards = " ".join(guard["text"] for guard in found["guardrails"])
    return f"Guardrails inside their limits after {step.text}. {guards} {found['text']}"
