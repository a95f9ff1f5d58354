"""Registry: whether what a definition names is there: columns of its sources and of a
row, features declared before. What cannot work is refused before a project is made of it;
what would only work otherwise than it reads is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from registry import definition_project, featurizer, frames, projects, sources
from registry.definition_parts import Baseline, Feature, Lookup
from registry.definitions import Project as Definition
from registry.errors import DomainError, InvalidInput
from registry.models import Project
from registry.windows import Window

MOST_NAMED = 20  # columns


@dataclass(frozen=True)
class Problem:
    """What is wrong in a line of the module; `stops` where no project can be made."""

    line: int
    text: str
    stops: bool = False


def of_new(reading: sources.Reading) -> tuple[Project, list[str]]:
    """The project that would be made, not saved, and what is wrong with it all the same.
    InvalidInput where none can be made."""
    project = definition_project.new(reading)
    project.definition_said = definition_project.said(reading, project)
    return project, refuse(reading.definition, of_all(reading, project))


def of_changes(
    reading: sources.Reading, project: Project
) -> tuple[dict[str, Any], list[str]]:
    """What a definition changes of the project that is there, and what is wrong with it
    all the same. A DomainError where it cannot become that; nothing is saved."""
    changes = definition_project.changes(project, reading)
    become = copy(project)
    projects.apply_changes(project=become, changes=changes)
    become.definition_said = definition_project.said(reading, become)
    return changes, refuse(reading.definition, of_all(reading, become))


def of_all(reading: sources.Reading, project: Project) -> list[Problem]:
    """All that is wrong with a definition, beside a project as it would become."""
    if not reading.definition.sources:
        return list(_baselines(reading.definition, project))
    return [
        *_columns(reading),
        *(p for one in reading.definition.lookups for p in _lookup(reading, one)),
        *_features(reading, project),
        *_moments(reading, project),
        *_baselines(reading.definition, project),
    ]


def refuse(definition: Definition, problems: Iterable[Problem]) -> list[str]:
    """Sentences of those that stop nothing; InvalidInput with those that do."""
    told: dict[bool, list[str]] = {True: [], False: []}
    for one in problems:
        told[one.stops].append(sentence(definition, one))
    if told[True]:
        raise InvalidInput(" ".join(told[True]))
    return told[False]


def sentence(definition: Definition, problem: Problem) -> str:
    return f"{definition.place(problem.line)}: {problem.text}."


def placed(definition: Definition, error: DomainError) -> list[str]:
    """What a refusal says, each with the line that it is about."""
    if not error.errors:
        return [_at(definition, "slug", error.detail)]
    found = []
    for one in error.errors:
        said = f"{one.field}: {one.message}"
        if one.message != error.detail:
            said = f"{error.detail} {said}"
        found.append(_at(definition, one.field, said))
    return found


def _at(definition: Definition, about: str, said: str) -> str:
    if said.startswith(f"{definition.module}, line "):
        return said
    return f"{definition.place(_line(definition, about))}: {said}"


def _line(definition: Definition, about: str) -> int:
    """The line of a setting, of a field, or of the setting that names a column."""
    lines, root = definition.lines, re.split(r"[.\[]", about)[0]
    for name in (root, f"fields.{about}"):
        if name in lines:
            return lines[name]
    for name, value in definition.settings.items():
        if value == about or (isinstance(value, list) and about in value):
            return lines[name]
    return lines["slug"]


def _columns(reading: sources.Reading) -> Iterator[Problem]:
    """Names that stand for a column of a source; the guess refuses others."""
    definition = reading.definition
    first = list(reading.first().frame)
    anywhere = {n for s in definition.sources for n in reading.rows(s.name).frame}
    for name in definition.fields:
        if name not in anywhere:
            line = definition.lines[f"fields.{name}"]
            yield Problem(line, f"field {name}: {_no_column(first)}")
    for source in definition.sources:
        columns = list(reading.rows(source.name).frame)
        if source.watermark and source.watermark not in columns:
            text = f"watermark {source.watermark}: {_no_column(columns)}"
            yield Problem(source.line, f"source {source.name}: {text}")


def _lookup(reading: sources.Reading, lookup: Lookup) -> Iterator[Problem]:
    """Its key and columns, in its own source."""
    rows, what = reading.rows(lookup.source), f"lookup {lookup.source}"
    columns = list(rows.frame)
    for name in lookup.key:
        if name not in columns:
            text = f"{what}: key {name}: {_no_column(columns)}"
            yield Problem(lookup.line, text, stops=True)
    for name, column in (lookup.columns or {}).items():
        if column.name not in columns:
            text = f"{what}: {name}: {column.name}: {_no_column(columns)}"
            yield Problem(lookup.line, text, stops=True)
        elif column.kind and (bad := _unread(rows, column.name, column.kind)):
            yield Problem(lookup.line, f"{what}: {name}: {bad}")


def _unread(rows: sources.Rows, name: str, kind: str) -> str:
    """Values that are not of the kind they are said to be would be missing."""
    _, bad = frames.conform([{"name": name, "kind": kind}], rows.frame)
    return str(bad[0]).rstrip(".") if bad else ""


def _features(reading: sources.Reading, project: Project) -> Iterator[Problem]:
    """What look-ups, features and windows read of a row, in the order they see it."""
    definition = reading.definition
    seen = featurizer.context_kinds(project)
    for lookup in definition.lookups:
        for name in lookup.key:
            if name not in seen:
                text = f"lookup {lookup.source}: key {name}: {_not_seen(seen)}"
                yield Problem(lookup.line, text)
        columns = featurizer.lookup_columns(project, lookup)
        seen = {name: kind for name, (_, kind) in columns.items()} | seen
    stored = set(seen) | set(reading.first().frame)
    for one in definition.computed:
        if isinstance(one, Window):
            yield from _window(one, seen, stored)
            seen |= one.kinds
        else:
            yield from _closed(one, seen)
            seen[one.name] = one.kind


def _window(
    window: Window, seen: dict[str, str], stored: set[str]
) -> Iterator[Problem]:
    for name in window.key:
        if name not in seen:
            text = f"window {window.name}: key {name}: {_not_seen(seen)}"
            yield Problem(window.line, text, stops=True)
        elif window.events.of_truth and name not in stored:
            text = f"window {window.name}: key {name}: past truth is grouped by columns"
            yield Problem(window.line, f"{text}, not by features", stops=True)


def _closed(feature: Feature, seen: dict[str, str]) -> Iterator[Problem]:
    for name in feature.closed.columns if feature.closed else ():
        kind = seen.get(name)
        what = f"feature {feature.name}: {name}"
        if kind is None:
            yield Problem(feature.line, f"{what}: {_not_seen(seen)}", stops=True)
        elif feature.closed and kind not in feature.closed.takes:
            wanted = " or ".join(feature.closed.takes)
            yield Problem(feature.line, f"{what} is {kind}, not {wanted}", stops=True)


def _moments(reading: sources.Reading, project: Project) -> Iterator[Problem]:
    """Without a moment every window of the past is missing, and only serving has one."""
    if project.time_column:
        return
    for window in reading.definition.windows:
        text = f"window {window.name}: past rows have no moment: give the project time="
        yield Problem(window.line, f"{text}, the column of the moment predicted for")


def _baselines(definition: Definition, project: Project) -> Iterator[Problem]:
    from registry.estimators.baselines import make_baseline

    for one in definition.baselines:
        if one.kind == "function":
            continue
        fields = featurizer.features_spec(project)["fields"]
        try:
            make_baseline(
                kind=one.kind,
                params=_params(one, project),
                task=project.task,
                fields=[*fields, *_own(definition, one)],
                classes=project.classes,
            )
        except ValueError as error:
            text = f"baseline {one.name}: {str(error).rstrip('.')}"
            yield Problem(one.line, text, stops=True)


def _params(baseline: Baseline, project: Project) -> dict[str, object]:
    params = dict(baseline.params)
    if baseline.kind == "rule":
        params.setdefault("then", project.positive_class)
    return params


def _own(definition: Definition, baseline: Baseline) -> list[dict[str, str]]:
    """The features of the window that a baseline brings along."""
    return [
        {"name": name, "kind": kind}
        for window in definition.windows
        if window.name == baseline.params.get("window")
        for name, kind in window.kinds.items()
    ]


def _no_column(columns: list[str]) -> str:
    few = ", ".join(columns[:MOST_NAMED]) + (", …" if len(columns) > MOST_NAMED else "")
    return f"no such column; there are {few}"


def _not_seen(seen: Iterable[str]) -> str:
    return f"a row has no such column; it has {', '.join(list(seen)[:MOST_NAMED])}"
