"""Component 8, Model Server, over REST: raw predictions, and the file itself."""

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from registry.clock import now as clock_now
from registry.errors import FieldError, InvalidInput, TooLarge
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    operation,
)
from serving.model_server import raw


class RawPredictApi(ProjectApi):
    access = {"POST": allow("viewer", "predict")}

    class Input(StrictSerializer):
        inputs = serializers.ListField(
            child=serializers.JSONField(), max_length=raw.LARGEST
        )

    class Output(serializers.Serializer):
        outputs = serializers.ListField(child=serializers.DictField())

    @operation(
        "Ask one version.",
        input=Input,
        output=Output,
        errors=(409, 503),
        creates=False,
    )
    def post(self, request: Request, project: str, number: int) -> Response:
        """The raw model: not routed, nothing stored."""
        outputs = raw.predict(
            version=raw.version_of(self.project, number),
            inputs=_inputs(request.data),
            now=clock_now(),
        )
        return Response({"outputs": outputs})


class ArtifactApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}
    produces = ("application/octet-stream", "application/json")

    @operation(
        "Download the model's file.",
        query={"format": serializers.ChoiceField(["skops", "onnx"], default="skops")},
        errors=(503,),
    )
    def get(self, request: Request, project: str, number: int) -> HttpResponse:
        """Its SHA-256 is the ETag, and in X-Content-SHA256."""
        form = self.query()["format"]
        version = raw.version_of(self.project, number)
        data, sha256 = raw.artifact(version, form=form)
        name = f"{self.project.slug}-{version.number}.{form}"
        return HttpResponse(
            data,
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Content-Type-Options": "nosniff",
                "X-Content-SHA256": sha256,
                "ETag": f'"{sha256}"',
            },
        )


def _inputs(body: object) -> list[Any]:
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list):
        message = "Give a list of inputs."
        raise InvalidInput(f"inputs: {message}", errors=[FieldError("inputs", message)])
    if unknown := [name for name in body if name != "inputs"]:
        errors = [
            FieldError(name, "Unknown field; known is inputs.") for name in unknown
        ]
        raise InvalidInput(f"{unknown[0]}: {errors[0].message}", errors=errors)
    if len(body["inputs"]) > raw.LARGEST:
        raise TooLarge(f"Send at most {raw.LARGEST:,} inputs at once.")
    return list(body["inputs"])
