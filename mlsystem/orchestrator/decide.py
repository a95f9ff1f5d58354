"""Component 6, Orchestrator, step 6: the verdict on the run and the version, the card,
and the first move of the rollout."""

from __future__ import annotations

from django.db import transaction

from mlsystem.orchestrator import publish
from mlsystem.orchestrator.card import card_of
from mlsystem.orchestrator.work import Outputs, StepWork
from registry.clock import now as clock_now
from registry.models import ModelVersion, Run

State, Verdict = ModelVersion.State, Run.Verdict


def decide(work: StepWork) -> Outputs:
    """Write what the gate said; accepted and nobody to ask: publish as planned."""
    judged = work.before["evaluate"]
    version = ModelVersion.objects.select_related("project").get(
        project=work.project, number=judged["candidate"]
    )
    state, verdict = _outcome(work, accepted=judged["accepted"])
    with transaction.atomic():
        work.context.guard()  # who lost the lease, or was cancelled, publishes nothing
        changed = ModelVersion.objects.filter(pk=version.pk, state=State.BUILT).update(
            state=state,
            reasons=judged["reasons"],
            card=card_of(work, version),
            decided_at=clock_now(),
        )
        Run.objects.filter(pk=work.run.pk).update(
            verdict=verdict, reasons=judged["reasons"]
        )
        version.refresh_from_db()
        told = ""
        if not work.run.as_of and (changed or version.state == State.ACCEPTED):
            told = publish.after_gate(version=version, run=work.run)
        report = {"version": version.number, "next": told}
        Run.objects.filter(pk=work.run.pk).update(report=report)
    work.log(f"{version}: {verdict}. {told}".strip())
    return {"verdict": verdict, **report}


def _outcome(work: StepWork, *, accepted: bool) -> tuple[str, str]:
    """The version's state and the run's verdict. A back-test's version never serves."""
    verdict = Verdict.ACCEPTED if accepted else Verdict.REJECTED
    if work.run.as_of:
        return State.ARCHIVED, verdict
    if not accepted:
        return State.REJECTED, verdict
    if work.project.gate.get("approval"):
        return State.WAITING, Verdict.WAITING
    return State.ACCEPTED, verdict
