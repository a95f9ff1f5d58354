"""Registry: truth as facts for windows. Rows of `Event` are added under the moment they
became known, once for every way that a declared window groups them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from registry import definition_store, featurizer, frames, lookups
from registry.classes import find_class
from registry.featurizer import context
from registry.featurizer.windows import key_of
from registry.models import Event, Project
from registry.windows import Window

if TYPE_CHECKING:
    import pandas as pd

    from registry.definitions import Project as Definition

CHUNK = 500  # rows a transaction: SQLite has one writer
LONGEST_ID, LONGEST_KEY = 200, 300
Row = tuple[str, datetime, float | None]  # key, known at, value
_INSERT = (
    'INSERT INTO "registry_event" ("project_id", "stream", "event_id", "key", '
    '"known_at", "value", "payload") VALUES (%s, %s, %s, %s, %s, %s, %s) '
    "ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A truth: of whom, what, observed and known when, and the columns that group it."""

    subject: str  # the entity's canonical key, or a prediction's id
    value: float | None
    observed_at: datetime
    known_at: datetime  # not before it was observed, and not before we were told
    columns: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        return fact_id(self.subject, self.observed_at)


def fact_id(subject: str, observed_at: datetime) -> str:
    """The same subject observed at the same moment is one fact, whoever tells it."""
    moment = observed_at.isoformat()
    if len(subject) + len(moment) >= LONGEST_ID:
        subject = blake2b(subject.encode(), digest_size=32).hexdigest()
    return f"{subject}@{moment}"


def truth_windows(project: Project) -> list[Window]:
    """One window for each way in which the project's truth is grouped."""
    definition = definition_store.definition_of(project)
    return distinct(definition) if definition else []


def distinct(definition: Definition) -> list[Window]:
    return list({one.stream: one for one in definition.truth_windows}.values())


def number_of(project: Project, value: Any) -> float | None:
    """A truth as a fact's value: a number, 1 for the positive class, else none."""
    if value is None or isinstance(value, list):
        return None
    if project.task == Project.Task.REGRESSION:
        return float(value)
    if project.task == Project.Task.BINARY:
        return float(find_class(project.classes, value) == project.positive_class)
    return None


def append(*, project: Project, facts: Sequence[Fact]) -> int:
    """Add facts, in the caller's transaction; what is known already stays as it is, but
    for another value at the same moment, which is a correction. Returns how many rows
    were written."""
    written = 0
    for window in truth_windows(project) if facts else []:
        rows = {
            fact.event_id: (key, fact.known_at, fact.value)
            for fact in facts
            if (key := _key(window, fact)) is not None
        }
        written += _add(project, window.stream, rows)
    return written


def _key(window: Window, fact: Fact) -> str | None:
    key = key_of(window.key, dict(fact.columns))
    return key if key is not None and len(key) <= LONGEST_KEY else None


def _add(project: Project, stream: str, rows: dict[str, Row]) -> int:
    stored = Event.objects.filter(
        project=project, stream=stream, event_id__in=list(rows)
    )
    known = dict(stored.values_list("event_id", "value"))
    new = {n: row for n, row in rows.items() if n not in known or known[n] != row[2]}
    if corrected := new.keys() & known.keys():
        stored.filter(event_id__in=corrected).delete()
    return _insert(project, stream, new)


def _insert(project: Project, stream: str, rows: Mapping[str, Row]) -> int:
    return insert(
        Event(
            project=project,
            stream=stream,
            event_id=event_id,
            key=key,
            known_at=known_at,
            value=value,
        )
        for event_id, (key, known_at, value) in rows.items()
    )


def insert(events: Iterable[Event]) -> int:
    """Add events by their ids; what is there already, or somebody else has added
    meanwhile, is left alone. Returns how many rows the database wrote."""
    moment, document = (
        connection.ops.adapt_datetimefield_value,
        connection.ops.adapt_json_value,
    )
    rows = [
        (
            one.project_id,
            one.stream,
            one.event_id,
            one.key,
            moment(one.known_at),
            one.value,
            document(one.payload, None),
        )
        for one in events
    ]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
        return int(cursor.rowcount)


