"""The schema of the whole API, and of one project with its exact input types."""

import functools
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers

from registry import schema as input_schema
from registry.actors import Actor
from registry.models import ApiKey, Project
from registry.web import access
from registry.web.api import HouseApi, Request, Response, allow, operation
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
# `ProjectInput` in registry.web.fields.
Maker = Callable[[Project], dict[str, Any]]


def _input(project: Project) -> dict[str, Any]:
    return input_schema.json_schema(project.fields, strict=project.strict_inputs)


def _truth(project: Project) -> dict[str, Any]:
    if project.is_classification:
        return {"type": "string", "enum": list(project.classes)}
    return {"type": "number"}


def _entity(project: Project) -> dict[str, Any]:
    if len(project.entity) <= 1:
        return {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "properties": {name: {"type": ["string", "number"]} for name in project.entity},
        "required": list(project.entity),
        "additionalProperties": False,
    }


OF_PROJECT: dict[str, Maker] = {
    "ProjectInput": _input,
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


def of_project(project: Project) -> dict[str, Any]:
    """The same for one project: its name in the paths, its types in the bodies."""
    found = deepcopy(whole())
    found["paths"] = {
        path.replace("{project}", project.slug): _named(methods)
        for path, methods in found["paths"].items()
        if "{project}" in path
    }
    schemas = found["components"]["schemas"]
    for name, make in OF_PROJECT.items():
        if name in schemas:
            schemas[name] = make(project)
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


class OpenApi(HouseApi):
    """`/api/schema`; not part of itself."""

    schema = None  # type: ignore[assignment]
    access = {"GET": allow("user", "read")}
    produces = ("application/json", "application/vnd.oai.openapi+json")

    @operation(
        "The schema of this API.",
        output=serializers.DictField(),
        query={"project": serializers.CharField(required=False, max_length=50)},
    )
    def get(self, request: Request) -> Response:
        """With `project`, the exact input types of that project."""
        slug = self.query().get("project")
        if slug is None:
            return Response(whole())
        return Response(of_project(_enter(slug, self.actor)))


def _enter(slug: str, actor: Actor) -> Project:
    key = actor.key if isinstance(actor.key, ApiKey) else None
    if actor.user is None:  # `allow("user")` has let nobody else in
        raise TypeError("Nobody is signed in.")
    return access.enter(slug=slug, user=actor.user, key=key, address=None)[0]
