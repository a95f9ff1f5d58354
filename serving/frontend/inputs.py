"""Component 9, Front-end: what a client sent, as a version's schema and features want it."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry import featurizer
from registry.answering import LoadedVersion
from registry.errors import FieldError, InvalidInput
from registry.models import ModelVersion, Project
from registry.schema import check_row
from serving.frontend.asks import Ask
from serving.model_server.states import State
from serving.models import Rollout

Row = dict[str, Any]


def checked(
    ask: Ask, version: LoadedVersion, state: State
) -> tuple[Row, list[dict[str, str]]]:
    """The input as a version reads it, with warnings; InvalidInput names the fields.

    Where look-ups may yet bring what is missing, nothing is required here.
    """
    given, fields = ask.input, accepted(version.fields, version.features)
    if ask.entity and isinstance(given, dict):
        names = {field["name"] for field in fields}
        said = {k: v for k, v in ask.entity_parts.items() if k in names}
        given = {**said, **given}
        if not given and fields is version.fields:
            raise _wrong("input", "Nothing is looked up by entity here: send an input.")
    clean, warnings, errors = check_row(fields, given, state.project.strict_inputs)
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.field}: {first.message}", errors=errors)
    return clean, warnings


def accepted(
    fields: Sequence[Mapping[str, Any]], features: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    """A version's fields as a request is checked by them."""
    if features.get("lookups"):
        return [{**field, "required": False} for field in fields]
    return fields


def fields_now(project: Project) -> Sequence[Mapping[str, Any]]:
    """What requests are checked by: live's fields; before there is a model, those that
    the first one will have. Read from the row: no model is loaded for it."""
    rollout = Rollout.objects.filter(project=project)
    live = ModelVersion.objects.filter(pk__in=rollout.values("live"))
    found = live.values_list("fields", "features").first()
    return accepted(*found) if found else project.fields


def looked_up(
    project: Project, version: LoadedVersion, rows: Sequence[Row], asks: Sequence[Ask]
) -> list[Row]:
    """Inputs in which look-ups have filled what was missing."""
    return featurizer.fill(
        project=project,
        features=version.features,
        inputs=rows,
        entities=[ask.entity for ask in asks],
    )


def still_missing(
    ask: Ask, version: LoadedVersion, row: Mapping[str, Any]
) -> InvalidInput | None:
    """Why this cannot be answered: neither the client nor a look-up brought it."""
    found = [value for name, value in row.items() if name not in ask.entity_parts]
    if ask.entity and found and all(value is None for value in found):
        return _wrong(
            "entity", "Nothing is known about it: check it, or send an input."
        )
    errors = [
        FieldError(f"input.{field['name']}", "This field is required.")
        for field in version.fields
        if field.get("required") and row.get(field["name"]) is None
    ]
    if not errors:
        return None
    return InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)


def features(
    project: Project, version: LoadedVersion, rows: Sequence[Row], asks: Sequence[Ask]
) -> list[Row]:
    """Rows of features as the model reads them, by the one Featurizer."""
    spec = version.features
    if not (spec.get("row") or spec.get("lookups") or spec.get("windows")):
        return list(rows)
    return featurizer.compute(
        project=project,
        features=spec,
        inputs=rows,
        entities=[ask.entity for ask in asks],
        at=[ask.at for ask in asks],
    )


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", errors=[FieldError(name, message)])
