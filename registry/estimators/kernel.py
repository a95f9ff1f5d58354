"""Kernel family: what looks alike is alike; least squares on likeness to examples, for
images (Nyström's method, then probabilities from answers to rows left out)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from registry.estimators import parts
from registry.estimators.base import (
    ABSENT,
    Contributions,
    Floats,
    Part,
    Servable,
    UntrainableError,
)
from registry.estimators.design import Design
from registry.estimators.table import Field, Table

READS = ("image", "numeric", "integer", "boolean", "categorical", "datetime")
STEPS = 32  # of the path along which an answer is explained
SMALLEST_EIGENVALUE = 1e-10  # of the largest
FEW, MOST_LANDMARKS = 0.4, 1500  # share of the rows; where more, all of them
PARTS = 5  # in which rows are left out
DEFAULTS: dict[str, Any] = {
    "gamma": 0.5,  # how near is alike; 1 suits columns of spread 1
    "ridge": 0.1,  # the more, the smoother
    "landmarks": 400,  # training rows that others are compared with
}


class Kernel(Servable):
    """`raw = exp(-gamma_ · |x − landmark|²) @ weights_ + intercept_`.

    Explained by integrated gradients from the mean landmark, which is approximate.
    """

    approximate: ClassVar[bool] = True

    def __init__(
        self,
        *,
        task: str,
        fields: Sequence[Field],
        classes: Sequence[str] = (),
        params: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        self.params = DEFAULTS | (params or {})
        self.seed = seed

    @property
    def name(self) -> str:
        fitted = getattr(self, "landmarks_", None)
        number = self.params["landmarks"] if fitted is None else len(fitted)
        return f"likeness to {number} examples"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        readable = [field for field in self.fields if field["kind"] in READS]
        self.design_ = Design(fields=readable)
        rows = _dense(self.design_.fit_transform(table))
        if not rows.shape[1]:
            raise UntrainableError("No field that this family reads has a value.")
        rng = np.random.default_rng(self.seed)
        number = _landmarks(self.params["landmarks"], rows=len(rows))
        chosen = rng.permutation(len(rows))[:number]
        self.landmarks_ = rows[np.sort(chosen)]
        self.gamma_ = float(self.params["gamma"] / rows.shape[1])
        whitened = self._whitening()
        features = self._likeness(rows) @ whitened
        if self.task == "regression":
            coef, base, _ = _least_squares(
                features, truth[:, None], weight, self.params["ridge"]
            )
            self.weights_, self.intercept_ = (whitened @ coef)[:, 0], base[0]
        else:
            self._fit_classes(features, whitened, truth, weight)

    def _fit_classes(
        self,
        features: Floats,
        whitened: Floats,
        truth: NDArray[np.intp],
        weight: Floats,
    ) -> None:
        present = np.unique(truth)
        if len(present) < 2:
            raise UntrainableError(
                f"All rows are {self.classes_[present[0]]!r}: nothing to tell apart."
            )
        wanted = (truth[:, None] == present).astype(np.float64)
        coef, base, left_out = _least_squares(
            features, wanted, weight, self.params["ridge"]
        )
        slope, shifts = _probable(left_out, wanted, weight)
        weights, base = whitened @ coef * slope, base * slope + shifts
        if self.task == "binary":
            self.weights_, self.intercept_ = (
                weights[:, 1] - weights[:, 0],
                base[1] - base[0],
            )
            return
        k = len(self.classes_)
        self.weights_, self.intercept_ = np.zeros((len(weights), k)), np.full(k, ABSENT)
        self.weights_[:, present], self.intercept_[present] = weights, base

    def _whitening(self) -> Floats:
        """Turns likenesses into columns whose dot products are likenesses again."""
        values, vectors = np.linalg.eigh(self._likeness(self.landmarks_))
        kept = values > SMALLEST_EIGENVALUE * values.max()
        return vectors[:, kept] / np.sqrt(values[kept])

    def _likeness(self, rows: Floats) -> Floats:
        return np.exp(-self.gamma_ * _distances(rows, self.landmarks_))

    def _of(self, rows: Floats) -> Floats:
        return self._likeness(rows) @ self.weights_ + self.intercept_

    def _raw(self, table: Table) -> Floats:
        return self._of(_dense(self.design_.transform(table)))

    def _contributions(self, table: Table) -> Contributions:
        base, by_column = self.by_column(_dense(self.design_.transform(table)))
        owners = np.array(self.design_.owners_, dtype=object)
        found = {
            name: by_column[:, owners == name].sum(axis=1)
            for name in dict.fromkeys(self.design_.owners_)
        }
        return base, found

    def _explained(self, table: Table) -> tuple[Floats, list[list[Part]]]:
        base, by_column = self.by_column(_dense(self.design_.transform(table)))
        return base, [parts.of_row(self.design_, added) for added in by_column]

    def by_column(self, rows: Floats) -> tuple[Floats, Floats]:
        """The raw output of the mean landmark for each row, and what each column adds
        to it, (n, columns) or (n, columns, k): the mean gradient on the way from there,
        times the way. What the steps miss is spread so that all adds up."""
        start = self.landmarks_.mean(axis=0)
        base = np.repeat(self._of(start[None]), len(rows), axis=0)
        added = np.stack([self._along(start, row) for row in rows])
        missing = self._of(rows) - base - added.sum(axis=1)
        share = np.abs(added) + np.finfo(np.float64).tiny
        share /= share.sum(axis=1, keepdims=True)
        return base, added + share * missing[:, None]

    def _along(self, start: Floats, row: Floats) -> Floats:
        """(columns,) or (columns, k)."""
        way = row - start
        places = start + (np.arange(STEPS) + 0.5)[:, None] / STEPS * way
        alike = self._likeness(places)
        weights = self.weights_.reshape(len(self.landmarks_), -1)
        near = alike.mean(axis=0)[:, None] * weights
        pull, at = self.landmarks_.T @ near, places.T @ (alike @ weights) / STEPS
        found = 2 * self.gamma_ * way[:, None] * (pull - at)
        return found if self.weights_.ndim == 2 else found[:, 0]


def _landmarks(wanted: int, *, rows: int) -> int:
    """How many rows to compare with: far fewer than there are, or all of them. Nearly as
    many as a fit has rows makes it follow noise wildly (the peak of double descent).

    >>> _landmarks(400, rows=5000), _landmarks(400, rows=500), _landmarks(1500, rows=2000)
    (400, 500, 800)
    """
    if wanted <= FEW * rows:
        return wanted
    return rows if rows <= MOST_LANDMARKS else int(FEW * rows)


def _dense(matrix: Any) -> Floats:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _distances(rows: Floats, others: Floats) -> Floats:
    """Squared, (n, m)."""
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    return np.maximum(squares - 2 * rows @ others.T, 0.0)


def _least_squares(
    features: Floats, wanted: Floats, weight: Floats, ridge: float
) -> tuple[Floats, Floats, Floats]:
    """Coefficients (columns, k), intercepts (k,), and what each row is answered by a fit
    without it and a fifth of the others, (n, k). Leaving out each row alone has a closed
    form, but where landmarks are nearly as many as rows it tells nothing."""
    weight = weight / weight.mean()
    centre = np.average(features, axis=0, weights=weight)
    usual = np.asarray(np.average(wanted, axis=0, weights=weight), dtype=np.float64)
    root = np.sqrt(weight)[:, None]
    x, y = (features - centre) * root, (wanted - usual) * root
    gram, moment = x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y
    left_out = np.empty_like(wanted)
    for part in range(PARTS):
        own = slice(part, None, PARTS)
        fit = np.linalg.solve(gram - x[own].T @ x[own], moment - x[own].T @ y[own])
        left_out[own] = (features[own] - centre) @ fit + usual
    coef: Floats = np.asarray(np.linalg.solve(gram, moment), dtype=np.float64)
    base: Floats = np.asarray(usual - centre @ coef, dtype=np.float64)
    return coef, base, left_out


def _probable(margins: Floats, wanted: Floats, weight: Floats) -> tuple[float, Floats]:
    """The slope and the shift of each class with which softmax(slope · margins + shifts)
    says `wanted` best; convex, a handful of numbers."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    k, weight = margins.shape[1], weight / weight.sum()

    def loss(point: Floats) -> tuple[float, Floats]:
        said = log_softmax(point[0] * margins + point[1:], axis=1)
        off = (np.exp(said) - wanted) * weight[:, None]
        value = -float((said * wanted).sum(axis=1) @ weight)
        gradient = np.concatenate([[(off * margins).sum()], off.sum(axis=0)])
        return value, gradient

    found = minimize(
        loss,
        np.concatenate([[5.0], np.zeros(k)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 60.0), *[(-20.0, 20.0)] * k],
    )
    return float(found.x[0]), found.x[1:]
