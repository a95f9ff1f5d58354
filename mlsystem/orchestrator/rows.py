"""Component 6, Orchestrator: rows that came in after the dataset, made like its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from registry import datasets, definition_store, frames, splits
from registry.guarded import FAILED
from registry.models import Dataset, Project

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
USED = {"input", "time", "entity", "group"}  # roles of columns that must be readable


def completed(project: Project, columns: Sequence[str], seen: Mapping[str, Any]) -> Row:
    """The dataset's columns of what was seen; what code derives is derived. A row whose
    group nobody can tell is a group of its own."""
    row = dict(seen)
    definition = definition_store.definition_of(project)
    for derived in definition.derived if definition else ():
        if derived.name in columns and row.get(derived.name) is None:
            value = derived.function(row)
            row[derived.name] = None if value is FAILED else value
    group = project.group_column
    if group and row.get(group) is None:
        inputs = {field["name"]: row.get(field["name"]) for field in project.fields}
        row[group] = json.dumps(inputs, sort_keys=True, default=str)
    return {name: row.get(name) for name in columns}


def readable(root: Dataset, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """The rows as the dataset types them, and which of them fit its schema."""
    import pandas as pd

    project = root.project
    fits = pd.Series(True, index=frame.index)
    columns = [c for c in root.columns if c["role"] != "target"]
    typed, _ = frames.conform(columns, frame, zone=project.zone)
    for column in columns:
        name = column["name"]
        absent = typed[name].isna()
        if column["role"] in USED:
            fits &= ~absent | frames.missing(frame[name])
        if column.get("required"):
            fits &= ~absent
    return typed.assign(**{project.target: frame[project.target]}), fits


def fresh(root: Dataset, frame: pd.DataFrame) -> pd.Series:
    """Which rows the root lacks: inputs and subject alike, one teaches nothing new and
    would be tested twice."""
    import pandas as pd

    used = [c for c in root.columns if c["role"] in {"input", "entity", "group"}]
    names = [column["name"] for column in used]
    parts = [datasets.training_frame(root), datasets.test_inputs(root)]
    known = set(splits.content_keys(pd.concat([part[names] for part in parts])))
    return ~splits.content_keys(frame[names]).isin(known)


def apart(root: Dataset, frame: pd.DataFrame, train_only: pd.Series) -> pd.Series:
    """Which rows may stay: one that only trains must not share its group, or its
    content, with a row that judges."""
    import pandas as pd

    names = root.split.cuts.get("key")
    if not names:  # parted by time
        return pd.Series(True, index=frame.index)
    keys = splits.content_keys(frame[names])
    parts = splits.by_hash(root.project.slug, keys)
    judging = [
        datasets.training_frame(root, ("validation",))[names],
        datasets.test_inputs(root)[names],
    ]
    taken = set(splits.content_keys(pd.concat(judging)))
    taken |= set(keys[~train_only & (parts != "training")])
    return ~(train_only & keys.isin(taken))
