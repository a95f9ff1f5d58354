"""What every servable model promises, whatever is inside."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from registry.estimators.table import Field, Table, category, read

Floats = NDArray[np.float64]
# Base and, by field name, what the field adds to it; shapes as `predict_raw`'s.
Contributions = tuple[Floats, dict[str, Floats]]


class Part(NamedTuple):
    """What one field, or one word or region of it, adds to a row's raw output."""

    field: str
    what: str | None  # the word or region; None: the field's value as a whole
    adds: Any  # a number, or (k,)


ABSENT = -30.0  # raw margin of a class that the training rows lack


class UntrainableError(ValueError):
    """The rows cannot teach this model anything, and the message says why."""


class Servable:
    """A fitted model that answers rows given as dicts, DataFrame or Table.

    `predict_raw` is the unit of explanations: for binary the log-odds of
    `classes_[1]`, shape (n,); for multiclass one margin a class, (n, k); for
    regression the value, (n,). Subclasses say `_fit`, `_raw` and `_contributions`.
    """

    _transient: ClassVar[tuple[str, ...]] = ()  # never stored in an artefact
    approximate: ClassVar[bool] = False  # whether explanations are

    def __init__(
        self, *, task: str, fields: Sequence[Field], classes: Sequence[str] = ()
    ) -> None:
        if task == "binary" and len(classes) != 2:
            raise ValueError(f"A binary model has 2 classes, not {len(classes)}.")
        if task == "multiclass" and len(classes) < 2:
            raise ValueError("A multiclass model has at least 2 classes.")
        if task not in {"binary", "multiclass", "regression"}:
            raise ValueError(f"No estimator for task {task!r}.")
        self.task = task
        self.fields = [dict(field) for field in fields]
        self.classes_ = [] if task == "regression" else [str(c) for c in classes]
        self.threshold_ = 0.5  # binary: the probability from which classes_[1] is said

    @property
    def name(self) -> str:
        """What a person calls this model, in a few words."""
        return type(self).__name__

    @property
    def positive(self) -> str:
        """The class whose log-odds a binary model's raw output is; else ""."""
        return self.classes_[1] if self.task == "binary" else ""

    def fit(self, rows: Any, y: Any, sample_weight: Floats | None = None) -> Self:
        """Learn from rows and their truth (class names, or numbers for regression)."""
        table = read(rows, self.fields)
        truth = self._truth(y)
        if len(truth) != table.n:
            raise ValueError(f"{table.n} rows but {len(truth)} truths.")
        if table.n == 0:
            raise UntrainableError("There are no rows to train on.")
        weight = np.ones(table.n) if sample_weight is None else sample_weight
        self._fit(table, truth, np.asarray(weight, dtype=np.float64))
        return self

    def predict_raw(self, rows: Any) -> Floats:
        """Log-odds of classes_[1] (n,), margins (n, k), or values (n,)."""
        return self._raw(read(rows, self.fields))

    def predict_proba(self, rows: Any) -> Floats:
        """Probabilities (n, k), columns as `classes_`."""
        if self.task == "regression":
            raise TypeError("A regression has no probabilities.")
        return probabilities(self.predict_raw(rows))

    def predict(self, rows: Any) -> NDArray[Any]:
        """Class names (n,), or values (n,) for regression."""
        raw = self.predict_raw(rows)
        return raw if self.task == "regression" else self.label(probabilities(raw))

    def label(self, proba: Floats) -> NDArray[Any]:
        """The class said for each row of probabilities."""
        names = np.array(self.classes_, dtype=object)
        if self.task == "binary":
            return names[(proba[:, 1] >= self.threshold_).astype(int)]
        return names[proba.argmax(axis=1)]

    def contributions(self, rows: Any) -> Contributions:
        """What each field adds: `base + sum(contributions) == predict_raw(rows)`."""
        return self._contributions(read(rows, self.fields))

    def explained(self, rows: Any) -> tuple[Floats, list[list[Part]]]:
        """The base and each row's parts, as fine as this model can tell: they add up
        to `predict_raw` like contributions."""
        return self._explained(read(rows, self.fields))

    def _explained(self, table: Table) -> tuple[Floats, list[list[Part]]]:
        base, fields = self._contributions(table)
        return base, [
            [Part(name, None, values[row]) for name, values in fields.items()]
            for row in range(table.n)
        ]

    def _truth(self, y: Any) -> NDArray[Any]:
        if self.task == "regression":
            values = np.asarray(y, dtype=np.float64)
            if not np.isfinite(values).all():
                raise ValueError("The truth has missing or infinite values.")
            return values
        codes = {name: code for code, name in enumerate(self.classes_)}
        names = [category(value) for value in y]
        unknown = sorted(set(names) - codes.keys())
        if unknown:
            raise ValueError(f"Truth {unknown[:5]} is none of {self.classes_}.")
        return np.array([codes[name] for name in names], dtype=np.intp)

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        raise NotImplementedError

    def _raw(self, table: Table) -> Floats:
        raise NotImplementedError

    def _contributions(self, table: Table) -> Contributions:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in self._transient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def probabilities(raw: Floats) -> Floats:
    """Sigmoid of (n,) log-odds, or softmax of (n, k) margins; never overflows.

    >>> probabilities(np.array([0.0])).tolist()
    [[0.5, 0.5]]
    """
    if raw.ndim == 1:
        positive = np.exp(-np.logaddexp(0.0, -raw))
        return np.column_stack([np.exp(-np.logaddexp(0.0, raw)), positive])
    shifted = np.exp(raw - raw.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def class_weights(truth: NDArray[np.intp], n_classes: int, kind: str) -> Floats:
    """A weight for each class: 1 ("none"), or all classes weigh the same ("balanced").

    Training with weights w multiplies a class's odds by w; the estimators take log w
    off the raw output again, so that probabilities stay probabilities.

    >>> class_weights(np.array([0, 0, 0, 1]), 2, "balanced").round(2).tolist()
    [0.67, 2.0]
    """
    if kind == "none":
        return np.ones(n_classes)
    if kind != "balanced":
        raise ValueError(f"class_weight={kind!r}: write none or balanced.")
    counts = np.bincount(truth, minlength=n_classes)
    return len(truth) / (np.count_nonzero(counts) * np.maximum(counts, 1))
