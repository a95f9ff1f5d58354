"""One trial: train on every fold, judge what no fold saw, keep the first fold's model."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsystem.builder.data import Data
from mlsystem.builder.families import Family
from mlsystem.builder.goal import Goal
from mlsystem.builder.plan import FINISHED, Plan, TrialResult, TrialSpec
from registry import artefact
from registry.estimators.base import Servable, UntrainableError

GOLDEN = 20  # rows that a model must answer alike after it was stored


def run_trial(
    *,
    spec: TrialSpec,
    plan: Plan,
    data: Data,
    families: Mapping[str, Family],
    workdir: Path,
) -> TrialResult:
    """Judge one spec on all folds; a trial without a score has failed, and says why."""
    began = time.perf_counter()
    family = families[spec.family]
    first: Servable | None = None
    outputs, places, numbers, fits = [], [], [], []
    for index, fold in enumerate(data.folds):
        model = make(spec=spec, plan=plan, family=family)
        start = time.perf_counter()
        model.fit(data.table.take(fold.train), data.truth[fold.train])
        fits.append((time.perf_counter() - start) / len(fold.train))
        outputs.append(_answers(model, data, fold.judge))
        places.append(fold.judge)
        numbers.append(np.full(len(fold.judge), index))
        first = first or model
    assert first is not None  # make_folds leaves at least one
    rows, folds = np.concatenate(places), np.concatenate(numbers)
    answered = np.concatenate(outputs)
    judged = Goal.of(plan).judge(
        outputs=answered,
        truth=data.truth[rows],
        rows={name: column[rows] for name, column in data.rows.items()},
        folds=folds,
    )
    if judged.score is None:
        raise UntrainableError(f"{plan.metric} is undefined: {judged.undefined}")
    out_of_fold = workdir / f"trial-{spec.number}.npz"
    np.savez(out_of_fold, rows=rows, folds=folds, outputs=answered)
    path = workdir / f"trial-{spec.number}.skops"
    _store(first, judged.threshold, path, data, family)
    return TrialResult(
        spec=spec,
        state=FINISHED,
        score=judged.score,
        fold_scores=judged.fold_scores,
        metrics=judged.metrics,
        threshold=judged.threshold,
        name=first.name,
        seconds=time.perf_counter() - began,
        refit_seconds=float(np.mean(fits)) * len(data.truth),
        out_of_fold=str(out_of_fold),
        model=str(path),
    )


def refit(
    *,
    spec: TrialSpec,
    plan: Plan,
    data: Data,
    family: Family,
    threshold: float | None,
    path: Path,
) -> None:
    """Train a spec on all rows and store it at `path`."""
    model = make(spec=spec, plan=plan, family=family)
    model.fit(data.table, data.truth)
    _store(model, threshold, path, data, family)


def make(*, spec: TrialSpec, plan: Plan, family: Family) -> Servable:
    """The unfitted model of a spec; `name` starts from its own name."""
    return family.make(
        # Lengths of windows have made the rows, and are nothing to the model.
        {name: value for name, value in spec.params.items() if "." not in name},
        task=plan.task,
        fields=plan.fields,
        classes=plan.ordered_classes,
        seed=spec.seed,
    )


def _answers(model: Servable, data: Data, rows: NDArray[np.intp]) -> NDArray[Any]:
    table = data.table.take(rows)
    is_number = model.task == "regression"
    found = model.predict_raw(table) if is_number else model.predict_proba(table)
    wrong = int((~np.isfinite(found)).sum())
    if len(found) != len(rows) or wrong:
        raise UntrainableError(
            f"The model gave {len(found)} answers to {len(rows)} rows, {wrong} of them "
            "not finite."
        )
    return found


def _store(
    model: Servable, threshold: float | None, path: Path, data: Data, family: Family
) -> None:
    """Save a model, and prove that what was stored answers alike."""
    if threshold is not None:
        model.threshold_ = threshold
    saved = artefact.save(model, path, extra_types=family.types)
    back = artefact.load(path, sha256=saved.sha256, extra_types=family.types)
    sample = data.table.take(np.arange(min(GOLDEN, data.table.n)))
    if not np.allclose(
        back.predict_raw(sample), model.predict_raw(sample), atol=artefact.TOLERANCE
    ):
        raise UntrainableError("The stored model answers differently than the fitted.")
