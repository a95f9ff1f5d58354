"""Component 3, Evaluator: what a decision costs, row by row, in the project's money."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from registry.decision import ABSTAIN

Cell = float | Mapping[str, Any]  # a number, or {"field": name, "times": factor}


@dataclass(frozen=True)
class Economics:
    """The costs of a project; positive is money lost.

    `matrix` goes from the action taken (or the class predicted) over the true class to
    a cell; `error_value` is the money lost per unit of |error| of a regression.
    """

    currency: str = ""
    matrix: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)
    error_value: float | None = None

    @classmethod
    def from_costs(cls, costs: Mapping[str, Any] | None) -> Self | None:
        """Read `Project.costs` or `ModelVersion.costs`; None where none are given.

        >>> Economics.from_costs({}) is None
        True
        >>> Economics.from_costs({"currency": "EUR", "error_value": 2}).error_value
        2.0
        """
        costs = costs or {}
        matrix = costs.get("matrix") or {}
        value = costs.get("error_value")
        if not matrix and value is None:
            return None
        return cls(
            currency=str(costs.get("currency") or ""),
            matrix={
                str(action): {str(true): cell for true, cell in row.items()}
                for action, row in matrix.items()
            },
            error_value=None if value is None else float(value),
        )

    def missing_cells(
        self, truth: np.ndarray, decided: np.ndarray
    ) -> list[tuple[str, str]]:
        """The (action, true class) pairs that occur but have no cost, sorted.

        Rows handed to a person cost what the matrix says; where it does not speak of
        them, they are left out of the mean and of its n.
        """
        pairs = {(str(a), str(t)) for a, t in zip(decided, truth, strict=True)}
        return sorted(
            (action, true)
            for action, true in pairs
            if true not in self.matrix.get(action, {})
            and (action != ABSTAIN or ABSTAIN in self.matrix)
        )

    def row_costs(
        self, truth: np.ndarray, decided: np.ndarray, rows: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Money lost in every row; NaN where a cell or the field it needs is missing.

        >>> money = Economics("USD", {"keep": {"yes": {"field": "fee", "times": 6}}})
        >>> money.row_costs(np.array(["yes"]), np.array(["keep"]), {"fee": [10.0]})
        array([60.])
        """
        if truth.dtype.kind == "f":
            value = math.nan if self.error_value is None else self.error_value
            return value * np.abs(decided.astype(float) - truth)
        costs = np.full(len(truth), math.nan)
        for action, row in self.matrix.items():
            for true, cell in row.items():
                where = (decided == action) & (truth == true)
                if where.any():
                    costs[where] = self._cell(cell, rows, where)
        return costs

    @staticmethod
    def _cell(
        cell: Cell, rows: Mapping[str, np.ndarray], where: np.ndarray
    ) -> np.ndarray | float:
        if not isinstance(cell, Mapping):
            return float(cell)
        column = rows.get(cell["field"])
        if column is None:
            return math.nan
        with np.errstate(over="ignore"):  # an infinite cost makes a metric undefined
            return float(cell.get("times", 1)) * as_floats(column)[where]


def as_floats(values: Any) -> np.ndarray:
    """A column as floats, NaN where a value is missing or no number.

    >>> as_floats(["1.5", None, "x", 3])
    array([1.5, nan, nan, 3. ])
    """
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        return array.astype(float)
    return np.array([_as_float(value) for value in array], dtype=float)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
