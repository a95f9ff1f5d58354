"""Open Inference Protocol V2, as tritonclient and MLServer's clients speak it.

`/v2/models/{p}/infer` goes through the Front-end: routed, stored, sticky by the
parameter `user`. With `/versions/{n}` it is the raw model: not stored.
"""

from typing import Any

from django.conf import settings
from django.db import connection
from rest_framework import serializers

from registry.answering import LoadedVersion
from registry.clock import now as clock_now
from registry.errors import DomainError, FieldError, InvalidInput, Unavailable
from registry.models import ModelVersion
from registry.versions import VersionBroken
from registry.web.api import (
    HouseApi,
    InferenceApi,
    Request,
    Response,
    allow,
    operation,
)
from serving.frontend import front
from serving.frontend.api import only_tests
from serving.frontend.front import Result
from serving.model_server import raw, states
from serving.v2 import tensors

ASKED = ("user", "entity", "reference", "test")  # parameters that the Front-end reads


class Tensor(serializers.Serializer):
    name = serializers.CharField()
    shape = serializers.ListField(child=serializers.IntegerField())
    datatype = serializers.ChoiceField(sorted(tensors.DATATYPES))
    data = serializers.ListField(child=serializers.JSONField())  # type: ignore[assignment]
    parameters = serializers.DictField(required=False)


class Wanted(serializers.Serializer):
    name = serializers.CharField()
    parameters = serializers.DictField(required=False)


class InferInput(serializers.Serializer):
    id = serializers.CharField(required=False)
    parameters = serializers.DictField(required=False)
    inputs = Tensor(many=True)
    outputs = Wanted(many=True, required=False)


class InferOutput(serializers.Serializer):
    model_name = serializers.CharField()
    model_version = serializers.CharField()
    id = serializers.CharField(required=False)
    outputs = Tensor(many=True)


class ServerApi(HouseApi):
    access = {"GET": allow("user", "predict")}

    @operation("V2: the server.")
    def get(self, request: Request) -> Response:
        version = settings.SPECTACULAR_SETTINGS["VERSION"]
        return Response({"name": "mlsystem", "version": version, "extensions": []})


class LiveApi(HouseApi):
    access = {"GET": allow("anyone")}

    @operation("V2: does the process answer?")
    def get(self, request: Request) -> Response:
        return Response({"live": True})


class ReadyApi(HouseApi):
    access = {"GET": allow("anyone")}

    @operation("V2: does the database answer?", errors=(503,))
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"ready": True})


class MetadataApi(InferenceApi):
    access = {"GET": allow("viewer", "predict")}

    @operation("V2: a model's tensors.", errors=(409, 503))
    def get(
        self, request: Request, project: str, number: int | None = None
    ) -> Response:
        loaded = self.loaded(number)
        accepted = ModelVersion.objects.filter(
            project=self.project, state=ModelVersion.State.ACCEPTED
        )
        numbers = accepted.order_by("number").values_list("number", flat=True)
        return Response(
            {
                "name": self.project.slug,
                "versions": [str(each) for each in numbers],
                "platform": "mlsystem",
                "inputs": tensors.described(loaded.fields),
                "outputs": tensors.described_outputs(
                    loaded.classes, positive=loaded.positive, routed=number is None
                ),
            }
        )

    def loaded(self, number: int | None) -> LoadedVersion:
        if number is None:
            return states.current(self.project).live
        return raw.loaded_of(raw.version_of(self.project, number))


class ModelReadyApi(MetadataApi):
    access = {"GET": allow("viewer", "predict")}

    @operation("V2: can a model answer?", errors=(409, 503))
    def get(
        self, request: Request, project: str, number: int | None = None
    ) -> Response:
        self.loaded(number)
        return Response({"name": self.project.slug, "ready": True})


class InferApi(InferenceApi):
    access = {"POST": allow("viewer", "predict")}

    @operation("V2: infer.", input=InferInput, output=InferOutput, errors=(409, 503))
    def post(
        self, request: Request, project: str, number: int | None = None
    ) -> Response:
        """One tensor a feature with shape [n, 1]; JSON whatever the Content-Type."""
        if "Inference-Header-Content-Length" in request.headers:
            raise InvalidInput("Binary tensors are not read: send binary_data=False.")
        body = request.data
        if not isinstance(body, dict):
            raise InvalidInput("Send an object with inputs.")
        found = self._routed(body) if number is None else self._raw(body, number)
        name, version, outputs = self.project.slug, found[0], found[1]
        answer = {"model_name": name, "model_version": str(version)}
        if isinstance(body.get("id"), str):
            answer["id"] = body["id"]
        wanted = tensors.chosen(outputs, body.get("outputs"))
        return Response({**answer, "outputs": wanted})

    def _routed(self, body: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        live = states.current(self.project).live
        parameters = _parameters(body)
        requests = [
            {"input": row, **parameters}
            for row in tensors.rows(body.get("inputs"), fields=live.fields)
        ]
        only_tests(self.actor, requests)
        tensors.chosen(_possible(live), body.get("outputs"))
        results = front.predict_batch(
            project=self.project,
            requests=requests,
            actor=self.actor,
            now=clock_now(),
            commit=_all_or_nothing,
        )
        answers = [result for result in results if isinstance(result, dict)]
        return live.number, tensors.outputs(answers, classes=live.classes)

    def _raw(
        self, body: dict[str, Any], number: int
    ) -> tuple[int, list[dict[str, Any]]]:
        version = raw.version_of(self.project, number)
        rows = tensors.rows(body.get("inputs"), fields=version.fields)
        answers = raw.predict(version=version, inputs=rows, now=clock_now())
        told = [
            answer.said() | ({"decision": answer.decision} if answer.decision else {})
            for answer in answers
        ]
        return version.number, tensors.outputs(told, classes=version.classes)


def _parameters(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("parameters")
    if given is None:
        return {}
    if not isinstance(given, dict):
        message = "Give an object."
        raise InvalidInput(
            f"parameters: {message}", errors=[FieldError("parameters", message)]
        )
    return {name: given[name] for name in ASKED if name in given}


def _all_or_nothing(results: list[Result]) -> None:
    """The protocol has no error for one row: none is stored, and the first is told."""
    for index, result in enumerate(results):
        if isinstance(result, DomainError):
            kind = Unavailable if isinstance(result, VersionBroken) else type(result)
            raise kind(f"row {index}: {result.detail}", errors=result.errors)


def _possible(live: LoadedVersion) -> list[dict[str, Any]]:
    """Every output an answer may have, so that a wrong name is told before asking."""
    names = ["prediction", "score", "probabilities", "decision", "id"]
    return [tensors.tensor(name, "BYTES", []) for name in names]
