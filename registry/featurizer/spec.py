"""Component 5, Featurizer: which features a model version was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry import definition_store
from registry.definition_parts import Feature, Lookup
from registry.definitions import Project as Definition
from registry.errors import FieldError, InvalidInput, Unavailable
from registry.models import ModelVersion, Project
from registry.windows import Window, problem_of

# {"row": [names], "lookups": [sources], "fields": [every field a model reads],
#  "windows"?: {name: {"microseconds", "key", "events", "features"}}, "zone"?}
Spec = Mapping[str, Any]
Computed = Feature | Window


def features_spec(
    project: Project, *, lengths: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """What the project's definition declares now; a version keeps its own copy.

    `lengths` are microseconds by window, where they are other than declared.
    """
    definition = definition_store.definition_of(project)
    if definition is None:
        return plain_spec(project)
    fields = {field["name"]: field for field in _learnt(project)}
    for lookup in definition.lookups:
        for name, column in (lookup.columns or {}).items():
            kind = column.kind or _kind_of(project, lookup, name)
            fields.setdefault(name, {"name": name, "kind": kind})
    listed = [w for w in definition.windows if w.listed]
    for name, kind in _kinds(definition.computed, listed):
        fields[name] = {"name": name, "kind": kind}
    spec = {
        "row": [feature.name for feature in definition.row_features],
        "lookups": [lookup.source for lookup in definition.lookups],
        "fields": list(fields.values()),
        "zone": project.zone,  # hours and weekdays were learnt in it
    }
    return with_lengths(spec | {"windows": _as_spec(listed)}, lengths or {})


def _kinds(
    computed: Iterable[Computed], listed: Sequence[Window]
) -> Iterable[tuple[str, str]]:
    for one in computed:
        if isinstance(one, Feature):
            yield one.name, one.kind
        elif one in listed:
            yield from one.kinds.items()


def _as_spec(windows: Iterable[Window]) -> dict[str, Any]:
    return {
        window.name: {"microseconds": window.length.microseconds, **window.declared()}
        for window in windows
    }


def plain_spec(project: Project) -> dict[str, Any]:
    """The inputs alone; look-ups still fill in what a request leaves out."""
    definition = definition_store.definition_of(project)
    lookups = [lookup.source for lookup in definition.lookups] if definition else []
    return {"row": [], "lookups": lookups, "fields": _learnt(project)}


def _learnt(project: Project) -> list[dict[str, Any]]:
    """The inputs but those that are only keys of look-ups and windows."""
    return [field for field in project.fields if field.get("learn", True)]


def window_spec(project: Project, name: str) -> dict[str, Any]:
    """The inputs, and the features of one window."""
    window = window_of(project, name)
    added = [{"name": name, "kind": kind} for name, kind in window.kinds.items()]
    spec = plain_spec(project)
    return spec | {"fields": spec["fields"] + added, "windows": _as_spec([window])}


def window_of(project: Project, name: str) -> Window:
    """A declared window by its name."""
    definition = definition_store.definition_of(project)
    for window in definition.windows if definition else []:
        if window.name == name:
            return window
    raise Unavailable(f"The definition of {project.slug} declares no window {name}.")


def with_lengths(spec: Spec, lengths: Mapping[str, int]) -> dict[str, Any]:
    """The same features over other lengths, in microseconds by window."""
    windows = spec.get("windows", {})
    if unknown := [name for name in lengths if name not in windows]:
        known = ", ".join(windows) or "none"
        raise InvalidInput(
            f"There is no window {unknown[0]}.",
            errors=[FieldError("params", f"Known windows: {known}.")],
        )
    changed = {n: windows[n] | {"microseconds": us} for n, us in lengths.items()}
    return {**spec, "windows": {**windows, **changed}}


def only(spec: Spec, names: Sequence[str]) -> dict[str, Any]:
    """Only these features; a window of which none is left is not asked either."""
    known = [field["name"] for field in spec["fields"]]
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(
            f"There is no feature {unknown[0]}.",
            errors=[FieldError("params.fields", f"Known: {', '.join(known)}.")],
        )
    fields = [field for field in spec["fields"] if field["name"] in names]
    windows = {
        name: window
        for name, window in spec.get("windows", {}).items()
        if set(window["features"]) & set(names)
    }
    return {**spec, "fields": fields, "windows": windows}


def chosen(project: Project, features: Spec) -> tuple[list[Lookup], list[Computed]]:
    """The declared parts a spec names. Without the definition that trained a version,
    its features cannot be computed: better no answer than a wrong one."""
    rows, lookups = features.get("row", []), features.get("lookups", [])
    if not rows and not lookups and not features.get("windows"):
        return [], []
    definition = definition_store.definition_of(project)
    if definition is None:
        raise Unavailable(f"The definition of {project.slug} is not loaded here.")
    return _lookups(definition, lookups), _computed(definition, features)


def _lookups(definition: Definition, names: Sequence[str]) -> list[Lookup]:
    by_source = {lookup.source: lookup for lookup in definition.lookups}
    if gone := [name for name in names if name not in by_source]:
        raise Unavailable(
            f"{definition.module} no longer declares the look-up {', '.join(gone)}."
        )
    return [by_source[name] for name in names]


def _computed(definition: Definition, features: Spec) -> list[Computed]:
    """Features and windows in the order of their declaration."""
    rows, windows = features.get("row", []), features.get("windows", {})
    known = {one.name: one for one in definition.computed}
    for what, names in (("feature", rows), ("window", windows)):
        if gone := [name for name in names if name not in known]:
            raise Unavailable(
                f"{definition.module} no longer declares the {what} {', '.join(gone)}."
            )
    for window in definition.windows:
        problem = problem_of(windows.get(window.name) or window.declared(), window)
        if problem:
            raise Unavailable(
                f"{definition.module} declares window {window.name} with {problem} "
                "than this version was trained on: train a new one."
            )
    return [
        one
        for one in definition.computed
        if one.name in (windows if isinstance(one, Window) else rows)
    ]


def computed_names(features: Spec) -> set[str]:
    """The features that are made here, not sent or looked up."""
    names = set(features.get("row", ()))
    for window in features.get("windows", {}).values():
        names |= set(window["features"])
    return names


def input_kinds(project: Project, features: Spec | None = None) -> dict[str, str]:
    """The kind of every input: of the project's as they are now and, first of all, of
    those that the version with these features was made with."""
    kinds = {field["name"]: field["kind"] for field in project.fields}
    definition = definition_store.definition_of(project) if features else None
    if not features or not definition:
        return kinds
    other = computed_names(features)
    other |= {name for lookup in definition.lookups for name in lookup.columns or ()}
    made_with = {field["name"]: field["kind"] for field in features["fields"]}
    return kinds | {n: k for n, k in made_with.items() if n in kinds or n not in other}


def lookup_columns(
    project: Project, lookup: Lookup, features: Spec | None = None
) -> dict[str, tuple[str, str]]:
    """What a look-up gives a version: feature name → (its column, its kind)."""
    kinds = input_kinds(project, features)
    if lookup.columns is None:
        return {name: (name, kind) for name, kind in kinds.items()}
    if features:  # a version goes on reading the kinds it was made with
        kinds = {field["name"]: field["kind"] for field in features["fields"]} | kinds
    return {
        name: (
            column.name,
            kinds.get(name) or column.kind or _kind_of(project, lookup, name),
        )
        for name, column in lookup.columns.items()
    }


def _kind_of(project: Project, lookup: Lookup, name: str) -> str:
    """The kind that a column had in its source when the code was taken over."""
    known = project.definition_said.get("kinds", {}).get(lookup.source, {})
    return str(known.get(name, "numeric"))


def stored_columns(project: Project, lookup: Lookup) -> dict[str, tuple[str, str]]:
    """What is kept of a look-up: all that the next version reads, and those there are."""
    gone = [ModelVersion.State.REJECTED, ModelVersion.State.ARCHIVED]
    there = project.versions.exclude(state__in=gone).values_list("features", flat=True)
    found: dict[str, tuple[str, str]] = {}
    for features in there:
        found |= lookup_columns(project, lookup, features)
    return found | lookup_columns(project, lookup)
