"""LightGBM family: boosted trees on numbers and native categories, stored as text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.estimators.base import (
    ABSENT,
    Contributions,
    Floats,
    Servable,
    UntrainableError,
    class_weights,
)
from registry.estimators.table import MISSING, NUMBERS, Field, Table, date_parts

MAX_CATEGORIES = 1000  # of a field, the most frequent; the rest are missing
DEFAULTS: dict[str, Any] = {
    "n_estimators": 200,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "lambda_l2": 1.0,
    "class_weight": "none",
    "objective": "l2",  # of regression: l2 or l1
}
_NOT_LIGHTGBM = ("n_estimators", "class_weight", "objective")


class Boosting(Servable):
    """The model is LightGBM's own text and our maps of categories; a category never
    seen is a missing value. Text and image fields are not read.
    """

    _transient = ("_booster",)

    def __init__(
        self,
        *,
        task: str,
        fields: Sequence[Field],
        classes: Sequence[str] = (),
        params: dict[str, Any] | None = None,
        seed: int = 0,
        num_threads: int = 1,
    ) -> None:
        super().__init__(task=task, fields=fields, classes=classes)
        self.params = DEFAULTS | (params or {})
        self.seed = seed
        self.num_threads = num_threads

    @property
    def name(self) -> str:
        trees, leaves = self.params["n_estimators"], self.params["num_leaves"]
        return f"LightGBM, {trees} trees of {leaves} leaves"

    def _fit(self, table: Table, truth: NDArray[Any], weight: Floats) -> None:
        import lightgbm

        self.categories_ = {
            name: _frequent(table.columns[name])
            for name in self._fields_of(("categorical",))
        }
        matrix, owners = self._matrix(table)
        if not owners:
            raise UntrainableError("There is no field that trees can read.")
        self.owners_ = owners
        truth, weight, options = self._objective(truth, weight)
        data = lightgbm.Dataset(
            matrix,
            label=truth,
            weight=weight,
            categorical_feature=[
                i for i, name in enumerate(owners) if name in self.categories_
            ],
            params={"verbosity": -1},
        )
        booster = lightgbm.train(
            self._options() | options, data, num_boost_round=self.params["n_estimators"]
        )
        self.model_text_ = booster.model_to_string()
        self._booster: Any = None

    def _options(self) -> dict[str, Any]:
        given = {k: v for k, v in self.params.items() if k not in _NOT_LIGHTGBM}
        return given | {
            "bagging_freq": 1,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.num_threads,
            "verbosity": -1,
        }

    def _objective(
        self, truth: NDArray[Any], weight: Floats
    ) -> tuple[NDArray[Any], Floats, dict[str, Any]]:
        """Truth as LightGBM counts it, weights, and what to minimise."""
        self.shift_: Any = 0.0  # what weighting added to the margins
        if self.task == "regression":
            self.present_ = []
            return truth, weight, {"objective": self.params["objective"]}
        present, codes = np.unique(truth, return_inverse=True)
        if len(present) < 2:
            raise UntrainableError(
                f"All rows are {self.classes_[present[0]]!r}: nothing to tell apart."
            )
        self.present_ = present.tolist()
        by_class = class_weights(truth, len(self.classes_), self.params["class_weight"])
        weight, logs = weight * by_class[truth], np.log(by_class)
        self.shift_ = logs[present]
        if self.task == "binary":
            self.shift_ = logs[1] - logs[0]
            return codes, weight, {"objective": "binary"}
        return codes, weight, {"objective": "multiclass", "num_class": len(present)}

    @property
    def booster(self) -> Any:
        """LightGBM's model, read from its text when first needed."""
        if getattr(self, "_booster", None) is None:
            import lightgbm

            self._booster = lightgbm.Booster(model_str=self.model_text_)
        return self._booster

    def _predict(self, table: Table, **options: Any) -> Floats:
        matrix, _ = self._matrix(table)
        return self.booster.predict(matrix, num_threads=self.num_threads, **options)

    def _raw(self, table: Table) -> Floats:
        margins = self._predict(table, raw_score=True) - self.shift_
        return self._widen(margins, ABSENT)

    def _widen(self, margins: Floats, absent: float) -> Floats:
        """Margins of the classes seen in training as margins of all."""
        if self.task != "multiclass":
            return margins
        wide = np.full((len(margins), len(self.classes_)), absent)
        wide[:, self.present_] = margins
        return wide

    def _contributions(self, table: Table) -> Contributions:
        parts = self._predict(table, pred_contrib=True)
        columns = len(self.owners_)
        if self.task == "multiclass":  # (n, k × (columns + 1)) → (columns + 1, n, k)
            by_class = parts.reshape(table.n, len(self.present_), columns + 1)
            stacked = np.moveaxis(by_class, 2, 0)
        else:
            stacked = parts.T
        found: dict[str, Floats] = {}
        for part, name in zip(stacked, self.owners_, strict=False):
            wide = self._widen(part, 0.0)
            found[name] = found[name] + wide if name in found else wide
        return self._widen(stacked[-1] - self.shift_, ABSENT), found

    def _fields_of(self, kinds: Sequence[str]) -> list[str]:
        return [field["name"] for field in self.fields if field["kind"] in kinds]

    def _matrix(self, table: Table) -> tuple[Floats, list[str]]:
        """Numbers (n, columns), and the field that owns each column."""
        columns = [(n, table.columns[n]) for n in self._fields_of(NUMBERS)]
        for name, known in self.categories_.items():
            codes = {value: code for code, value in enumerate(known)}
            values = [codes.get(value, np.nan) for value in table.columns[name]]
            columns.append((name, np.array(values, dtype=np.float64)))
        for name in self._fields_of(("datetime",)):
            parts = date_parts(table.columns[name])
            columns += [(name, part) for part in parts.values()]
        if not columns:
            return np.zeros((table.n, 0)), []
        matrix = np.column_stack([values for _, values in columns])
        return np.ascontiguousarray(matrix), [name for name, _ in columns]


def _frequent(values: NDArray[Any]) -> list[str]:
    """The categories there are, most frequent first; a fixed order for equal counts."""
    counts = Counter(values.tolist())
    counts.pop(MISSING, None)
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    return ranked[:MAX_CATEGORIES]
