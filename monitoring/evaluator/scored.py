"""Component 3, Evaluator: what a model said about rows whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from registry.decision import actions_of

CLASSES = ("binary", "multiclass")
TASKS = (*CLASSES, "regression")


@dataclass(frozen=True, eq=False)
class Scored:
    """What a model said about n rows, with their truth.

    Classes are strings (equal numbers and booleans are turned into them), regression is
    floats; `probabilities` is (n, k) in the order of `classes`; `decided` is what was
    done after a threshold or cost decision (None: what was predicted; of a regression
    only own metrics read it), `meant` the class that such an action stands for; `rows` are the input columns that slices and costs read; `unit_ids` groups rows of one subject, so
    that intervals treat them as one, and `unit` names what tells subjects apart. Refuses
    missing values, naming how many.
    """

    task: str
    classes: list[str]
    positive: str | None
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None = None
    decided: np.ndarray | None = None
    meant: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    unit_ids: np.ndarray | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"Task {self.task!r}: evaluated are {', '.join(TASKS)}.")
        self._set("classes", [str(name) for name in self.classes])
        if self.task == "binary" and self.positive not in self.classes:
            raise ValueError(
                f"Positive class {self.positive!r} is none of {self.classes}."
            )
        for name in ("truth", "predicted"):
            self._set(name, self._values(name, getattr(self, name)))
        if self.decided is not None and self.task in CLASSES:
            self._set("decided", self._values("decided", self.decided))
        elif self.decided is not None:
            self._set("decided", np.asarray(self.decided, dtype=object))
        self._set("rows", {name: np.asarray(c) for name, c in self.rows.items()})
        if self.unit_ids is not None:
            self._set("unit_ids", np.asarray(self.unit_ids))
        if self.probabilities is not None:
            self._set("probabilities", np.asarray(self.probabilities, dtype=float))
        self._check()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # frozen for everybody else

    def _values(self, name: str, given: Any) -> np.ndarray:
        array = np.asarray(given)
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}, not (n,).")
        if missing := int(np.sum(missing_mask(array))):
            raise ValueError(f"{missing} of {len(array)} rows have no {name}.")
        if self.task in CLASSES:
            return np.array([as_class(value) for value in array.tolist()], dtype=str)
        values = array.astype(float)
        if bad := int(np.sum(~np.isfinite(values))):
            raise ValueError(f"{bad} of {len(array)} rows have an infinite {name}.")
        return values

    def _check(self) -> None:
        n = len(self.truth)
        lengths = {"predicted": self.predicted, "decided": self.decided}
        lengths["unit_ids"] = self.unit_ids
        lengths |= {f"rows[{name!r}]": column for name, column in self.rows.items()}
        for name, column in lengths.items():
            if column is not None and len(column) != n:
                raise ValueError(f"{name} has {len(column)} rows, truth has {n}.")
        given = self.probabilities
        if given is None:
            return
        if given.shape != (n, len(self.classes)):
            raise ValueError(
                f"probabilities have shape {given.shape}, not ({n}, "
                f"{len(self.classes)}): one column for each of {self.classes}."
            )
        if missing := int(np.sum(~np.isfinite(given).all(axis=1))):
            raise ValueError(f"{missing} of {n} rows have no probabilities.")
        if n and (given.min() < -1e-6 or given.max() > 1 + 1e-6):
            raise ValueError("probabilities must lie between 0 and 1.")

    @property
    def n(self) -> int:
        return len(self.truth)

    @property
    def units(self) -> int:
        """How many subjects the rows are of; where none are told apart, each is one."""
        return self.n if self.unit_ids is None else len(np.unique(self.unit_ids))

    @property
    def answered(self) -> np.ndarray:
        """The class at the decision threshold: of every row what was decided, where that
        names a class or stands for one; else (an abstention, an offer) what was
        predicted. Row by row, so that no row changes how another is read."""
        if self.decided is None or self.task not in CLASSES:
            return self.predicted
        names = [self.meant.get(action, action) for action in self.decided.tolist()]
        decided = np.array(names, dtype=str)
        return np.where(np.isin(decided, self.classes), decided, self.predicted)

    def take(self, where: np.ndarray) -> Self:
        """The same for some rows: a boolean mask or indices."""

        def cut(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[where]

        return replace(
            self,
            truth=self.truth[where],
            predicted=self.predicted[where],
            probabilities=cut(self.probabilities),
            decided=cut(self.decided),
            rows={name: column[where] for name, column in self.rows.items()},
            unit_ids=cut(self.unit_ids),
        )


def classes_of(
    decision: Mapping[str, Any], *, classes: Sequence[str], positive: str
) -> dict[str, str]:
    """Which class each of its own actions stands for: {} of any but a threshold.

    >>> classes_of({"kind": "threshold", "actions": ["keep", "block"]},
    ...            classes=["spam", "ham"], positive="spam")
    {'keep': 'ham', 'block': 'spam'}
    """
    if decision.get("kind") != "threshold" or not {positive} < set(classes):
        return {}
    pair = actions_of(decision, classes=classes, positive=positive)
    return dict(
        zip(pair, actions_of({}, classes=classes, positive=positive), strict=True)
    )


def missing_mask(values: np.ndarray) -> np.ndarray:
    """Where a value is None, NaN, NaT or pandas' NA.

    >>> missing_mask(np.array(["a", None, float("nan")], dtype=object)).tolist()
    [False, True, True]
    """
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.array([is_missing(value) for value in values], dtype=bool)


def is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return value != value  # NaN is the one float unlike itself
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def as_class(value: Any) -> str:
    """A class as the contract spells it: a string; 1.0 is "1", True is "true".

    >>> [as_class(value) for value in ("yes", 1, 2.0, True)]
    ['yes', '1', '2', 'true']
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
