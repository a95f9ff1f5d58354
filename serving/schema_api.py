"""Component 9, Front-end: what an input is, told by the fields of the version that answers."""

from rest_framework import serializers

from registry import schema
from registry.actors import Actor
from registry.models import ApiKey, Project
from registry.web import access, openapi
from registry.web.api import (
    HouseApi,
    ProjectApi,
    Request,
    Response,
    allow,
    operation,
)
from serving.frontend import inputs


class InputSchemaApi(ProjectApi):
    access = {"GET": allow("member", "read")}

    @operation("The JSON Schema of an input.", output=serializers.DictField())
    def get(self, request: Request, project: str) -> Response:
        """As the version that answers now reads it; a change of the project's fields is
        for the next one."""
        fields, strict = inputs.fields_now(self.project), self.project.strict_inputs
        return Response(schema.json_schema(fields, strict=strict))


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
            return Response(openapi.whole())
        project = _enter(slug, self.actor)
        return Response(openapi.of_project(project, fields=inputs.fields_now(project)))


def _enter(slug: str, actor: Actor) -> Project:
    key = actor.key if isinstance(actor.key, ApiKey) else None
    if actor.user is None:  # `allow("user")` has let nobody else in
        raise TypeError("Nobody is signed in.")
    return access.enter(slug=slug, user=actor.user, key=key, address=None)[0]
