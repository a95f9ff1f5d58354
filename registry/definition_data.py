"""What a definition says of its data: sources, columns and which rows count. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from registry import definition_values as values
from registry.definition_base import Declared
from registry.definition_parts import Derived, Source
from registry.guarded import Guarded


class Sourced(Declared):
    """The part of a definition that declares what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Source] = []
        self.derived: list[Derived] = []
        self.filters: list[Guarded] = []
        self.fields: dict[str, dict[str, Any]] = {}
        self.excluded: dict[str, int] = {}

    def source(
        self,
        name: str,
        *,
        table: str = "",
        sql: str = "",
        file: str = "",
        source: str = "",
        watermark: str = "",
        rows: Callable[[], Iterable[Mapping[str, Any]]] | None = None,
    ) -> None:
        """Rows to read, or a function that makes them; the first source holds the rows
        to learn from."""
        line = self._line()
        self._named("source", name, [s.name for s in self.sources], line)
        if sum(map(bool, (table, sql, file, callable(rows)))) != 1:
            cure = "give one of table, sql, file and rows"
            self._refuse(line, f"source {name}", cure)
        if (table or sql) and not source:
            cure = "say source=, the NAME of SOURCE_<NAME>_URL"
            self._refuse(line, f"source {name}", cure)
        if file and (Path(file).is_absolute() or ".." in Path(file).parts):
            self._refuse(line, f"source {name}", "name a file beside the module")
        made = None
        if callable(rows):
            make = rows  # the function of this source, also when another is declared
            made = self._guarded(
                lambda: list(make()), line, f"source {name}", "it cannot be read"
            )
        self.sources.append(
            Source(name, line, table, sql, file, source.lower(), watermark, made)
        )

    def derive(
        self,
        name: str,
        function: Callable[[dict[str, Any]], Any],
        kind: str = "",
        *,
        source: str = "",
    ) -> None:
        """A column computed from a row (its columns, the ones derived before, and
        `row_number` from 1); missing where the function fails. Of the first source,
        unless another is named."""
        line = self._line()
        if source and source not in [known.name for known in self.sources]:
            self._refuse(line, f"derive {name}", f"declare the source {source} first")
        self._kind(kind or "text", line, f"column {name}")
        guarded = self._guarded(function, line, f"derive {name}", "it is missing")
        self.derived.append(Derived(name, guarded, kind or None, line, source))

    def filter(self, function: Callable[[dict[str, Any]], Any]) -> None:
        """Keep the rows for which the function is true; where it fails, not."""
        line = self._line()
        self.filters.append(
            self._guarded(function, line, "filter", "the row is left out")
        )

    def exclude(self, *columns: str) -> None:
        """Columns that are no inputs."""
        line = self._line()
        self.excluded |= dict.fromkeys(columns, line)
        self.lines |= {f"fields.{name}": line for name in columns}

    def field(self, name: str, **changes: Any) -> None:
        """What a column is, where the guess is not right: kind, required, unit,
        minimum, maximum, categories; `learn=False`: for keys, not for models. A column
        of the entity becomes an input by it."""
        line = self._line()
        changes = values.as_json(changes)
        self._fit(f"field {name}", values.FIELD, changes, line)
        low, high = changes.get("minimum"), changes.get("maximum")
        if low is not None and high is not None and low > high:
            self._refuse(line, f"field {name}", "its minimum is above its maximum")
        self.fields[name] = changes
        self.lines[f"fields.{name}"] = line
