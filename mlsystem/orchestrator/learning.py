"""Component 6, Orchestrator: the rows a run learns from, and in which part each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlsystem.orchestrator.work import StepWork, get_frame
from registry import datasets
from registry.models import Project

if TYPE_CHECKING:
    import pandas as pd

# Columns of a run's tables that are no features.
PART, GROUP, TIME = "__part__", "__group__", "__time__"


def learning_rows(work: StepWork) -> pd.DataFrame:
    """Training and validation rows with their target, and `PART`. Never test rows."""
    import pandas as pd

    if backtest := work.before.get("extract", {}).get("learn"):
        return get_frame(backtest)
    run = work.run
    if run.validation is None:
        parts = ("training", "validation")
        pieces = [
            datasets.training_frame(work.dataset, (part,)).assign(**{PART: part})
            for part in parts
        ]
    else:
        pieces = [
            datasets.training_frame(work.dataset).assign(**{PART: "training"}),
            datasets.training_frame(run.validation).assign(**{PART: "validation"}),
        ]
    return pd.concat(pieces, ignore_index=True)


def keep_aside(project: Project, rows: pd.DataFrame) -> dict[str, Any]:
    """Target, group, time and part of every row, under names that no feature has."""
    kept = {project.target: rows[project.target], PART: rows[PART]}
    columns = [project.group_column] if project.group_column else project.entity
    group = [name for name in columns if name in rows]
    if group:
        codes = rows.groupby(group, dropna=False, sort=False).ngroup()
        if codes.nunique() < len(codes):  # else every row is a group of its own
            kept[GROUP] = codes.astype(str)
    if project.time_column and project.time_column in rows:
        kept[TIME] = rows[project.time_column]
    return kept
