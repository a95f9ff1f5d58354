"""Component 3, Evaluator: the one door to sealed test truth. Aggregates leave it, rows
never do, and every look is counted: a test set wears out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from monitoring.evaluator.economics import Economics
from monitoring.evaluator.evaluate import compare, evaluate
from monitoring.evaluator.gate import Verdict, judge
from monitoring.evaluator.scored import Scored
from monitoring.evaluator.scoring import importance_of, scored_answers, scored_by
from monitoring.models import Evaluation
from registry import datasets, seal
from registry.answering import Answer
from registry.models import Dataset, ModelVersion, Project, Run, Split, User

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_SLICES = 8  # columns that a report ranks by default
MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The gate's verdict on the sealed test set, and the reports behind it."""

    verdict: Verdict
    evaluations: dict[str, Evaluation]  # by part: candidate, baseline, live


@dataclass(frozen=True, kw_only=True)
class JudgedRows:
    """Inputs with their truth. Only this module makes them of sealed rows."""

    inputs: pd.DataFrame
    truth: pd.Series
    dataset: Dataset | None  # None: rows of a back-test, which no seal covers
    seed: int


def evaluate_version(
    *,
    version: ModelVersion,
    dataset: Dataset,
    run: Run | None = None,
    by: User | None = None,
) -> Evaluation:
    """Report how a version does on a dataset's test rows."""
    rows = _open(dataset)
    scored = scored_by(version=version, inputs=rows.inputs, truth=rows.truth)
    report = _report(version.project, version.costs, scored, seed=rows.seed)
    report["importance"] = importance_of(version=version, inputs=rows.inputs)
    return _written(version, rows, scored, report, run=run, by=by)


def judge_candidate(
    *,
    candidate: ModelVersion,
    baseline: ModelVersion,
    live: ModelVersion | None,
    dataset: Dataset,
    run: Run | None = None,
    by: User | None = None,
) -> Judgement:
    """Judge a candidate against the baseline, and against live where it differs, on the
    same sealed rows; one look."""
    rows = _open(dataset)
    return judge_on(
        rows=rows, candidate=candidate, baseline=baseline, live=live, run=run, by=by
    )


def compare_versions(
    *, ours: ModelVersion, theirs: ModelVersion, dataset: Dataset
) -> dict[str, Any]:
    """The gain of one version over another in the project's metric, resampled in pairs
    on the same sealed rows; one look."""
    import numpy as np

    rows = _open(dataset)
    scored = [
        scored_by(version=version, inputs=rows.inputs, truth=rows.truth)
        for version in (ours, theirs)
    ]
    return compare(
        *scored,
        metric=ours.project.primary_metric,
        economics=Economics.from_costs(ours.costs),
        rng=np.random.default_rng(rows.seed),
    )


def judge_on(
    *,
    rows: JudgedRows,
    candidate: ModelVersion,
    baseline: ModelVersion,
    live: ModelVersion | None,
    run: Run | None = None,
    by: User | None = None,
) -> Judgement:
    """The same on given rows: a back-test's were never sealed."""
    import numpy as np

    versions = {"candidate": candidate, "baseline": baseline}
    if live is not None and live.pk != baseline.pk:
        versions["live"] = live
    scored = {
        name: scored_by(version=version, inputs=rows.inputs, truth=rows.truth)
        for name, version in versions.items()
    }
    verdict = _judge(candidate, scored, np.random.default_rng(rows.seed))
    reports = {
        name: _report(candidate.project, candidate.costs, scored[name], seed=rows.seed)
        for name in versions
    }
    for name, version in versions.items():
        reports[name]["importance"] = importance_of(version=version, inputs=rows.inputs)
    with transaction.atomic():
        written = {
            name: _written(version, rows, scored[name], reports[name], run=run, by=by)
            for name, version in versions.items()
        }
    return Judgement(verdict=verdict, evaluations=written)


def evaluate_answers(
    *,
    project: Project,
    dataset: Dataset,
    answers: Sequence[Answer],
    by: User | None,
    commit: Callable[[Evaluation], None],
) -> Evaluation:
    """Report how predictions made elsewhere do; their order is the test rows'. `commit`
    writes into the transaction that stores it."""
    rows = _open(dataset)
    scored = scored_answers(
        project=project,
        classes=project.classes,
        answers=answers,
        inputs=rows.inputs,
        truth=rows.truth,
        decision=project.decision,
    )
    report = _report(project, project.costs, scored, seed=rows.seed)
    with transaction.atomic():
        evaluation = Evaluation.objects.create(
            project=project,
            dataset=dataset,
            kind=Evaluation.Kind.EXTERNAL,
            n=scored.n,
            report=report,
            created_by=by,
        )
        commit(evaluation)
    return evaluation


def _open(dataset: Dataset) -> JudgedRows:
    """The test rows with their truth; the look is counted before it happens."""
    split = dataset.split
    Split.objects.filter(pk=split.pk).update(looks=F("looks") + 1)
    return JudgedRows(
        inputs=datasets.test_inputs(dataset),
        truth=seal.read(split),
        dataset=dataset,
        seed=int(split.test_truth_sha256[:8], 16),
    )


def _judge(
    candidate: ModelVersion, scored: Mapping[str, Scored], rng: np.random.Generator
) -> Verdict:
    gate = candidate.project.gate
    return judge(
        candidate=scored["candidate"],
        baseline=scored["baseline"],
        live=scored.get("live"),
        metric=candidate.project.primary_metric,
        rng=rng,
        economics=Economics.from_costs(candidate.costs),
        margin=float(gate.get("margin", 0.0)),
        slices=gate.get("slices", []),
        worst_slice_margin=float(gate.get("worst_slice_margin", 0.0)),
        limits={name: gate.get(name) for name in ("max_latency_us", "max_artifact_mb")},
        measured={
            "latency_us": candidate.latency_us,
            "artifact_mb": candidate.size_bytes / MEGABYTE,
        },
        proof_ok=True,  # load_version replayed the golden rows, or raised
    )


def _report(
    project: Project, costs: Mapping[str, Any], scored: Scored, *, seed: int
) -> dict[str, Any]:
    import numpy as np

    return evaluate(
        scored,
        economics=Economics.from_costs(costs),
        slices=_slices(project, scored),
        rng=np.random.default_rng(seed),
    )


def _slices(project: Project, scored: Scored) -> list[str]:
    """The gate's columns first, then those whose values are few."""
    named = [name for name in project.gate.get("slices", []) if name in scored.rows]
    others = [
        field["name"]
        for field in project.fields
        if field["kind"] in {"categorical", "boolean"}
        and field["name"] in scored.rows
        and field["name"] not in named
    ]
    return [*named, *others][: max(MOST_SLICES, len(named))]


def _written(
    version: ModelVersion,
    rows: JudgedRows,
    scored: Scored,
    report: dict[str, Any],
    *,
    run: Run | None,
    by: User | None,
) -> Evaluation:
    about: dict[str, Any] = {
        "project": version.project,
        "version": version,
        "run": run,
        "kind": Evaluation.Kind.TEST,
    }
    told: dict[str, Any] = {
        "dataset": rows.dataset,
        "n": scored.n,
        "report": report,
        "created_by": by,
    }
    if run is None:
        return Evaluation.objects.create(**about, **told)
    # A run's second try, after its worker died, says the same once more.
    evaluation, _ = Evaluation.objects.update_or_create(**about, defaults=told)
    return evaluation
