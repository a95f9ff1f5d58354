"""Component 6, Orchestrator, step 1: what there is to learn from, counted."""

from __future__ import annotations

from mlsystem.orchestrator import backtest, harvest
from mlsystem.orchestrator.work import Outputs, StepRefused, StepWork
from registry import definition_sync
from registry.errors import DomainError
from registry.models import Dataset


def extract(work: StepWork) -> Outputs:
    """The newest dataset version, and a newer one where production or experts brought truth."""
    dataset = _dataset(work)
    if work.run.as_of:
        return backtest.extract_known(work, dataset, at=work.run.as_of)
    counts: dict[str, int] = {}
    if work.run.train is None:
        dataset, counts = harvest.with_what_is_new(work, dataset)
    split = dataset.split
    work.log(f"Dataset {dataset.number}: {dataset.rows} rows, {split.counts}.")
    return {"dataset": dataset.number, "counts": {**split.counts, **counts}}


def _dataset(work: StepWork) -> Dataset:
    if work.run.train is not None:
        return Dataset.objects.select_related("split").get(pk=work.run.train_id)  # type: ignore[misc]
    if work.run.as_of is None:
        _read_sources(work)
    newest = work.project.datasets.select_related("split").first()
    if newest is None:
        raise StepRefused(f"{work.project.slug} has no dataset yet: upload one first.")
    return newest


def _read_sources(work: StepWork) -> None:
    """What code declares is read anew; a source that is down stops no run that has
    data already."""
    try:
        dataset = definition_sync.refresh(
            project=work.project, by=work.run.requested_by
        )
    except DomainError as error:
        if not work.project.datasets.exists():
            raise
        work.log(f"{error.detail} The rows read before are used.")
    else:
        if dataset is not None:
            work.log(f"The source has new rows: dataset {dataset.number}.")
