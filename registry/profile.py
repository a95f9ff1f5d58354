"""Registry: what the columns of a dataset look like; test rows are never counted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from registry.schema import Field, json_value

if TYPE_CHECKING:
    import pandas as pd

BINS = 20
TOP = 20  # categories shown; the others are counted together
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def of_table(columns: Sequence[Field], table: pd.DataFrame) -> dict[str, Any]:
    """`{column: figures}` of a conforming table."""
    return {c["name"]: of_column(c["kind"], table[c["name"]]) for c in columns}


def of_column(kind: str, values: pd.Series) -> dict[str, Any]:
    """Counts, and what suits the kind: a histogram, the top categories, a span."""
    present = values.dropna()
    figures = {
        "n": len(values),
        "missing": len(values) - len(present),
        "distinct": int(present.nunique()),
    }
    if present.empty:
        return figures
    if kind in {"numeric", "integer"}:
        return figures | _numbers(present)
    if kind == "datetime":
        span = {"min": present.min(), "max": present.max()}
        return figures | {k: json_value(v.to_pydatetime()) for k, v in span.items()}
    if kind in {"text", "image"}:
        lengths = present.str.len()
        return figures | {"length": _numbers(lengths.astype("float64"))}
    return figures | _categories(kind, present)


def _numbers(values: pd.Series) -> dict[str, Any]:
    import numpy as np

    low, high = values.min(), values.max()
    # One bin where all are equal; halves, because high - low may overflow.
    edges = (
        np.linspace(low / 2, high / 2, BINS + 1) * 2
        if high / 2 > low / 2
        else np.array([low - 0.5, low + 0.5])
    )
    counts, edges = np.histogram(values.to_numpy(), bins=edges)
    return {
        "min": float(low),
        "max": float(high),
        "mean": float(values.mean()),
        "std": float(values.std(ddof=0)),
        "quantiles": {str(q): float(values.quantile(q)) for q in QUANTILES},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def _categories(kind: str, values: pd.Series) -> dict[str, Any]:
    if kind == "boolean":
        values = values.map({0.0: "false", 1.0: "true"})
    counts = values.value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    top = [[str(value), int(count)] for value, count in ordered[:TOP]]
    return {"top": top, "other": int(counts.sum()) - sum(n for _, n in top)}  # type: ignore[misc]
