"""Component 5, Featurizer: the path of training and scoring, a table at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry import frames, lookups
from registry.definition_parts import Feature, Lookup
from registry.featurizer import context, windows
from registry.featurizer.spec import Spec, chosen, computed_names, lookup_columns
from registry.frames import dtype_of
from registry.models import Project
from registry.windows import Window

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Seen:
    """What features may see of a table: columns with their kinds, and the same as rows
    for functions, made once."""

    table: pd.DataFrame
    kinds: dict[str, str]
    rows: list[dict[str, Any]] | None = field(default=None)

    def add(self, name: str, kind: str, values: Any) -> None:
        import pandas as pd

        if not isinstance(values, pd.Series):
            values = pd.Series(values, index=self.table.index, dtype=dtype_of(kind))
        self.table[name] = values
        self.kinds[name] = kind
        if self.rows is not None:
            found = frames.python_values(values, kind)
            for row, value in zip(self.rows, found, strict=True):
                row[name] = value

    def as_rows(self) -> list[dict[str, Any]]:
        if self.rows is None:
            fields = [{"name": n, "kind": kind} for n, kind in self.kinds.items()]
            self.rows = frames.rows_of(fields, self.table)
        return self.rows


def compute_frame(
    *, project: Project, features: Spec, frame: pd.DataFrame
) -> pd.DataFrame:
    """The table of features: exactly `features["fields"]`, in the order of the rows.

    `frame` has the inputs, typed as `registry.frames` does, and, where the project has
    them, the entity's columns and the time column (or `at`).
    """
    _, declared = chosen(project, features)
    seen = looked_up(project=project, features=features, frame=frame)
    compute_into(project, seen, declared, features)
    return seen.table[[one["name"] for one in features["fields"]]]


def looked_up(*, project: Project, features: Spec, frame: pd.DataFrame) -> Seen:
    """What features may see before any of them is computed."""
    stored, _ = chosen(project, features)
    table = context.frame_context(project, frame)
    kinds = context.context_kinds(project)
    for lookup in stored:
        columns = lookup_columns(project, lookup, features)
        table = _look_up(project, lookup, columns, table, kinds)
        kinds |= {name: kind for name, (_, kind) in columns.items()}
    computed = computed_names(features)
    for one in features["fields"]:  # an input that later left the schema
        if one["name"] not in table and one["name"] not in computed:
            table[one["name"]] = frames.convert(
                frame[one["name"]].reset_index(drop=True), one["kind"]
            )
            kinds[one["name"]] = one["kind"]
    return Seen(table, kinds)


def compute_into(
    project: Project,
    seen: Seen,
    declared: Sequence[Feature | Window],
    features: Spec,
) -> None:
    """Add these features to what there is, in their order."""
    asked, zone = features.get("windows", {}), features.get("zone", project.zone)
    for one in declared:
        if isinstance(one, Window):
            _add_window(project, one, asked[one.name], seen)
        else:
            seen.add(one.name, one.kind, _feature(one, seen, zone))


def _add_window(
    project: Project, window: Window, asked: Mapping[str, Any], seen: Seen
) -> None:
    length = int(asked["microseconds"])
    found = windows.of_frame(project, window, length, seen.table, seen.kinds)
    for name, values in found.items():
        seen.add(name, window.kinds[name], values)


def _feature(feature: Feature, seen: Seen, zone: str) -> Any:
    if feature.closed is not None:
        return feature.closed.of_frame(seen.table, zone)
    assert feature.function is not None
    return [
        context.call(feature.function, feature.kind, dict(row))
        for row in seen.as_rows()
    ]


def _look_up(
    project: Project,
    lookup: Lookup,
    columns: dict[str, tuple[str, str]],
    table: pd.DataFrame,
    kinds: dict[str, str],
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
    keys = lookups.typed_keys(lookup.key, some, kinds)
    found = lookups.find(
        project=project, lookup=lookup.source, keys=[key for key in keys if key]
    )
    known = {key: lookups.typed(columns, row) for key, row in found.items()}
    nothing: dict[str, Any] = {}
    fields = [{"name": name, "kind": kind} for name, (_, kind) in columns.items()]
    rows = [known.get(key or "", nothing) for key in keys]
    filled = frames.frame_of(fields, rows).set_index(some.index)
    return table.assign(**{name: table[name].fillna(filled[name]) for name in columns})
