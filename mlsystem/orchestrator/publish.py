"""Component 6, Orchestrator: what an accepted version does next, and who decides it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from registry.actors import Actor
from registry.errors import DomainError, EditedMeanwhile
from registry.models import ModelVersion, Project, Run
from serving import rollout as rollouts
from serving.models import Rollout, RolloutEvent

# The trigger of a first run that was asked for together with its project.
FIRST_RUN = "create_project"
AUTHOR = Actor(label="the orchestrator", role="admin")
DEFAULT_PLAN = [
    {"percent": 5, "hours": 24, "min_n": 200},
    {"percent": 25, "hours": 24, "min_n": 1000},
    {"percent": 50, "hours": 24, "min_n": 2000},
]
TRIES = 5  # at a rollout that others are editing


def after_gate(*, version: ModelVersion, run: Run | None) -> str:
    """Publish as the project says; the answer tells a person what happens next."""
    if version.state == ModelVersion.State.WAITING:
        return "It waits for the approval of a second person."
    if version.state != ModelVersion.State.ACCEPTED:
        return ""
    for _ in range(TRIES):
        rollout = Rollout.objects.filter(project=version.project).first()
        if rollout is None:
            return "Accepted; nothing serves in this project yet."
        try:
            return _publish(rollout, version, run)
        except EditedMeanwhile:
            continue
        except DomainError as error:  # the version is good, whatever stands in its way
            return f"Accepted, waiting for rollout: {error.detail}"
    return "Accepted, waiting for rollout: somebody is editing the rollout."


def _publish(rollout: Rollout, version: ModelVersion, run: Run | None) -> str:
    if rollouts.roles_of(version):
        return _told(rollout, version)  # an earlier try of this step did it
    if _was_in(rollout, version):
        return "It was in the rollout and was taken out: it stays out."
    reason, numbers = _because(version)
    if _goes_live_at_once(rollout, run):
        rollouts.go_live(
            rollout=rollout,
            version=version,
            by=AUTHOR,
            revision=rollout.revision,
            reason=reason,
            numbers=numbers,
        )
        return "It is live: only the baseline served before."
    autopilot = version.project.autopilot
    if autopilot == Project.Autopilot.MANUAL:
        return "Accepted, waiting for rollout."
    if autopilot == Project.Autopilot.PROPOSE:
        return f"Proposed: start a canary with version {version.number}."
    plan = version.project.plan or DEFAULT_PLAN
    rollouts.start(
        rollout=rollout,
        candidate=version,
        mode=Rollout.Mode.CANARY,
        plan=plan,
        by=AUTHOR,
        revision=rollout.revision,
        reason=reason,
    )
    return f"A canary has begun with {plan[0]['percent']} %."


def _goes_live_at_once(rollout: Rollout, run: Run | None) -> bool:
    first = run is not None and run.trigger == FIRST_RUN
    return first and rollout.live_id == rollout.baseline_id


def _told(rollout: Rollout, version: ModelVersion) -> str:
    if rollout.live_id == version.pk:
        return "It is live: only the baseline served before."
    return f"It is in the rollout ({rollout.mode})."


def _was_in(rollout: Rollout, version: ModelVersion) -> bool:
    """Whether an earlier try, or a person, let it in already. What a guardrail took out
    since does not come back because a worker died."""
    let_in = Q(action="start", candidate=version.number)
    let_in |= Q(action="promote", live=version.number)
    return RolloutEvent.objects.filter(let_in, project=rollout.project_id).exists()


def _because(version: ModelVersion) -> tuple[str, dict[str, Any]]:
    """The gate's own words on the gain, and their numbers."""
    for reason in version.reasons:
        if reason["rule"].startswith("better than"):
            return f"Gate: {reason['text']}"[:500], reason["numbers"]
    return "The gate accepted it.", {}
