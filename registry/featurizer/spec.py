"""Component 5, Featurizer: which features a model version was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry import definition_store
from registry.definition_parts import Feature, Lookup
from registry.definitions import Project as Definition
from registry.errors import Unavailable
from registry.models import Project

# {"row": [names], "lookups": [sources], "fields": [every field a model reads]}
Spec = Mapping[str, Any]


def features_spec(project: Project) -> dict[str, Any]:
    """What the project's definition declares now; a version keeps its own copy."""
    definition = definition_store.definition_of(project)
    if definition is None:
        return plain_spec(project)
    fields = {field["name"]: field for field in project.fields}
    for lookup in definition.lookups:
        for name, column in (lookup.columns or {}).items():
            fields.setdefault(name, {"name": name, "kind": column.kind})
    for feature in definition.row_features:
        fields[feature.name] = {"name": feature.name, "kind": feature.kind}
    return {
        "row": [feature.name for feature in definition.row_features],
        "lookups": [lookup.source for lookup in definition.lookups],
        "fields": list(fields.values()),
    }


def plain_spec(project: Project) -> dict[str, Any]:
    """The inputs alone; look-ups still fill in what a request leaves out."""
    definition = definition_store.definition_of(project)
    lookups = [lookup.source for lookup in definition.lookups] if definition else []
    return {"row": [], "lookups": lookups, "fields": list(project.fields)}


def chosen(project: Project, features: Spec) -> tuple[list[Lookup], list[Feature]]:
    """The declared parts a spec names. Without the definition that trained a version,
    its features cannot be computed: better no answer than a wrong one."""
    rows, lookups = features.get("row", []), features.get("lookups", [])
    if not rows and not lookups:
        return [], []
    definition = definition_store.definition_of(project)
    if definition is None:
        raise Unavailable(f"The definition of {project.slug} is not loaded here.")
    return _named(definition, rows, lookups)


def _named(
    definition: Definition, rows: list[str], lookups: list[str]
) -> tuple[list[Lookup], list[Feature]]:
    by_source = {lookup.source: lookup for lookup in definition.lookups}
    by_name = {feature.name: feature for feature in definition.row_features}
    if gone := [name for name in rows if name not in by_name]:
        raise Unavailable(
            f"{definition.module} no longer declares the feature {', '.join(gone)}."
        )
    if gone := [name for name in lookups if name not in by_source]:
        raise Unavailable(
            f"{definition.module} no longer declares the look-up {', '.join(gone)}."
        )
    return [by_source[name] for name in lookups], [by_name[name] for name in rows]


def lookup_columns(project: Project, lookup: Lookup) -> dict[str, tuple[str, str]]:
    """What a look-up gives: feature name → (its column, its kind)."""
    kinds = {field["name"]: field["kind"] for field in project.fields}
    if lookup.columns is None:
        return {name: (name, kind) for name, kind in kinds.items()}
    return {
        name: (column.name, kinds.get(name, column.kind))
        for name, column in lookup.columns.items()
    }
