"""Component 6, Orchestrator, step 1: what there is to learn from, counted."""

from __future__ import annotations

from mlsystem.orchestrator import backtest, harvest
from mlsystem.orchestrator.work import Outputs, StepRefused, StepWork
from registry.models import Dataset


def extract(work: StepWork) -> Outputs:
    """The newest dataset version, and a newer one where production brought truth."""
    dataset = _dataset(work)
    if work.run.as_of:
        return backtest.extract_known(work, dataset, at=work.run.as_of)
    counts: dict[str, int] = {}
    if work.run.train is None:
        dataset, counts = harvest.with_production(work, dataset)
    split = dataset.split
    work.log(f"Dataset {dataset.number}: {dataset.rows} rows, {split.counts}.")
    return {"dataset": dataset.number, "counts": {**split.counts, **counts}}


def _dataset(work: StepWork) -> Dataset:
    if work.run.train is not None:
        return Dataset.objects.select_related("split").get(pk=work.run.train_id)  # type: ignore[misc]
    newest = work.project.datasets.select_related("split").first()
    if newest is None:
        raise StepRefused(f"{work.project.slug} has no dataset yet: upload one first.")
    return newest
