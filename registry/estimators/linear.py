"""Linear family: logistic regression, ridge or Huber on scaled and one-hot columns."""

import warnings
from collections.abc import Sequence
from typing import Any

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
    class_weights,
)
from registry.estimators.design import Design
from registry.estimators.table import Field, Table

MAX_ITERATIONS = 500
DEFAULTS: dict[str, Any] = {
    "C": 1.0,
    "min_frequency": 1,
    "ngrams": 1,  # longest run of words of a text field
    "class_weight": "none",  # or balanced
    "loss": "squared",  # of regression: squared or huber
}


class Linear(Servable):
    """`C` is the inverse strength of the L2 penalty, for classes and numbers alike.

    The fitted model is `coef_` (columns,) or (k, columns) and `intercept_`; a field's
    contribution is its columns' coef · (x − mean of training), summed; a text's words
    each have their own.
    """

    def __init__(
        self,
        *,
        task: str,
        fields: Sequence[Field],
        classes: Sequence[str] = (),
        params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        self.params = DEFAULTS | (params or {})

    @property
    def name(self) -> str:
        strength = f"C = {self.params['C']:.3g}"
        if self.task != "regression":
            return f"logistic regression, {strength}"
        kind = "ridge" if self.params["loss"] == "squared" else "Huber"
        return f"{kind} regression, {strength}"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        self.design_ = Design(
            fields=self.fields,
            min_frequency=self.params["min_frequency"],
            ngrams=self.params["ngrams"],
        )
        matrix = self.design_.fit_transform(table)
        mean = np.asarray(matrix.mean(axis=0)).ravel()
        # A text is compared with an empty one: only words that are there add something.
        in_text = [owner in self.design_.texts_ for owner in self.design_.owners_]
        self.mean_ = np.where(in_text, 0.0, mean)
        if self.task == "regression":
            self._fit_numbers(matrix, truth, weight)
        else:
            self._fit_classes(matrix, truth, weight)

    def _fit_numbers(self, matrix: Any, truth: Floats, weight: Floats) -> None:
        from sklearn.linear_model import HuberRegressor, Ridge

        if self.params["loss"] == "huber":
            model = HuberRegressor(alpha=1e-3 / self.params["C"], max_iter=1000)
        else:
            model = Ridge(alpha=1.0 / self.params["C"])
        quietly(model.fit, matrix, truth, sample_weight=weight)
        self.coef_ = np.asarray(model.coef_, dtype=np.float64)
        self.intercept_: Any = np.float64(model.intercept_)

    def _fit_classes(
        self, matrix: Any, truth: NDArray[np.intp], weight: Floats
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        k = len(self.classes_)
        present = np.unique(truth)
        if len(present) < 2:
            raise UntrainableError(
                f"All rows are {self.classes_[present[0]]!r}: nothing to tell apart."
            )
        by_class = class_weights(truth, k, self.params["class_weight"])
        model = LogisticRegression(C=self.params["C"], max_iter=MAX_ITERATIONS)
        quietly(model.fit, matrix, truth, sample_weight=weight * by_class[truth])
        coef, intercept, shift = model.coef_, model.intercept_, np.log(by_class)
        if self.task == "binary":
            self.coef_ = coef[0].copy()
            self.intercept_ = np.float64(intercept[0] - (shift[1] - shift[0]))
            return
        if len(coef) == 1:  # two of the classes only: a margin for each
            coef = np.vstack([-coef / 2, coef / 2])
            intercept = np.concatenate([-intercept / 2, intercept / 2])
        self.coef_ = np.zeros((k, matrix.shape[1]))
        self.intercept_ = np.full(k, ABSENT)
        self.coef_[present] = coef
        self.intercept_[present] = intercept - shift[present]

    def _raw(self, table: Table) -> Floats:
        return self.design_.transform(table) @ self.coef_.T + self.intercept_

    def _contributions(self, table: Table) -> Contributions:
        matrix = self.design_.transform(table)
        base = self.coef_ @ self.mean_ + self.intercept_
        owners = np.array(self.design_.owners_, dtype=object)
        found = {}
        for name in dict.fromkeys(self.design_.owners_):
            own = np.flatnonzero(owners == name)
            coef = self.coef_[..., own]
            found[name] = matrix[:, own] @ coef.T - coef @ self.mean_[own]
        return np.repeat(np.asarray(base)[None], table.n, axis=0), found

    def _explained(self, table: Table) -> tuple[Floats, list[list[Part]]]:
        matrix = self.design_.transform(table)
        base = np.asarray(self.coef_ @ self.mean_ + self.intercept_)
        found = []
        for row in range(table.n):
            one = matrix[[row]]
            dense = one if isinstance(one, np.ndarray) else one.toarray()
            added = (dense[0] - self.mean_) * self.coef_
            found.append(parts.of_row(self.design_, added.T))
        return np.repeat(base[None], table.n, axis=0), found


def quietly(fit: Any, *args: Any, **options: Any) -> None:
    """Fit; a solver that stops before convergence is judged by its score like any."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit(*args, **options)