def remember_past(
    *,
    project: Project,
    definition: Definition,
    frame: pd.DataFrame,
    kinds: Mapping[str, str],
    now: datetime,
) -> int:
    """Past rows of the source with a target become facts, known at their own moment;
    what is not known by `now` is left out. Returns how many rows were written."""
    if not definition.truth_windows:
        return 0
    table, said = _past(project, definition, frame, kinds, now)
    moments = frames.python_values(table[definition.truth_known_at], "datetime")
    values = [number_of(project, value) for value in table[project.target]]
    subjects = _subjects(project, table)
    ids = [fact_id(*pair) for pair in zip(subjects, moments, strict=True)]
    written = 0
    for window in distinct(definition):
        keys = lookups.typed_keys(sorted(window.key), table, said)
        stored = Event.objects.filter(project=project, stream=window.stream)
        known = set(stored.values_list("event_id", flat=True))
        rows = {
            event_id: (key, moment, value)
            for event_id, key, moment, value in zip(
                ids, keys, moments, values, strict=True
            )
            if key is not None and len(key) <= LONGEST_KEY and event_id not in known
        }
        for some in _chunks(rows):
            with transaction.atomic():
                written += _insert(project, window.stream, some)
    return written


def _past(
    project: Project,
    definition: Definition,
    frame: pd.DataFrame,
    kinds: Mapping[str, str],
    now: datetime,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows whose target is known by now: what groups them, typed as in requests."""
    moment, target = definition.truth_known_at, project.target
    there = frame[(frame[moment] <= now) & ~frames.missing(frame[target])]
    declared = {field["name"]: field["kind"] for field in project.fields}
    declared = dict.fromkeys(project.entity, "categorical") | declared
    names = {name for window in distinct(definition) for name in window.key}
    said = {
        name: declared.get(name) or kinds[name]
        for name in [*names & set(kinds), *project.entity, moment, target]
    }
    fields = [{"name": name, "kind": kind} for name, kind in said.items()]
    table, _ = frames.conform(fields, there, zone=project.zone)
    if lacking := names - set(kinds):  # a look-up has them
        seen = _looked_up(project, there)
        table = table.assign(**{name: seen.table[name] for name in lacking})
        said |= {name: seen.kinds[name] for name in lacking}
    return table, said


def _looked_up(project: Project, frame: pd.DataFrame) -> featurizer.Seen:
    known = featurizer.context_kinds(project).items()
    fields = [{"name": name, "kind": kind} for name, kind in known if name in frame]
    table, _ = frames.conform(fields, frame, zone=project.zone)
    spec = featurizer.plain_spec(project)
    return featurizer.looked_up(project=project, features=spec, frame=table)


def _subjects(project: Project, table: pd.DataFrame) -> Iterable[str]:
    """Each row's entity, else its number in the source."""
    if not project.entity:
        return [f"row {number}" for number in table.index]
    keys = lookups.keys_of(project.entity, table)
    return [key or f"row {n}" for key, n in zip(keys, table.index, strict=True)]


def columns_by_lookup(
    project: Project, entities: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """What is stored of each entity, for truth of something nobody predicted."""
    names = sorted(set(entities))
    rows = featurizer.fill(
        project=project,
        features=featurizer.plain_spec(project),
        inputs=[{}] * len(names),
        entities=names,
    )
    return {
        name: {**context.entity_columns(project, name), **row}
        for name, row in zip(names, rows, strict=True)
    }


def _chunks(rows: dict[str, Row]) -> Iterator[dict[str, Row]]:
    names = list(rows)
    for start in range(0, len(names), CHUNK):
        yield {name: rows[name] for name in names[start : start + CHUNK]}
