"""Component 5, Featurizer: the path of training and scoring, a table at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry import frames, lookups
from registry.definition_parts import Feature, Lookup
from registry.featurizer import context
from registry.featurizer.spec import Spec, chosen, lookup_columns
from registry.frames import dtype_of
from registry.models import Project

if TYPE_CHECKING:
    import pandas as pd


def compute_frame(
    *, project: Project, features: Spec, frame: pd.DataFrame
) -> pd.DataFrame:
    """The table of features: exactly `features["fields"]`, in the order of the rows.

    `frame` has the inputs, typed as `registry.frames` does, and, where the project has
    them, the entity's columns and the time column (or `at`).
    """
    stored, declared = chosen(project, features)
    table = context.frame_context(project, frame)
    kinds = context.context_kinds(project)
    for lookup in stored:
        columns = lookup_columns(project, lookup)
        table = _look_up(project, lookup, columns, table)
        kinds |= {name: kind for name, (_, kind) in columns.items()}
    for field in features["fields"]:  # an input that later left the schema
        if field["name"] not in table and field["name"] not in features["row"]:
            table[field["name"]] = frames.convert(
                frame[field["name"]].reset_index(drop=True), field["kind"]
            )
            kinds[field["name"]] = field["kind"]
    for feature in declared:
        table[feature.name] = _feature(project, feature, table, kinds)
        kinds[feature.name] = feature.kind
    return table[[field["name"] for field in features["fields"]]]


def _feature(
    project: Project, feature: Feature, table: pd.DataFrame, kinds: dict[str, str]
) -> pd.Series:
    import pandas as pd

    if feature.closed is not None:
        return feature.closed.of_frame(table, project.zone)
    assert feature.function is not None
    fields = [{"name": name, "kind": kind} for name, kind in kinds.items()]
    values = [
        context.call(feature.function, feature.kind, row)
        for row in frames.rows_of(fields, table)
    ]
    return pd.Series(values, index=table.index, dtype=dtype_of(feature.kind))


def _look_up(
    project: Project,
    lookup: Lookup,
    columns: dict[str, tuple[str, str]],
    table: pd.DataFrame,
) -> pd.DataFrame:
    """The table in which the look-up's columns are filled where they were missing."""
    import pandas as pd

    for name, (_, kind) in columns.items():
        if name not in table:
            table[name] = pd.Series(None, index=table.index, dtype=dtype_of(kind))
    lacking = table[list(columns)].isna().any(axis=1)
    if not lacking.any() or not all(name in table for name in lookup.key):
        return table
    some = table[lacking]
    keys = lookups.keys_of(lookup.key, some)
    found = lookups.find(
        project=project, lookup=lookup.source, keys=[key for key in keys if key]
    )
    nothing: dict[str, Any] = {}
    rows = [found.get(key or "", nothing) for key in keys]
    typed = [lookups.typed(columns, row) for row in rows]
    fields = [{"name": name, "kind": kind} for name, (_, kind) in columns.items()]
    filled = frames.frame_of(fields, typed).set_index(some.index)
    return table.assign(**{name: table[name].fillna(filled[name]) for name in columns})
