"""Component 6, Orchestrator: what people decide about versions, after the gate or
against it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from mlsystem.orchestrator import publish
from registry import audit, keys
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.errors import Conflict, Forbidden
from registry.models import ModelVersion, Run
from serving import candidates
from serving import rollout as rollouts
from serving.models import Rollout

State = ModelVersion.State
MAY_REJECT = (State.BUILT, State.WAITING, State.ACCEPTED)


def approve(*, version: ModelVersion, by: Actor, reason: str = "") -> ModelVersion:
    """A second person lets a version through that passed the gate; rollout begins."""
    if version.state != State.WAITING:
        raise Conflict(_not_waiting(version))
    if _makers(version) & _approvers(by):
        raise Forbidden(
            "A second person approves: not who started the run that made this version, "
            "nor who made the key that did."
        )
    with transaction.atomic():
        _decide(
            version,
            Q(state=State.WAITING),
            state=State.ACCEPTED,
            by=by,
            rule="approved",
            text=_words("Approved", by, reason),
        )
        audit.record(
            project=version.project,
            actor=by,
            action="model.approve",
            target=str(version),
            detail={"reason": reason},
        )
        Run.objects.filter(versions=version, verdict=Run.Verdict.WAITING).update(
            verdict=Run.Verdict.ACCEPTED
        )
        version.refresh_from_db()
        # In the same commit: nobody can press a second time for a rollout that is lost.
        told = publish.after_gate(version=version, run=version.run)
        if version.run is not None:
            report = {**version.run.report, "next": told}
            Run.objects.filter(versions=version).update(report=report)
    version.refresh_from_db()
    return version


def reject(*, version: ModelVersion, by: Actor, reason: str = "") -> ModelVersion:
    """A person says no to a version that does not serve."""
    _must_not_serve(version)
    with transaction.atomic():
        _decide(
            version,
            Q(state__in=MAY_REJECT) & _idle(version),
            state=State.REJECTED,
            by=by,
            rule="rejected by a person",
            text=_words("Rejected", by, reason),
        )
        audit.record(
            project=version.project,
            actor=by,
            action="model.reject",
            target=str(version),
            detail={"reason": reason},
        )
        Run.objects.filter(versions=version, verdict=Run.Verdict.WAITING).update(
            verdict=Run.Verdict.REJECTED
        )
    version.refresh_from_db()
    return version


def archive(*, version: ModelVersion, by: Actor, reason: str = "") -> ModelVersion:
    """Out of every list to choose from; kept, with its card, until it is brought back."""
    _must_not_serve(version)
    with transaction.atomic():
        _decide(
            version,
            ~Q(state=State.ARCHIVED) & _idle(version),
            state=State.ARCHIVED,
            by=by,
            rule="archived",
            text=_words("Archived", by, reason),
        )
        audit.record(
            project=version.project,
            actor=by,
            action="model.archive",
            target=str(version),
            detail={"reason": reason},
        )
    version.refresh_from_db()
    return version


def bring_back(*, version: ModelVersion, by: Actor, reason: str = "") -> ModelVersion:
    """Out of the archive, as what it was before; nothing begins to serve by that."""
    with transaction.atomic():
        candidates.hold(version)
        if version.state != State.ARCHIVED:
            state = version.get_state_display().lower()
            raise Conflict(
                f"Version {version.number} is {state}: only archived ones come back."
            )
        _decide(
            version,
            Q(state=State.ARCHIVED),
            state=(before := _before_the_archive(version)),
            by=by,
            rule="brought back",
            text=_words("Brought back", by, reason),
        )
        audit.record(
            project=version.project,
            actor=by,
            action="model.bring_back",
            target=str(version),
            detail={"reason": reason, "state": before},
        )
    version.refresh_from_db()
    return version


def _before_the_archive(version: ModelVersion) -> str:
    """What the entry of its archiving says; else what may not serve without a gate."""
    kept = (one["was"] for one in reversed(version.reasons) if "was" in one)
    return next(kept, State.BUILT)


def _decide(
    version: ModelVersion, free: Q, *, state: str, by: Actor, rule: str, text: str
) -> None:
    """Of two people who decide at once, one is told that it was decided."""
    candidates.hold(version)
    back = version.state == State.ARCHIVED  # that is no verdict on it
    entry: dict[str, Any] = {
        "rule": rule,
        "passed": state == State.ACCEPTED or back,
        "text": text,
        "numbers": {},
    }
    if back or state == State.ARCHIVED:
        entry["was"] = version.state
    changed = ModelVersion.objects.filter(free, pk=version.pk).update(
        state=state,
        reasons=[*version.reasons, entry],
        decided_by=by.user,
        decided_at=clock_now(),
    )
    if not changed:
        version.refresh_from_db()
        raise Conflict(
            f"Version {version.number} is {version.get_state_display().lower()}."
        )


def _idle(version: ModelVersion) -> Q:
    """True where no rollout uses the version, asked in the same statement."""
    serving = Rollout.objects.filter(
        Q(live=version.pk)
        | Q(baseline=version.pk)
        | Q(candidate=version.pk)
        | Q(shadows=version.pk)
    )
    return ~Q(project__in=serving.values("project"))


def _must_not_serve(version: ModelVersion) -> None:
    roles = [role for role in rollouts.roles_of(version) if role != "previous"]
    if roles:
        raise Conflict(
            f"Version {version.number} is {' and '.join(roles)}: change the rollout "
            "first."
        )


def _makers(version: ModelVersion) -> set[int]:
    run = version.run
    return keys.hands([version.created_by_id, run.requested_by_id if run else None])


def _approvers(by: Actor) -> set[int]:
    """A person in their own session is one; a key is also whoever made it."""
    if by.key is not None:
        return keys.hands([by.key.user_id])
    return {by.user.pk} if by.user else set()


def _not_waiting(version: ModelVersion) -> str:
    state = version.get_state_display().lower()
    if version.state == State.REJECTED:
        return f"Version {version.number} is {state}: the gate's reasons say why."
    if version.state == State.BUILT:
        return f"Version {version.number} has not been through the gate: start a run."
    return f"Version {version.number} is {state}: nothing waits for approval."


def _words(verb: str, by: Actor, reason: str) -> str:
    return f"{verb} by {by.name}{': ' + reason if reason else '.'}"
