"""Registry: rows of existing files and databases, read and never written.

A definition's first source holds the rows to learn from: columns are derived from it,
then rows filtered. Its other sources only feed look-ups. A row whose watermark is a
moment still to come is not there yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from registry import clock, frames, guess, replays, tables
from registry.definition_parts import Derived, Source
from registry.definitions import Project as Definition
from registry.guarded import FAILED
from registry.source_databases import SourceError, read_database

if TYPE_CHECKING:
    import pandas as pd

ROW_NUMBER = "row_number"


@dataclass(frozen=True)
class Rows:
    """Typed rows of a source, the kind of each column, and how they came to be."""

    frame: pd.DataFrame
    kinds: dict[str, str]
    lineage: dict[str, Any]


class Reading:
    """The sources of a definition at one moment; each is read once."""

    def __init__(
        self,
        definition: Definition,
        *,
        replay: Mapping[str, int] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.definition = definition
        self.replay = replay or {}
        self.now = now or clock.now()
        self._told: dict[str, Rows] = {}
        self._read: dict[str, Rows] = {}

    def rows(self, name: str) -> Rows:
        """The rows of a source that were there by now."""
        if name not in self._read:
            self._read[name] = _there(self, name, self.told(name))
        return self._read[name]

    def told(self, name: str) -> Rows:
        """The rows of a source with the times they are told with; nothing is derived."""
        if name not in self._told:
            self._told[name] = _told(self, name)
        return self._told[name]

    def between(self, start: datetime, end: datetime) -> Rows:
        """Those of `first` that hold, before anything is derived, a moment of that time:
        a few of many rows, whose functions are not called."""
        name = self.definition.sources[0].name
        rows = self.told(name)
        moments = [column for column, kind in rows.kinds.items() if kind == "datetime"]
        seen = rows.frame[moments]
        some = rows.frame[((seen >= start) & (seen <= end)).any(axis=1)]
        return _there(self, name, Rows(some, rows.kinds, rows.lineage))

    def first(self) -> Rows:
        """What there is to learn from, before the filters."""
        return self.rows(self.definition.sources[0].name)

    def learning(self) -> Rows:
        """The first source's rows that the filters let pass and whose truth is known."""
        return _learning(self.definition, self.first(), self.now)


def learning_rows(definition: Definition) -> Rows:
    """The first source's rows with derived columns, those that the filters let pass."""
    return Reading(definition).learning()


def source_rows(definition: Definition, name: str) -> Rows:
    """All rows of a source, typed; of the first source with derived columns."""
    return Reading(definition).rows(name)


def _learning(definition: Definition, rows: Rows, now: datetime) -> Rows:
    keep = [True] * len(rows.frame)
    if definition.filters:
        for index, row in enumerate(_numbered(rows)):
            keep[index] = all(_passes(test(row)) for test in definition.filters)
    frame = rows.frame[keep]
    lineage = {**rows.lineage, "filtered_out": len(rows.frame) - len(frame)}
    if known_at := definition.truth_known_at:
        _check_moment(definition, known_at, rows)
        later = frame[known_at] > now
        lineage["truth_not_known_yet"] = int(later.sum())
        frame = frame[~later]
    frame = frame.reset_index(drop=True)
    return Rows(frame, rows.kinds, {**lineage, "content": _fingerprint(frame)})


def _check_moment(definition: Definition, known_at: str, rows: Rows) -> None:
    kind = rows.kinds.get(known_at)
    if kind != "datetime":
        window = definition.truth_windows[0]
        told = f"is {kind}, no time" if kind else "is no column of the first source"
        raise SourceError(
            f"{definition.place(window.line)}: known_at={known_at!r} {told}: name the "
            "column of the moment at which a past row's truth was known."
        )


def _told(reading: Reading, name: str) -> Rows:
    definition = reading.definition
    source = next(s for s in definition.sources if s.name == name)
    raw, lineage = read(source, folder=definition.path.parent)
    rows = _typed(definition, raw, {"source": name, **lineage})
    frame = replays.told(
        rows.frame,
        rows.kinds,
        reading.replay,
        zone=definition.settings.get("zone", "UTC"),
        now=reading.now,
    )
    return Rows(frame, rows.kinds, rows.lineage)


def _there(reading: Reading, name: str, rows: Rows) -> Rows:
    definition = reading.definition
    source = next(s for s in definition.sources if s.name == name)
    first = definition.sources[0].name
    derived = [one for one in definition.derived if (one.source or first) == name]
    return _by(_derive_all(definition, rows, derived), source.watermark, reading.now)


def _by(rows: Rows, watermark: str, now: datetime) -> Rows:
    """Without the rows whose moment is still to come."""
    if rows.kinds.get(watermark) != "datetime":
        return rows
    later = rows.frame[watermark] > now
    frame = rows.frame[~later].reset_index(drop=True)
    lineage = {**rows.lineage, "not_there_yet": int(later.sum())}
    return Rows(frame, rows.kinds, lineage)


