"""Registry: the project that a definition and its rows make, before anything is saved:
a new one, or what the one that is there becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from registry import decision, guess, projects, projects_of_tables, sources
from registry.classes import find_class
from registry.definitions import Project as Definition
from registry.models import Project
from registry.schema import NUMBERS

Fields = list[dict[str, Any]]


def new(reading: sources.Reading) -> Project:
    """The project that would be made, checked and not saved."""
    definition = reading.definition
    settings = deepcopy(definition.settings)
    if not definition.sources:
        return _without_data(definition, settings)
    rows = reading.learning()
    project = projects_of_tables.of_table(
        frame=rows.frame,
        kinds=rows.kinds,
        exclude=_apart(definition),
        told=_told(reading, None),
        definition=definition.module,
        replay=dict(reading.replay),
        **settings,
    )
    project.time_column = project.time_column or _moment(reading, None)
    project.fields += _dropped_keys(reading, project, project.fields)
    return project


def changes(project: Project, reading: sources.Reading) -> dict[str, Any]:
    """What the definition says otherwise than the project that is there."""
    definition = reading.definition
    said = deepcopy(definition.settings)
    said.pop("slug")
    if positive := said.get("positive_class"):
        said["positive_class"] = find_class(project.classes, positive) or positive
    classes = said.get("classes", project.classes)
    said = decision.spread(said, classes=classes)
    said["fields"] = _fields(project, reading)
    return {k: v for k, v in said.items() if getattr(project, k) != v}


def said(reading: sources.Reading, project: Project) -> dict[str, Any]:
    """What is kept of the definition beside the project, for those who read no source,
    and to know what of the project was the code's."""
    definition = reading.definition
    return {
        "fields": _told(reading, project),
        "excluded": sorted(_apart(definition)),
        "kinds": {
            lookup.source: _kinds(lookup.columns, reading.rows(lookup.source).kinds)
            for lookup in definition.lookups
            if lookup.columns
        },
    }


