"""Component 3, Evaluator: metrics that a project declares as a function of one row."""

import hashlib
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring.evaluator.scored import Scored
from registry.catalogue import Metric

log = logging.getLogger(__name__)


class UndefinedMetric(Exception):
    """The metric has no value on these rows; the message says why."""


@dataclass(frozen=True)
class OwnMetric:
    """`function(truth, prediction, row)` → a number; `row["decision"]` is what was done.

    `metric` carries key, label, unit, direction and minimum n, as the catalogue's do.
    """

    metric: Metric
    function: Callable[[Any, Any, dict[str, Any]], float]


def row_values(own: OwnMetric, scored: Scored) -> np.ndarray:
    """The function's number for every row, (n,) floats.

    This is the boundary of declared functions: whatever one raises or returns wrongly
    makes the metric undefined, with the traceback and the row's hash in the log.
    """
    decided = scored.predicted if scored.decided is None else scored.decided
    columns: Mapping[str, list[Any]] = {
        name: column.tolist() for name, column in scored.rows.items()
    }
    columns = {**columns, "decision": decided.tolist()}
    values = np.empty(scored.n)
    pairs = zip(scored.truth.tolist(), scored.predicted.tolist(), strict=True)
    for index, (truth, predicted) in enumerate(pairs):
        row = {name: column[index] for name, column in columns.items()}
        try:
            values[index] = _number(own.function(truth, predicted, row))
        except Exception as error:
            fingerprint = hashlib.blake2b(repr(row).encode(), digest_size=8).hexdigest()
            log.exception("metric %s failed on row %s", own.metric.key, fingerprint)
            raise UndefinedMetric(
                f"The project's function {own.metric.key} failed: "
                f"{type(error).__name__}: {error}"
            ) from error
    return values


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"it returned {number}, not a finite number")
    return number
