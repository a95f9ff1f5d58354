"""Component 6, Orchestrator: what people decide about versions, after the gate or
against it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from mlsystem.orchestrator import publish
from registry import audit
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.errors import Conflict, Forbidden
from registry.models import ModelVersion, Run
from serving import rollout as rollouts
from serving.models import Rollout

State = ModelVersion.State
MAY_REJECT = (State.BUILT, State.WAITING, State.ACCEPTED)


def approve(*, version: ModelVersion, by: Actor, reason: str = "") -> ModelVersion:
    """A second person lets a version through that passed the gate; rollout begins."""
    if version.state != State.WAITING:
        raise Conflict(_not_waiting(version))
    if by.user is not None and by.user.pk in _makers(version):
        raise Forbidden(
            "A second person approves: you started the run that made this version."
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
    """Out of every list to choose from; kept, with its card, for ever."""
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


def _decide(
    version: ModelVersion, free: Q, *, state: str, by: Actor, rule: str, text: str
) -> None:
    """Of two people who decide at once, one is told that it was decided."""
    entry: dict[str, Any] = {
        "rule": rule,
        "passed": state == State.ACCEPTED,
        "text": text,
        "numbers": {},
    }
    changed = ModelVersion.objects.filter(free, pk=version.pk).update(
        state=state,
        reasons=[*version.reasons, entry],
        decided_by=by.user,
        decided_at=clock_now(),
    )
    if not changed:
        version.refresh_from_db()
        raise Conflict(f"Version {version.number} is {version.get_state_display()}.")


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


def _makers(version: ModelVersion) -> set[int | None]:
    run = version.run
    return {version.created_by_id, run.requested_by_id if run else None} - {None}


def _not_waiting(version: ModelVersion) -> str:
    state = version.get_state_display()
    if version.state == State.REJECTED:
        return f"Version {version.number} is {state}: the gate's reasons say why."
    if version.state == State.BUILT:
        return f"Version {version.number} has not been through the gate: start a run."
    return f"Version {version.number} is {state}: nothing waits for approval."


def _words(verb: str, by: Actor, reason: str) -> str:
    return f"{verb} by {by.name}{': ' + reason if reason else '.'}"
