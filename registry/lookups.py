"""Registry: stored look-ups, copied from their sources, read by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import transaction

from registry import frames
from registry.classes import class_name
from registry.identifiers import canonical_key
from registry.models import LookupRow, Project
from registry.schema import NUMBERS, STRINGS, as_json, check_value

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 500  # rows a transaction: writers stay short


def find(
    *, project: Project, lookup: str, keys: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The stored values of these keys; a key without a row is not there."""
    found: dict[str, dict[str, Any]] = {}
    for some in _chunks(sorted(set(keys))):
        rows = LookupRow.objects.filter(project=project, lookup=lookup, key__in=some)
        found.update(rows.values_list("key", "values"))
    return found


def store(
    *,
    project: Project,
    lookup: str,
    key: Sequence[str],
    columns: dict[str, tuple[str, str]],
    frame: pd.DataFrame,
) -> int:
    """Make the stored rows those of a table; returns how many there are.

    `columns`: name → (column of the table, kind). Of rows with one key the last counts;
    a row without a key is left out. Only what changed is written.
    """
    fields = [{"name": column, "kind": kind} for column, kind in columns.values()]
    table, _ = frames.conform(_distinct(fields), frame, zone=project.zone)
    rows = frames.rows_of(fields, table)
    keys = keys_of(key, frame)
    names = {name: column for name, (column, _) in columns.items()}
    wanted = {
        one: as_json({name: row[column] for name, column in names.items()})
        for one, row in zip(keys, rows, strict=True)
        if one is not None
    }
    stored = LookupRow.objects.filter(project=project, lookup=lookup)
    known = dict(stored.values_list("key", "values"))
    changed = [one for one, values in wanted.items() if known.get(one) != values]
    for some in _chunks(changed):
        _write(project, lookup, {one: wanted[one] for one in some})
    for some in _chunks(sorted(known.keys() - wanted.keys())):
        stored.filter(key__in=some).delete()
    return len(wanted)


def keys_of(columns: Sequence[str], frame: pd.DataFrame) -> list[str | None]:
    """The canonical key of every row; None where a part of it is missing."""
    parts = [frame[column].astype(object).tolist() for column in columns]
    absent = [frames.missing(frame[column]).tolist() for column in columns]
    return [
        None
        if any(lacks)
        else canonical_key(columns, dict(zip(columns, values, strict=True)))
        for values, lacks in zip(
            zip(*parts, strict=True), zip(*absent, strict=True), strict=True
        )
    ]


def typed_keys(
    columns: Sequence[str], table: pd.DataFrame, kinds: Mapping[str, str]
) -> list[str | None]:
    """The canonical key of every row of a conforming table, spelt as a row's is."""
    fields = [{"name": name, "kind": kinds[name]} for name in columns]
    spelt: dict[tuple[Any, ...], str | None] = {}
    keys = []
    for row in frames.rows_of(fields, table[list(columns)]):
        parts = tuple(row.values())
        if parts not in spelt:
            lacks = any(value is None for value in parts)
            spelt[parts] = None if lacks else canonical_key(columns, row)
        keys.append(spelt[parts])
    return keys


def typed(
    columns: dict[str, tuple[str, str]], values: dict[str, Any]
) -> dict[str, Any]:
    """Stored values as Python's: a moment is one again."""
    return {
        name: _as_kind(kind, values.get(name)) for name, (_, kind) in columns.items()
    }


def _as_kind(kind: str, value: Any) -> Any:
    """What was stored as the kind of now, for a version whose field is of another; what
    is no such value is missing."""
    if kind in NUMBERS and isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    elif kind in STRINGS and isinstance(value, int | float):
        value = class_name(value)
    try:
        return check_value({"kind": kind}, value)
    except ValueError:
        return None


def _write(project: Project, lookup: str, rows: dict[str, dict[str, Any]]) -> None:
    with transaction.atomic():
        LookupRow.objects.bulk_create(
            [
                LookupRow(project=project, lookup=lookup, key=key, values=values)
                for key, values in rows.items()
            ],
            update_conflicts=True,
            unique_fields=["project", "lookup", "key"],
            update_fields=["values"],
        )


def _distinct(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({field["name"]: field for field in fields}.values())


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