def _kinds(columns: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    found = {
        name: known[column.name]
        for name, column in columns.items()
        if not column.kind and column.name in known
    }
    return {n: "numeric" if kind in NUMBERS else kind for n, kind in found.items()}


def _without_data(definition: Definition, settings: dict[str, Any]) -> Project:
    """A project whose data comes later, as examples or uploads."""
    settings = decision.spread(settings, classes=settings.get("classes", []))
    return projects.of_settings(
        definition=definition.module, fields=_declared(definition), **settings
    )


def _declared(definition: Definition) -> Fields:
    """The inputs of a project without a source: those it speaks of."""
    return [
        {"name": name, "kind": "numeric", **told}
        for name, told in definition.fields.items()
    ]


def _moment(reading: sources.Reading, project: Project | None) -> str:
    """Windows ask what was known when; where no `time=` says when, a row's watermark
    does, the moment from which it was there. It stays an input too, for functions that
    read it, though no model learns from it."""
    definition = reading.definition
    if not definition.windows or "time_column" in definition.settings:
        return ""
    watermark = definition.sources[0].watermark if definition.sources else ""
    if not watermark or reading.first().kinds.get(watermark) != "datetime":
        return ""
    fixed = project is not None and project.time_column != watermark  # by its data
    return "" if fixed else watermark


def _apart(definition: Definition) -> list[str]:
    """Columns that are no inputs. When the truth became known is one: a request cannot
    know it."""
    known_at = definition.truth_known_at
    told = {known_at} - {"", *definition.fields}
    return [*definition.excluded, *told]


def _told(
    reading: sources.Reading, project: Project | None
) -> dict[str, dict[str, Any]]:
    """What is said of fields. A column of the entity is an input where something reads
    it as one: a slice of the gate, a baseline."""
    definition = reading.definition
    read = set(definition.settings.get("gate", {}).get("slices", ()))
    for baseline in definition.baselines:
        if baseline.kind in {"rule", "group_mean"}:
            read |= {*baseline.params.get("keys", ()), baseline.params.get("column")}
    entity = definition.settings.get("entity", ())
    implied: dict[str, dict[str, Any]] = {
        name: {"kind": "categorical"}
        for name in entity
        if name in read and name not in definition.excluded
    }
    if (moment := _moment(reading, project)) and moment not in definition.excluded:
        implied[moment] = {"kind": "datetime", "learn": False}
    return implied | definition.fields


def _fields(project: Project, reading: sources.Reading) -> Fields:
    """The inputs as the code has them now. What it never spoke of stays as people left
    it; what it took back is as it would be in a new project."""
    definition = reading.definition
    if not definition.sources:
        return _merged(project, reading, _declared(definition))
    fresh = _fresh(project, reading)
    if not project.datasets.exists():
        return fresh
    return _merged(project, reading, fresh)


def _fresh(project: Project, reading: sources.Reading) -> Fields:
    """The inputs as they would be in a new project."""
    rows, told = reading.learning(), _told(reading, project)
    settings = {
        "time_column": "" if _moment(reading, project) else project.time_column,
        "group_column": project.group_column,
        "entity": reading.definition.settings.get("entity", project.entity),
    }
    apart = projects_of_tables.no_inputs(
        settings, exclude=_apart(reading.definition), told=told
    )
    fields = guess.of_table(
        rows.frame,
        target=project.target,
        task=project.task,
        positive=project.positive_class,
        apart=apart,
        told=told,
        kinds=rows.kinds,
    ).fields
    return [*fields, *_dropped_keys(reading, project, fields)]


def _dropped_keys(reading: sources.Reading, project: Project, fields: Fields) -> Fields:
    """Columns that only tell rows apart are no inputs by a guess; what look-ups and
    windows are keyed by is one, from which no model learns."""
    rows, definition = reading.learning(), reading.definition
    taken = {field["name"] for field in fields} | {*project.entity, project.target}
    taken |= {project.time_column, project.group_column, *_apart(definition)}
    found = []
    for name in _keys(definition):
        if name in rows.frame and name not in taken:
            kind = rows.kinds[name]
            found.append({"name": name, "kind": kind, "learn": False})
    return found


def _keys(definition: Definition) -> list[str]:
    keys = [name for lookup in definition.lookups for name in lookup.key]
    keys += [name for window in definition.windows for name in window.key]
    return list(dict.fromkeys(keys))


def _merged(
    project: Project, reading: sources.Reading, fresh: Sequence[Mapping[str, Any]]
) -> Fields:
    then, now = project.definition_said.get("fields", {}), _told(reading, project)
    apart, keys = _apart(reading.definition), _keys(reading.definition)
    known = {field["name"]: dict(field) for field in fresh}
    found = []
    for field in project.fields:
        name = field["name"]
        # What is no input by itself was one because the code spoke of it.
        implied = name in project.entity or name == project.time_column
        gone = implied and name in then and name not in now
        if name not in apart and not gone:
            found.append(_field(field, then.get(name), now.get(name), known.get(name)))
    there = {field["name"] for field in project.fields}
    before = project.definition_said.get("excluded", [])
    found += [
        field
        for name, field in known.items()
        if name not in there and (name in before or name in now or name in keys)
    ]
    return found


def _field(
    field: Mapping[str, Any],
    then: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
    fresh: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """One input: what the code no longer says of it is guessed again."""
    dropped = set(then or {}) - set(now or {})
    found = {k: v for k, v in field.items() if k not in dropped}
    found |= {k: (fresh or {})[k] for k in dropped if k in (fresh or {})}
    found.setdefault("kind", field["kind"])
    found |= now or {}
    if found["kind"] != field["kind"]:  # what was seen of another kind is not its
        found.pop("categories", None)
        found = {**(fresh or {}), **found, "kind": found["kind"]}
    return found
