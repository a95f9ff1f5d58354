"""Which versions may serve, and what a candidate must accept before it may."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from registry import plans
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.errors import Conflict, FieldError, InvalidInput, Unprocessable
from registry.models import ModelVersion, User
from serving import rollout_rules as rules
from serving.models import Rollout
from serving.rollout_writes import By

Mode = Rollout.Mode


def check_candidate(rollout: Rollout, version: ModelVersion) -> None:
    check_servable(rollout, version, name="candidate")
    if version.pk == rollout.live_id:
        raise Conflict(f"Version {version.number} is live already.")
    unmet = rules.unmet_fields(live=rollout.live.fields, candidate=version.fields)
    if unmet:
        raise Unprocessable(
            f"Version {version.number} would refuse requests that live accepts. "
            + " ".join(unmet),
            errors=[FieldError("candidate", text) for text in unmet],
        )


def check_servable(rollout: Rollout, version: ModelVersion, *, name: str) -> None:
    if version.project_id != rollout.project_id:
        raise wrong(name, "There is no such version in this project.")
    _check_state(version)


def _check_state(version: ModelVersion) -> None:
    accepted = version.state == ModelVersion.State.ACCEPTED
    is_baseline = version.kind == ModelVersion.Kind.BASELINE
    fresh_baseline = is_baseline and version.state == ModelVersion.State.BUILT
    if not (accepted or fresh_baseline):
        raise Conflict(
            f"Version {version.number} is {version.get_state_display().lower()}: only "
            "accepted versions and baselines serve."
        )


def hold(version: ModelVersion) -> None:
    """Read the state and its reasons anew and keep them so until the commit: who rejects
    a version and who lets it serve wait for each other, and the second is told. Rows that
    speak of the version may be written meanwhile: whoever does has the rollout already."""
    rows = ModelVersion.objects.select_for_update(no_key=True)
    version.refresh_from_db(fields=["state", "reasons"], from_queryset=rows)


def accept(version: ModelVersion, by: By) -> None:
    """Inside the change that lets it serve. A baseline needs no gate: it is what the
    gate measures against."""
    hold(version)
    _check_state(version)
    if version.state == ModelVersion.State.ACCEPTED:
        return
    user = by.user if isinstance(by, Actor) else by if isinstance(by, User) else None
    version.state, version.decided_at = ModelVersion.State.ACCEPTED, clock_now()
    version.decided_by = user
    version.save(update_fields=["state", "decided_at", "decided_by"])


def first_share(mode: str, percent: object, plan: Sequence[Any]) -> Decimal:
    if mode == Mode.SHADOW:
        if plan:
            raise wrong("plan", "A shadow takes no traffic: a plan is for a canary.")
        if percent is not None and plans.clean_percent(percent) > 0:
            raise wrong("percent", "A shadow takes no traffic: leave percent out.")
        return Decimal(0)
    if mode == Mode.AB and len(plan) > 1:
        raise wrong("plan", "An A/B test keeps its share: give one step at most.")
    if percent is None and not plan:
        raise wrong("percent", "Say which share the candidate gets, 0 to 100.")
    planned = plans.clean_percent(plan[0]["percent"]) if plan else None
    share = planned if percent is None else plans.clean_percent(percent)
    if planned is not None and share != planned:
        raise wrong("percent", f"The plan begins with {planned}: leave percent out.")
    return share or Decimal(0)


def targets_for(mode: str, targets: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if targets and mode == Mode.SHADOW:
        raise wrong("targets", "A shadow answers nobody: leave targets out.")
    return rules.clean_targets(targets)


def wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", errors=[FieldError(name, message)])
