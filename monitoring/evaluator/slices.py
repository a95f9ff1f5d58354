"""Component 3, Evaluator: where the losses sit, slice by slice, the worst first."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from monitoring.evaluator.draws import Prepared
from monitoring.evaluator.economics import as_floats
from monitoring.evaluator.own import UndefinedMetric
from monitoring.evaluator.scored import as_class, missing_mask
from registry.intervals import normal_quantile
from registry.written import significant

SMALLEST_SLICE = 30
NUMERIC_BINS = 5
MOST_VALUES = 50
MISSING = "(missing)"


def slice_masks(column: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """A column's slices as (name, mask): quantile bins of numbers, else its values.

    Numbers with few distinct values are slices by value. The 50 most frequent values.

    >>> [name for name, _ in slice_masks(np.array(["a", "b", "a"]))]
    ['a', 'b']
    """
    missing = missing_mask(column)
    if column.dtype == object and all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in column[~missing].tolist()
    ):
        column = as_floats(column)
    present = column[~missing]
    masks = [(MISSING, missing)] if missing.any() else []
    if column.dtype.kind in "fiu" and len(np.unique(present)) > 2 * NUMERIC_BINS:
        return _numeric(column, present) + masks
    names = np.array([as_class(v) for v in column.tolist()], dtype=object)
    values, counts = np.unique(names[~missing].astype(str), return_counts=True)
    frequent = values[np.argsort(-counts, kind="stable")][:MOST_VALUES]
    return [(str(value), (names == value) & ~missing) for value in frequent] + masks


def _numeric(column: np.ndarray, present: np.ndarray) -> list[tuple[str, np.ndarray]]:
    edges = np.unique(np.quantile(present, np.linspace(0, 1, NUMERIC_BINS + 1)))
    slices = []
    for place, (low, high) in enumerate(pairwise(edges)):
        first = place == 0
        inside = ((column >= low) if first else (column > low)) & (column <= high)
        span = f"{significant(low)} to {significant(high)}"
        name = span if first else f"over {span}"
        slices.append((name, inside))
    return slices


def ranked_slices(
    rows: Prepared, columns: Any, *, smallest: int = SMALLEST_SLICE
) -> list[dict[str, Any]]:
    """Slices of at least `smallest` rows by their mean loss, the worst first.

    The loss is the metric that is a mean over rows: cost where the project has costs,
    else log loss (accuracy without probabilities) or the absolute error. `low` and
    `high` are the mean ± 1.96 standard errors; `excess` is how much of the total loss
    the slice adds over its fair share.
    """
    if unknown := [name for name in columns if name not in rows.scored.rows]:
        raise ValueError(f"Slices name columns that the rows lack: {unknown}.")
    if not columns or not rows.scored.n:
        return []
    metric, losses, sign = row_losses(rows)
    counted = np.isfinite(losses)
    if not counted.any():
        return []
    with np.errstate(all="ignore"):
        overall = losses[counted].mean()
        found = [
            _slice(
                name, value, losses[mask & counted], overall=overall, n=rows.scored.n
            )
            for name in columns
            for value, mask in slice_masks(rows.scored.rows[name])
            if int((mask & counted).sum()) >= smallest
        ]
    found = [part for part in found if math.isfinite(part["half"])]
    found.sort(key=lambda part: -part["loss"])
    return [_as_metric(part, metric, sign) for part in found]


def row_losses(rows: Prepared) -> tuple[str, np.ndarray, int]:
    """(metric, loss of every row, sign): the metric is sign × loss, +1 for sign −1."""
    try:
        return "cost", rows.costs, 1
    except UndefinedMetric:
        pass
    if rows.scored.task == "regression":
        return "mae", np.abs(rows.errors), 1
    try:
        return "log_loss", rows.log_losses, 1
    except UndefinedMetric:
        return "accuracy", 1.0 - rows.correct, -1


def _slice(
    column: str, value: str, losses: np.ndarray, *, overall: float, n: int
) -> dict[str, Any]:
    spread = losses.std(ddof=1) if len(losses) > 1 else 0.0
    return {
        "column": column,
        "value": value,
        "n": len(losses),
        "share": len(losses) / n,
        "loss": float(losses.mean()),
        "half": float(normal_quantile(0.95) * spread / math.sqrt(len(losses))),
        "excess": float((losses.mean() - overall) * len(losses)),
    }


def _as_metric(part: dict[str, Any], metric: str, sign: int) -> dict[str, Any]:
    loss, half = part.pop("loss"), part.pop("half")
    value = loss if sign > 0 else 1.0 - loss
    low, high = value - half, value + half
    if metric == "accuracy":
        low, high = max(low, 0.0), min(high, 1.0)
    if metric in {"mae", "log_loss"}:
        low = max(low, 0.0)
    return {
        **part,
        "metric": metric,
        "value_of_metric": value,
        "low": low,
        "high": high,
    }
