"""Component 6, Orchestrator, step 5: the candidate before the sealed test, by the
Evaluator, beside the baseline and what is live."""

from __future__ import annotations

from mlsystem import baselines
from mlsystem.orchestrator import backtest, worth
from mlsystem.orchestrator.learning import learning_rows
from mlsystem.orchestrator.work import Outputs, StepWork
from monitoring.evaluator import sealed
from monitoring.models import Evaluation
from registry import featurizer
from registry.models import ModelVersion
from serving import rollout_rules
from serving.models import Rollout

REPLAYED = 200  # rows through both paths of the Featurizer


def evaluate(work: StepWork) -> Outputs:
    """Reports and the gate's verdict, with the numbers behind every reason."""
    candidate = ModelVersion.objects.select_related("project").get(
        project=work.project, number=work.before["build"]["version"]
    )
    if work.run.as_of:
        judgement = backtest.judge(work, candidate)
        reasons = judgement.verdict.reasons
    else:
        rollout = _rollout(work)
        judgement = sealed.judge_candidate(
            candidate=candidate,
            baseline=rollout.baseline,
            live=rollout.live,
            dataset=work.dataset,
            run=work.run,
            by=work.run.requested_by,
        )
        reasons = [*judgement.verdict.reasons, _accepts_requests(rollout, candidate)]
    reasons += _same_features(work, candidate)
    bring = {} if work.run.as_of else worth.windows_bring(work, candidate)
    for reason in reasons:
        work.log(reason["text"])
    return {
        "candidate": candidate.number,
        "accepted": all(reason["passed"] for reason in reasons),
        "reasons": reasons,
        "windows_bring": bring,
        "evaluations": {
            name: evaluation.pk for name, evaluation in judgement.evaluations.items()
        },
        "versions": {
            name: _number(evaluation)
            for name, evaluation in judgement.evaluations.items()
        },
    }


def _rollout(work: StepWork) -> Rollout:
    """What serves; a project whose baseline is not live yet gets it now."""
    baselines.open_if_missing(project=work.project, by=work.run.requested_by)
    return Rollout.objects.select_related("live__project", "baseline__project").get(
        project=work.project
    )


def _accepts_requests(rollout: Rollout, candidate: ModelVersion) -> dict[str, object]:
    """A candidate must read what clients send to the live version."""
    unmet = rollout_rules.unmet_fields(
        live=rollout.live.fields, candidate=candidate.fields
    )
    text = " ".join(unmet) or "It reads every request that the live model reads."
    return {
        "rule": "accepts live's requests",
        "passed": not unmet,
        "text": text,
        "numbers": {"fields": unmet},
    }


def _same_features(work: StepWork, candidate: ModelVersion) -> list[dict[str, object]]:
    """What it learnt from must be what a request will be answered from."""
    spec = candidate.features
    if not any(spec.get(part) for part in ("row", "lookups", "windows")):
        return []
    parity = featurizer.check_parity(
        project=work.project, features=spec, frame=learning_rows(work), n=REPLAYED
    )
    text = f"{parity.rows} rows have the same features in training and in a request."
    if not parity.holds:
        first = parity.differences[0]
        text = (
            f"{first.feature} differs between training ({first.batch}) and a request "
            f"({first.realtime})."
        )
    return [
        {
            "rule": "same features",
            "passed": parity.holds,
            "text": text,
            "numbers": {"rows": parity.rows, "differences": len(parity.differences)},
        }
    ]


def _number(evaluation: Evaluation) -> int | None:
    return evaluation.version.number if evaluation.version else None
