"""Small tables that models can learn, for every task."""

from typing import Any

import numpy as np
import pandas as pd

FIELDS = [
    {"name": "size", "kind": "numeric"},
    {"name": "rooms", "kind": "integer"},
    {"name": "garden", "kind": "boolean"},
    {"name": "colour", "kind": "categorical"},
    {"name": "built", "kind": "datetime"},
]
TEXT = {"name": "note", "kind": "text"}
TASKS = ("binary", "multiclass", "regression")
CLASSES = {
    "binary": ["no", "yes"],
    "multiclass": ["low", "middle", "high"],
    "regression": [],
}


def make_rows(n: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """Rows of FIELDS and TEXT with holes in every column."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 20, n),
            "rooms": rng.integers(1, 7, n).astype(float),
            "garden": rng.integers(0, 2, n).astype(float),
            "colour": rng.choice(["red", "green", "blue"], n),
            "built": pd.Timestamp("2020-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 1000 * 24, n), unit="h"),
            "note": rng.choice(["sunny and quiet", "loud street", "quiet yard"], n),
        }
    )
    for name in frame:
        frame.loc[rng.random(n) < 0.1, name] = None
    return frame


def truth_of(frame: pd.DataFrame, task: str, *, seed: int = 1) -> list[Any]:
    """A truth that size, colour, month and note explain, with some noise."""
    rng = np.random.default_rng(seed)
    value = (
        frame["size"].fillna(50).to_numpy() / 20
        + (frame["colour"] == "red").to_numpy() * 2.0
        + (frame["note"] == "loud street").to_numpy() * -1.0
        + rng.normal(0, 0.5, len(frame))
    )
    if task == "regression":
        return value.tolist()
    cuts = [3.0] if task == "binary" else [2.5, 3.8]
    return [CLASSES[task][i] for i in np.digitize(value, cuts)]


def as_dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as a client sends them: None where missing, times as datetimes."""
    return [
        {k: None if pd.isna(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]