def read(source: Source, *, folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A source's table as it is there. Files lie beside the definition's module, or in
    the folder that SOURCE_<NAME>_URL names."""
    if source.rows:
        return _made(source)
    if source.file and not source.source:
        return _read_file(source, folder)
    url = settings.SOURCES.get(source.source)
    if url is None:
        variable = f"SOURCE_{source.source.upper()}_URL"
        raise SourceError(f"Source {source.name}: {variable} is not set.")
    if source.file:
        if urlsplit(url).scheme != "file":
            told = f"{source.file} is a file, {source.source} a database"
            raise SourceError(f"Source {source.name}: {told}.")
        return _read_file(source, Path(urlsplit(url).path))
    return read_database(source, url)


def _made(source: Source) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows that a function of the module makes."""
    import pandas as pd

    assert source.rows is not None
    made = source.rows()
    if made is FAILED:
        raise SourceError(
            f"Source {source.name}: {source.rows.name} failed; see the log."
        )
    frame = pd.DataFrame(made)
    return frame, {"function": source.rows.name, "rows_read": len(frame)}


def _read_file(source: Source, folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    path = (folder / source.file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"Source {source.name}: {source.file} leads elsewhere.")
    if not path.is_file():
        raise SourceError(f"Source {source.name}: there is no file {source.file}.")
    return tables.read_table(path=path)


def _typed(definition: Definition, raw: pd.DataFrame, lineage: dict[str, Any]) -> Rows:
    told = {name: field.get("kind") for name, field in definition.fields.items()}
    # Classes keep their own words: Yes is not true.
    told[definition.target] = (
        "numeric" if definition.task == "regression" else "categorical"
    )
    spelt = {name: told.get(name) or guess.kind_of(raw[name]) for name in raw.columns}
    raw, kinds = _with_days(definition, raw, spelt)
    fields = [{"name": name, "kind": kind} for name, kind in kinds.items()]
    zone = definition.settings.get("zone", "UTC")
    frame, bad = frames.conform(fields, raw, zone=zone)
    if bad and any(problem.column in definition.fields for problem in bad):
        raise SourceError("; ".join(f"{problem.column}: {problem}" for problem in bad))
    return Rows(frame, kinds, lineage)


def _with_days(
    definition: Definition, raw: pd.DataFrame, kinds: dict[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Days in keys are words, as requests spell them, unless they are said to be times."""
    days = {
        name: frames.as_days(raw[name])
        for name, kind in kinds.items()
        if kind == "datetime"
        and name in definition.key_columns
        and definition.fields.get(name, {}).get("kind") is None
    }
    found = {name: column for name, column in days.items() if column is not None}
    return raw.assign(**found), kinds | dict.fromkeys(found, "categorical")


def _derive_all(definition: Definition, rows: Rows, derived: Sequence[Derived]) -> Rows:
    """With these columns; each sees the ones before it."""
    seen = _numbered(rows) if derived else []
    for one in derived:
        rows = _derive(definition, rows, one, seen)
    return rows


def _derive(
    definition: Definition, rows: Rows, derived: Derived, seen: list[dict[str, Any]]
) -> Rows:
    import pandas as pd

    before = derived.function.failures
    values = [derived.function(row) for row in seen]
    values = [None if value is FAILED else value for value in values]
    raw = pd.Series(values, index=rows.frame.index, dtype=object)
    kind = derived.kind or guess.kind_of(raw.infer_objects())
    if derived.kind is None:
        table, kinds = _with_days(
            definition, raw.to_frame(derived.name), {derived.name: kind}
        )
        raw, kind = table[derived.name], kinds[derived.name]
    zone = definition.settings.get("zone", "UTC")
    column = frames.convert(raw, kind, zone=zone)
    for row, value in zip(seen, frames.python_values(column, kind), strict=True):
        row[derived.name] = value
    lineage = rows.lineage
    if failed := derived.function.failures - before:
        told = {**lineage.get("failed", {}), derived.name: failed}
        lineage = {**lineage, "failed": told}
    frame = rows.frame.assign(**{derived.name: column})
    return Rows(frame, {**rows.kinds, derived.name: kind}, lineage)


def _fingerprint(frame: pd.DataFrame) -> str:
    """Tells whether a source's rows are others than last time."""
    import pandas as pd

    hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    names = "\n".join(frame.columns).encode()
    return sha256(names + hashes.tobytes()).hexdigest()


def _numbered(rows: Rows) -> list[dict[str, Any]]:
    """The rows as declared functions see them: by column, and `row_number` from 1."""
    fields = [{"name": name, "kind": kind} for name, kind in rows.kinds.items()]
    return [
        {ROW_NUMBER: number, **row}
        for number, row in enumerate(frames.rows_of(fields, rows.frame), start=1)
    ]


def _passes(answer: object) -> bool:
    return answer is not FAILED and bool(answer)
