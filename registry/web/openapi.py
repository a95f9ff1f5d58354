"""The schema of the whole API, and of one project with its exact input types."""

import functools
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from registry import schema as input_schema
from registry.classes import equals
from registry.identifiers import LONGEST_ENTITY
from registry.models import Project
from registry.web.schema import error_responses

SECURITY = {
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A browser's session, with X-CSRFToken where it changes something.",
    },
}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["field", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}
INFERENCE_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
}

# Components that mean something else in every project, by the name serializers use:
# `ProjectInput` in registry.web.fields. Fields are those of whoever answers now.
Fields = Sequence[input_schema.Field]
Maker = Callable[[Project, Fields], dict[str, Any]]


def _input(project: Project, fields: Fields) -> dict[str, Any]:
    """An object, or the bare value of a single field."""
    whole = input_schema.json_schema(fields, strict=project.strict_inputs)
    if len(fields) != 1:
        return whole
    return {"anyOf": [whole, input_schema.property_schema(fields[0])]}


def _example(project: Project, fields: Fields) -> dict[str, Any]:
    """What is labelled is learnt from by the next version: its fields decide."""
    del fields
    return input_schema.json_schema(project.fields)


def _truth(project: Project, fields: Fields) -> dict[str, Any]:
    del fields
    if not project.is_classification:
        return {"type": "number"}
    one = {
        "enum": [*project.classes, *equals(project.classes)],
        "description": "Other spellings of a class are taken too: TRUE of true.",
    }
    if project.task == Project.Task.MULTILABEL:
        return {"type": "array", "items": one}
    return one


def _entity(project: Project, fields: Fields) -> dict[str, Any]:
    """The bare value of one column; an object of its columns, however many they are."""
    del fields
    value = {"type": ["string", "number", "boolean"], "pattern": r"\S"}
    bare = value | {"maxLength": LONGEST_ENTITY}
    if not project.entity:
        return bare
    whole = {
        "type": "object",
        "properties": {name: dict(value) for name in project.entity},
        "required": list(project.entity),
        "additionalProperties": False,
    }
    return whole if len(project.entity) > 1 else {"anyOf": [bare, whole]}


OF_PROJECT: dict[str, Maker] = {
    "ProjectInput": _input,
    "ProjectExample": _example,
    "ProjectTruth": _truth,
    "ProjectEntity": _entity,
}


def finish(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's last step: what every operation refers to."""
    components = result.setdefault("components", {})
    components["securitySchemes"] = SECURITY
    components["responses"] = error_responses()
    schemas = components.setdefault("schemas", {})
    schemas["Problem"], schemas["InferenceError"] = PROBLEM, INFERENCE_ERROR
    return result


@functools.cache
def whole() -> dict[str, Any]:
    """The schema of the code; made once in a process. Never change it."""
    return SchemaGenerator().get_schema(request=None, public=True)


def of_project(project: Project, *, fields: Fields) -> dict[str, Any]:
    """The same for one project: its name in the paths, its types in the bodies; `fields`
    are those that an input is checked by."""
    found = deepcopy(whole())
    found["paths"] = {
        path.replace("{project}", project.slug): _named(methods)
        for path, methods in found["paths"].items()
        if "{project}" in path
    }
    schemas = found["components"]["schemas"]
    for name, make in OF_PROJECT.items():
        if name in schemas:
            schemas[name] = make(project, fields)
    found["info"]["title"] = f"{found['info']['title']}: {project.name}"
    return found


def _named(methods: dict[str, Any]) -> dict[str, Any]:
    for described in methods.values():
        described["parameters"] = [
            parameter
            for parameter in described["parameters"]
            if (parameter["in"], parameter["name"]) != ("path", "project")
        ]
    return methods
