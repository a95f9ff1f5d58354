"""Component 4, Monitor: what inputs and predictions looked like when a version was made.

The profile is frozen with the version: its edges are never computed anew, or a
histogram of today would hide exactly what changed. JSON in, JSON out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monitoring.monitor.features import FeatureCounts, Values, as_numbers, as_values

FINE = 200  # quantile bins; every 20th edge is a decile
DECILES = 10
MOST_CATEGORIES = 1000
NUMERIC_KINDS = ("numeric", "integer")
CATEGORICAL_KINDS = ("categorical", "boolean")


def build_reference(
    columns: Mapping[str, Values],
    kinds: Mapping[str, str],
    *,
    prediction: Values | None = None,
    prediction_kind: str = "numeric",
    known: Mapping[str, Sequence[str]] | None = None,
    learnt: Mapping[str, Values] | None = None,
) -> dict[str, Any]:
    """The profile of some rows, column by column.

    `kinds` are the schema's (a column without one is left out); `prediction` is the
    score, the predicted number, or (`prediction_kind="categorical"`) the class.
    `known` names categories seen in training though not in these rows, and `learnt`
    are the columns of training: a number within their range is not outside.
    """
    known, learnt = known or {}, learnt or {}
    features = {
        name: feature_profile(
            columns[name], kind, known=known.get(name, ()), learnt=learnt.get(name, ())
        )
        for name, kind in kinds.items()
        if name in columns
    }
    n = max((len(column) for column in columns.values()), default=0)
    answered = None
    if prediction is not None:
        answered = feature_profile(prediction, prediction_kind)
        n = max(n, len(prediction))
    return {"version": 1, "n": n, "features": features, "prediction": answered}


def feature_profile(
    values: Values, kind: str, *, known: Sequence[str] = (), learnt: Values = ()
) -> dict[str, Any]:
    """One column: its frozen bins, and its own counts in them.

    numeric, integer: quantile edges. text: the same over its length. categorical,
    boolean: every category, up to 1000. Others (datetime, image): only how many are
    missing, because time moves on whatever the model does.
    """
    if kind in CATEGORICAL_KINDS:
        profile = _categorical(values, kind, known)
    elif kind in (*NUMERIC_KINDS, "text"):
        profile = _numeric(values, kind)
        if profile["range"]:
            numbers, _, _ = as_numbers(learnt, kind)
            profile["seen"] = _range([*profile["range"], *numbers])
    else:
        profile = {"kind": kind}
    counts = FeatureCounts.empty(profile).add(profile, values)
    return profile | {"counts": counts.as_json()}


def _categorical(values: Values, kind: str, known: Sequence[str]) -> dict[str, Any]:
    names = [name for name in as_values(values) if name is not None]
    seen, counts = np.unique(np.array(names, dtype=str), return_counts=True)
    frequent = seen[np.argsort(-counts, kind="stable")].tolist()
    categories = list(dict.fromkeys([*frequent, *map(str, known)]))
    return {
        "kind": kind,
        "categories": categories[:MOST_CATEGORIES],
        "truncated": len(categories) > MOST_CATEGORIES,
    }


def _numeric(values: Values, kind: str) -> dict[str, Any]:
    """Edges are values that occur; a bin holds (edge before, edge]."""
    numbers, _, _ = as_numbers(values, kind)
    if not len(numbers):
        return {"kind": kind, "edges": [], "deciles": [], "range": None}
    shares = np.arange(1, FINE) / FINE
    fine = np.quantile(numbers, shares, method="inverted_cdf")
    coarse = fine[np.arange(1, DECILES) * (FINE // DECILES) - 1]
    top = numbers.max()
    edges = np.unique(fine[fine < top])
    deciles = np.unique(coarse[coarse < top])
    return {
        "kind": kind,
        "edges": edges.tolist(),
        "deciles": np.searchsorted(edges, deciles).tolist(),
        "range": _range(numbers),
    }


def _range(numbers: Sequence[float] | np.ndarray) -> list[float]:
    return [float(np.min(numbers)), float(np.max(numbers))]
