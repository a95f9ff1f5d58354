"""Component 5, Featurizer: the path of a request, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from registry import lookups
from registry.definition_parts import Feature, Lookup
from registry.featurizer import context, windows
from registry.featurizer.context import Row
from registry.featurizer.spec import (
    Spec,
    chosen,
    computed_names,
    input_kinds,
    lookup_columns,
)
from registry.identifiers import canonical_key
from registry.models import Project
from registry.windows import Window


def fill(
    *,
    project: Project,
    features: Spec,
    inputs: Sequence[Row],
    entities: Sequence[object],
) -> list[Row]:
    """Inputs in which look-ups have filled what was missing, as Python values."""
    stored, _ = chosen(project, features)
    rows = [
        context.entity_columns(project, entity) | _present(row)
        for row, entity in zip(inputs, entities, strict=True)
    ]
    for lookup in stored:
        _look_up(project, lookup, features, rows)
    names = input_kinds(project, features)
    return [
        {**row, **{name: filled[name] for name in names if name in filled}}
        for row, filled in zip(inputs, rows, strict=True)
    ]


def compute(
    *,
    project: Project,
    features: Spec,
    inputs: Sequence[Row],
    entities: Sequence[object] | None = None,
    at: Sequence[datetime] | datetime | None = None,
) -> list[Row]:
    """The row of features each: exactly `features["fields"]`, None where missing.

    `inputs` are rows as `schema.check_row` cleans them; a field may be left out.
    """
    stored, declared = chosen(project, features)
    given = entities or [None] * len(inputs)
    rows = [
        context.entity_columns(project, entity) | {"at": moment} | _present(row)
        for row, entity, moment in zip(
            inputs, given, context.moments(at, len(inputs)), strict=True
        )
    ]
    for lookup in stored:
        _look_up(project, lookup, features, rows)
    names = [field["name"] for field in features["fields"]]
    made = computed_names(features)
    seen = [n for n in (*context.context_kinds(project), *names) if n not in made]
    asked, zone = features.get("windows", {}), features.get("zone", project.zone)
    for row in rows:
        for name in seen:
            row.setdefault(name, None)
        for one in declared:
            if isinstance(one, Window):
                length = int(asked[one.name]["microseconds"])
                row.update(windows.of_row(project, one, length, row))
            else:
                row[one.name] = _feature(one, row, zone)
    return [{name: row[name] for name in names} for row in rows]


def _feature(feature: Feature, row: Row, zone: str) -> Any:
    if feature.function is not None:
        return context.call(feature.function, feature.kind, dict(row))
    assert feature.closed is not None
    return feature.closed.of_row(row, zone)


def _look_up(project: Project, lookup: Lookup, features: Spec, rows: list[Row]) -> None:
    """Fill rows in place, asking the database only if something is missing."""
    columns = lookup_columns(project, lookup, features)
    wanted: dict[int, str] = {}
    for index, row in enumerate(rows):
        lacks = any(row.get(name) is None for name in columns)
        if lacks and all(row.get(name) is not None for name in lookup.key):
            key = {name: row[name] for name in lookup.key}
            wanted[index] = canonical_key(lookup.key, key)
    if not wanted:
        return
    found = lookups.find(project=project, lookup=lookup.source, keys=wanted.values())
    for index, name in wanted.items():
        if name in found:
            values = lookups.typed(columns, found[name])
            rows[index] = _present(values) | _present(rows[index])


def _present(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}
