"""Baselines: the simplest answers worth beating, served and judged like any model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.estimators.base import Contributions, Floats, Servable
from registry.estimators.table import NUMBERS, Field, Table, category, number, read

_OPERATORS = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
KEY_SEPARATOR = "\x1f"


class Majority(Servable):
    """Says each class as often as the training rows had it."""

    @property
    def name(self) -> str:
        if not hasattr(self, "shares_"):
            return "majority"
        return f"always {self.classes_[int(np.argmax(self.shares_))]}"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        del table
        self.shares_ = _shares(truth, weight, len(self.classes_))

    def _raw(self, table: Table) -> Floats:
        return _repeat(_margins(self.shares_, self.task), table.n)

    def _contributions(self, table: Table) -> Contributions:
        return self._raw(table), {}


class MeanBaseline(Servable):
    """Says the mean (or median) of the training rows' truth."""

    def __init__(
        self,
        *,
        task: str = "regression",
        fields: Sequence[Field] = (),
        classes: Sequence[str] = (),
        statistic: str = "mean",
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        if task != "regression":
            raise ValueError(f"The mean is a baseline of regression, not of {task}.")
        if statistic not in {"mean", "median"}:
            raise ValueError(f"statistic={statistic!r}: write mean or median.")
        self.statistic = statistic

    @property
    def name(self) -> str:
        return self.statistic

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        del table
        if self.statistic == "mean":
            self.value_ = float(np.average(truth, weights=weight))
        else:
            self.value_ = _median(truth, weight)

    def _raw(self, table: Table) -> Floats:
        return np.full(table.n, self.value_)

    def _contributions(self, table: Table) -> Contributions:
        return self._raw(table), {}


class GroupMean(Servable):
    """Says the mean (or the class shares) of the rows with the same keys.

    A group never seen gets the global answer. `smoothing` adds that many rows of the
    global answer to every group; for classes at least one, so that odds stay finite.
    """

    def __init__(
        self,
        *,
        task: str,
        fields: Sequence[Field],
        classes: Sequence[str] = (),
        keys: Sequence[str],
        smoothing: float | None = None,
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        for key in keys:
            _field(self.fields, key)
        if not keys:
            raise ValueError("A mean by group needs at least one column to group by.")
        self.keys = list(keys)
        self.smoothing = smoothing if smoothing is not None else float(bool(classes))

    @property
    def name(self) -> str:
        return f"mean by {', '.join(self.keys)}"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        groups = np.array(self._groups(table), dtype=object)
        names, codes = np.unique(groups, return_inverse=True)
        if self.task == "regression":
            overall: Any = float(np.average(truth, weights=weight))
            sums: Any = np.bincount(codes, weights=weight * truth)
        else:
            overall = _shares(truth, weight, len(self.classes_))
            sums = np.zeros((len(names), len(self.classes_)))
            np.add.at(sums, (codes, truth), weight)
        counts = np.bincount(codes, weights=weight)
        if self.task != "regression":
            counts = counts[:, None]
        means = (sums + self.smoothing * overall) / (counts + self.smoothing)
        self.global_ = _margins(overall, self.task)
        self.groups_ = dict(
            zip(names.tolist(), _margins(means, self.task).tolist(), strict=True)
        )

    def _groups(self, table: Table) -> list[str]:
        columns = [[category(v) for v in table.columns[key]] for key in self.keys]
        return [KEY_SEPARATOR.join(parts) for parts in zip(*columns, strict=True)]

    def _raw(self, table: Table) -> Floats:
        default = np.asarray(self.global_).tolist()
        answers = [self.groups_.get(key, default) for key in self._groups(table)]
        return np.array(answers, dtype=np.float64).reshape(
            (table.n, *np.shape(self.global_))
        )

    def _contributions(self, table: Table) -> Contributions:
        """All keys are needed for the group, so each gets an equal (Shapley) share."""
        base = _repeat(self.global_, table.n)
        share = (self._raw(table) - base) / len(self.keys)
        return base, dict.fromkeys(self.keys, share)


class RecentMean(Servable):
    """Says what the Featurizer found as the mean of a window; the training rows' mean
    where it found nothing."""

    def __init__(
        self,
        *,
        task: str = "regression",
        fields: Sequence[Field],
        classes: Sequence[str] = (),
        keys: Sequence[str] = (),
        window: str,
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        if task != "regression":
            raise ValueError(f"A recent mean is a baseline of regression, not {task}.")
        self.feature = f"{window}_mean"
        _field(self.fields, self.feature)
        self.keys = list(keys)

    @property
    def name(self) -> str:
        return f"recent mean by {', '.join(self.keys)}"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        del table
        self.mean_ = float(np.average(truth, weights=weight))

    def _raw(self, table: Table) -> Floats:
        found = np.asarray(table.columns[self.feature], dtype=np.float64)
        return np.where(np.isnan(found), self.mean_, found)

    def _contributions(self, table: Table) -> Contributions:
        base = np.full(table.n, self.mean_)
        return base, {self.feature: self._raw(table) - base}


class Rule(Servable):
    """`column operator value` → one class, else the other.

    Its probabilities are the shares observed in each branch. A missing value fails
    the comparison (and passes `!=`).
    """

    def __init__(
        self,
        *,
        task: str = "binary",
        fields: Sequence[Field],
        classes: Sequence[str],
        column: str,
        operator: str,
        value: Any,
        then: str,
        otherwise: str = "",
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        if task == "regression":
            raise ValueError("A rule says classes; for numbers take a mean by group.")
        kind = _field(self.fields, column)["kind"]
        if kind in {"datetime", "image"}:
            raise ValueError(f"{column} is {kind}: a rule reads no such column.")
        if operator not in _OPERATORS:
            raise ValueError(f"operator={operator!r}: write one of {list(_OPERATORS)}.")
        if kind not in NUMBERS and operator not in {"==", "!="}:
            raise ValueError(f"{column} is {kind}: compare it by == or !=.")
        self.column, self.operator = column, operator
        self.value = _compared(value, column=column, kind=kind)
        self.then = then
        self.otherwise = otherwise or next(c for c in self.classes_ if c != then)
        for said in (self.then, self.otherwise):
            if said not in self.classes_:
                raise ValueError(f"Class {said!r} is none of {self.classes_}.")

    @property
    def name(self) -> str:
        return f"{self.column} {self.operator} {category(self.value)}"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        overall = _shares(truth, weight, len(self.classes_))
        hit = self._hit(table)
        branches = [
            _shares(truth[side], weight[side], len(self.classes_), prior=overall)
            for side in (~hit, hit)
        ]
        self.global_ = _margins(overall, self.task)
        self.branches_ = _margins(np.array(branches), self.task)  # else, then
        # So that a threshold decision says what the rule says, where the shares let it.
        self.threshold_ = float(np.mean([shares[-1] for shares in branches]))

    def _hit(self, table: Table) -> NDArray[np.bool_]:
        compare = _OPERATORS[self.operator]
        return compare(table.columns[self.column], self.value).astype(bool)

    def _raw(self, table: Table) -> Floats:
        return self.branches_[self._hit(table).astype(int)]

    def predict(self, rows: Any) -> NDArray[Any]:
        hit = self._hit(read(rows, self.fields))
        return np.array([self.otherwise, self.then], dtype=object)[hit.astype(int)]

    def _contributions(self, table: Table) -> Contributions:
        base = _repeat(self.global_, table.n)
        return base, {self.column: self._raw(table) - base}


BASELINES: dict[str, type[Servable]] = {
    "majority": Majority,
    "mean": MeanBaseline,
    "group_mean": GroupMean,
    "recent_mean": RecentMean,
    "rule": Rule,
}


def make_baseline(
    *,
    kind: str,
    params: Mapping[str, Any],
    task: str,
    fields: Sequence[Field],
    classes: Sequence[str] = (),
) -> Servable:
    """An unfitted baseline of `registry.catalogue.BASELINES` (but "function").

    For binary tasks `classes` holds the positive class last.
    """
    if kind not in BASELINES:
        raise ValueError(f"Baseline {kind!r}: write one of {list(BASELINES)}.")
    return BASELINES[kind](task=task, fields=fields, classes=classes, **params)


def default_baseline(
    *, task: str, fields: Sequence[Field], classes: Sequence[str] = ()
) -> Servable:
    """What answers before anything was trained: the mean, or the class shares."""
    kind = "mean" if task == "regression" else "majority"
    return make_baseline(
        kind=kind, params={}, task=task, fields=fields, classes=classes
    )


def _field(fields: Sequence[Field], name: str) -> Field:
    for field in fields:
        if field["name"] == name:
            return field
    raise ValueError(f"No column {name!r}; there are {[f['name'] for f in fields]}.")


def _compared(value: object, *, column: str, kind: str) -> float | str:
    """What a rule compares with, as a table holds the column's values."""
    if kind not in NUMBERS:
        return category(value)
    try:
        return number(value)
    except ValueError as error:
        cure = "write true or false" if kind == "boolean" else "write a number"
        raise ValueError(f"{column} is {kind}, value={value!r}: {cure}.") from error


def _shares(
    truth: NDArray[Any], weight: Floats, k: int, prior: Floats | float | None = None
) -> Floats:
    """Class shares with one row of the prior added, so that none is 0."""
    counts = np.bincount(truth, weights=weight, minlength=k)
    return (counts + (1.0 / k if prior is None else prior)) / (counts.sum() + 1.0)


def _median(values: NDArray[Any], weight: Floats) -> float:
    """The value with half of the weight on either side; between two, their mean.

    >>> _median(np.array([1.0, 2.0, 9.0, 4.0]), np.ones(4))
    3.0
    >>> _median(np.array([1.0, 2.0, 9.0, 4.0]), np.array([1.0, 1.0, 5.0, 1.0]))
    9.0
    """
    kept = weight > 0
    values, weight = values[kept], weight[kept]
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    half = reached[-1] / 2
    middle = values[order][
        [np.searchsorted(reached, half, side) for side in ("left", "right")]
    ]
    return float(middle.mean())


def _margins(shares: Any, task: str) -> Any:
    """Shares of the classes on the last axis as raw margins; values pass unchanged."""
    if task == "regression":
        return np.asarray(shares, dtype=np.float64)
    logs = np.log(shares)
    return logs[..., 1] - logs[..., 0] if task == "binary" else logs


def _repeat(value: Any, n: int) -> Floats:
    return np.repeat(np.asarray(value, dtype=np.float64)[None], n, axis=0)
