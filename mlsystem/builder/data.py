"""The rows of a build, read once in the child: typed columns, truth, folds, money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsystem.builder.folds import Fold, make_folds
from mlsystem.builder.plan import BuildError, Plan
from registry.decision import fields_of
from registry.estimators.table import NUMBERS, Field, Table, category, number, read

FEWEST_ROWS = 10


@dataclass(frozen=True)
class Data:
    """Rows to train on, and how they part; truth is class names or floats."""

    table: Table
    truth: NDArray[Any]
    folds: list[Fold]
    rows: Mapping[str, NDArray[Any]]  # the columns that costs multiply by
    known: NDArray[np.bool_]  # which of the files' rows have a truth

    @property
    def dropped(self) -> int:
        """Rows without a truth."""
        return int((~self.known).sum())

    def over(self, path: str, fields: Sequence[Field]) -> "Data":
        """The same rows with the columns of a file, which has all of the rows."""
        import pandas as pd

        frame = pd.read_parquet(path)[self.known].reset_index(drop=True)
        changed = [field for field in fields if field["name"] in frame.columns]
        columns = {**self.table.columns, **read(frame, changed).columns}
        return replace(self, table=Table(self.table.n, columns))


def load(plan: Plan) -> Data:
    """Read the plan's Parquet files. Raises BuildError naming what cannot be trained."""
    import pandas as pd

    frames = [pd.read_parquet(path) for path in (plan.train, plan.validation) if path]
    frame = pd.concat(frames, ignore_index=True)
    if plan.target not in frame.columns:
        raise BuildError(f"The training data has no column {plan.target!r}.")
    truth = _truth(plan, frame[plan.target])
    known = truth != "" if truth.dtype == object else ~np.isnan(truth)
    validation = np.zeros(len(frame), dtype=bool)
    if len(frames) == 2:
        validation[len(frames[0]) :] = True
    kept, truth = frame[known].reset_index(drop=True), truth[known]
    _check(plan, truth)
    return Data(
        table=read(kept, plan.fields),
        truth=truth,
        folds=_folds(plan, kept, truth, validation[known]),
        rows=_money(plan, kept),
        known=np.asarray(known, dtype=bool),
    )


def _truth(plan: Plan, column: Any) -> NDArray[Any]:
    if plan.task == "regression":
        try:
            return np.array([number(value) for value in column], dtype=np.float64)
        except ValueError as error:
            raise BuildError(f"The target {plan.target}: {error}.") from error
    truth = np.empty(len(column), dtype=object)
    truth[:] = [category(value).strip() for value in column]
    return truth


def _check(plan: Plan, truth: NDArray[Any]) -> None:
    if len(truth) < FEWEST_ROWS:
        raise BuildError(
            f"{len(truth)} rows have a {plan.target}: at least {FEWEST_ROWS} are needed."
        )
    names, counts = np.unique(truth, return_counts=True)
    if len(names) < 2:
        raise BuildError(
            f"{plan.target} is {names[0]} in every row: there is nothing to learn."
        )
    if plan.task == "regression":
        return
    if unknown := sorted(set(names) - set(plan.classes)):
        raise BuildError(
            f"{plan.target} has the value {unknown[0]!r}, which is none of the "
            f"project's classes ({', '.join(plan.classes[:10])})."
        )
    if (counts >= 2).sum() < 2:
        rare = names[counts.argmin()]
        raise BuildError(
            f"Only {counts.min()} row has {plan.target} = {rare!r}: a model is judged on "
            "rows it has not seen, so at least 2 are needed."
        )


def _folds(
    plan: Plan, frame: Any, truth: NDArray[Any], validation: NDArray[np.bool_]
) -> list[Fold]:
    if validation.any():
        return [Fold(np.flatnonzero(~validation), np.flatnonzero(validation))]
    groups = times = None
    if plan.group and plan.group in frame.columns:
        names = [category(value) for value in frame[plan.group]]
        # Rows without a group are each their own.
        groups = np.array([g or f"\0{i}" for i, g in enumerate(names)], dtype=object)
    if plan.time and plan.time in frame.columns:
        field = {"name": plan.time, "kind": "datetime"}
        times = read(frame, [field]).columns[plan.time]
    return make_folds(
        truth=truth,
        is_class=plan.task != "regression",
        groups=groups,
        times=times,
        seed=plan.seed,
    )


def _money(plan: Plan, frame: Any) -> dict[str, NDArray[Any]]:
    names = fields_of(plan.costs) + fields_of(plan.decision.get("costs") or {})
    kinds = {field["name"]: field["kind"] for field in plan.fields}
    wanted = [
        {"name": name, "kind": "numeric"}
        for name in dict.fromkeys(names)
        if kinds.get(name, "numeric") in NUMBERS
    ]
    return read(frame, wanted).columns
