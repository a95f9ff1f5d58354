"""Component 6, Orchestrator: columns that would teach nothing, or too much. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from registry import findings
from registry.findings import Finding
from registry.schema import NUMBERS

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20  # rows from which two columns are not alike by chance
SAME = 1 - 1e-9  # |correlation| from which a number is the target in other units


def sanitise(
    frame: pd.DataFrame,
    fields: Sequence[Mapping[str, Any]],
    *,
    target: pd.Series,
    parts: pd.Series,
    task: str,
) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the features to learn from, and what was found on the way.

    `frame` holds a column for every field, `target` and `parts` belong to its rows.
    """
    columns = [{**field, "role": "input"} for field in fields]
    judged = findings.of_table(
        columns=columns, frame=frame, target=target, parts=parts, task=task
    )
    found = [one for one in judged if one["column"]]  # of the table: the dataset's own
    copies = (copy_of_target(f, frame[f["name"]], target, task) for f in fields)
    found += [copy.as_json() for copy in copies if copy]
    dropped = {finding["column"] for finding in found if finding["drop"]}
    return [f["name"] for f in fields if f["name"] not in dropped], found


def copy_of_target(
    field: Mapping[str, Any], values: pd.Series, target: pd.Series, task: str
) -> Finding | None:
    """The target under another name, or in other units, cannot be known before."""
    present = values.notna()
    column, truth = values[present], target[present]
    if len(column) < FEWEST or truth.nunique() < 2 or column.nunique() < 2:
        return None
    if task == "regression":
        if field["kind"] not in NUMBERS or column.nunique() < 3:
            return None
        same = abs(column.astype(float).corr(truth.astype(float))) >= SAME
    else:
        pairs = len(set(zip(column.tolist(), truth.tolist(), strict=True)))
        same = column.nunique() == truth.nunique() == pairs
    if not same:
        return None
    text = "It says the same as the target in every row: left out."
    return Finding(field["name"], "copy_of_target", "error", text, drop=True)
