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
    idempotent,
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
    data = serializers.ListField(child=serializers.JSONField(allow_null=True))  # type: ignore[assignment]
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
    model_version = serializers.CharField(
        required=False,
        help_text="The version that answered every row; of several, see `model`.",
    )
    id = serializers.CharField(required=False)
    outputs = Tensor(many=True)


class ServerApi(HouseApi):
    access = {"GET": allow("user", "read", "predict")}

    @operation("V2: the server.")
    def get(self, request: Request) -> Response:
        version = settings.SPECTACULAR_SETTINGS["VERSION"]
        return Response({"name": "mlsystem", "version": version, "extensions": []})


class LiveApi(HouseApi):
    access = {"GET": allow("anyone")}
    authentication_classes = []

    @operation("V2: does the process answer?")
    def get(self, request: Request) -> Response:
        return Response({"live": True})


class ReadyApi(HouseApi):
    access = {"GET": allow("anyone")}
    authentication_classes = []

    @operation("V2: does the database answer?", errors=(503,))
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"ready": True})


class MetadataApi(InferenceApi):
    access = {"GET": allow("viewer", "read", "predict")}

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
                "outputs": _described(loaded, routed=number is None),
            }
        )

    def loaded(self, number: int | None) -> LoadedVersion:
        if number is None:
            return states.current(self.project).live
        return raw.loaded_of(raw.version_of(self.project, number))


class ModelReadyApi(MetadataApi):
    access = {"GET": allow("viewer", "read", "predict")}

    @operation("V2: can a model answer?", errors=(409, 503))
    def get(
        self, request: Request, project: str, number: int | None = None
    ) -> Response:
        self.loaded(number)
        return Response({"name": self.project.slug, "ready": True})


class InferApi(InferenceApi):
    access = {"POST": allow("viewer", "predict")}

    @operation("V2: infer.", input=InferInput, output=InferOutput, errors=(409, 503))
    @idempotent(own_commit=True)
    def post(
        self, request: Request, project: str, number: int | None = None
    ) -> Response:
        """One tensor a feature with shape [n, 1]; JSON whatever the Content-Type."""
        if "Inference-Header-Content-Length" in request.headers:
            raise InvalidInput("Binary tensors are not read: send binary_data=False.")
        body = request.data
        if not isinstance(body, dict):
            raise InvalidInput("Send an object with inputs.")
        return Response(
            self._routed(body) if number is None else self._raw(body, number)
        )

    def _answer(
        self, body: dict[str, Any], versions: set[str], outputs: list[dict[str, Any]]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {"model_name": self.project.slug}
        if len(versions) == 1:  # of several, each row says its own
            (answer["model_version"],) = versions
        if isinstance(body.get("id"), str):
            answer["id"] = body["id"]
        return {**answer, "outputs": tensors.chosen(outputs, body.get("outputs"))}

    def _routed(self, body: dict[str, Any]) -> dict[str, Any]:
        live = states.current(self.project).live
        parameters = _parameters(body)
        requests = [
            {"input": row, **parameters}
            for row in tensors.rows(body.get("inputs"), fields=live.fields)
        ]
        only_tests(self.actor, requests)
        tensors.chosen(_possible(live), body.get("outputs"))
        asked = front.ask_batch(
            project=self.project,
            requests=requests,
            actor=self.actor,
            now=clock_now(),
        )
        answers = _all_or_nothing(asked.results)
        versions = {each["model"].rpartition("/")[2] for each in answers}
        promised = [each["name"] for each in _described(live, routed=True)]
        said = tensors.outputs(answers, classes=live.classes, promised=promised)
        told = self._answer(body, versions, said)
        asked.store(also=lambda: self.remember(200, told))
        return told

    def _raw(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        version = raw.version_of(self.project, number)
        rows = tensors.rows(body.get("inputs"), fields=version.fields)
        told = raw.predict(version=version, inputs=rows, now=clock_now())
        outputs = tensors.outputs(told, classes=version.classes)
        answer = self._answer(body, {str(version.number)}, outputs)
        self.remember(200, answer)
        return answer


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


def _all_or_nothing(results: list[Result]) -> list[dict[str, Any]]:
    """The protocol has no error for one row: none is stored, and the first is told."""
    for index, result in enumerate(results):
        if isinstance(result, DomainError):
            kind = Unavailable if isinstance(result, VersionBroken) else type(result)
            raise kind(f"row {index}: {result.detail}", errors=result.errors)
    return [result for result in results if isinstance(result, dict)]


def _described(loaded: LoadedVersion, *, routed: bool) -> list[dict[str, Any]]:
    return tensors.described_outputs(
        loaded.classes,
        positive=loaded.positive,
        shares=not loaded.version.function,
        routed=routed,
    )


def _possible(live: LoadedVersion) -> list[dict[str, Any]]:
    """Every output an answer may have, so that a wrong name is told before asking."""
    names = ["prediction", "score", "probabilities", "decision", "id", "model"]
    return [tensors.tensor(name, "BYTES", []) for name in names]
