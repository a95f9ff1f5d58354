"""Component 9, Front-end, over REST: one prediction, or many at once."""

from collections.abc import Sequence
from typing import Any

from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from registry.actors import Actor
from registry.clock import now as clock_now
from registry.errors import FieldError, Forbidden, InvalidInput
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.fields import EntityField, InputField, OneByOne
from registry.web.serializers import Moment
from registry.web.strict_json import StrictJSONParser
from serving.frontend import asks, forms, front, inputs
from serving.frontend.front import LARGEST_BATCH, Result


class AskInput(StrictSerializer):
    """What is asked; `input`, or an `entity` to look it up, or both. Null is as good as
    left out."""

    input = InputField(
        required=False,
        allow_null=True,
        help_text="An object of fields; the bare value of a single one.",
    )
    entity = EntityField(required=False, allow_null=True)
    reference = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=asks.LONGEST,
        help_text="Your own id, an order's.",
    )
    user = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=asks.LONGEST,
        help_text="Sticks to its variant.",
    )
    attributes = serializers.DictField(
        required=False, allow_null=True, help_text="For targets."
    )
    explain = serializers.BooleanField(required=False, allow_null=True)
    at = Moment(
        required=False,
        allow_null=True,
        help_text="The moment predicted for; default now.",
    )
    test = serializers.BooleanField(
        required=False, allow_null=True, help_text="Answered alike, counted nowhere."
    )


class Contribution(serializers.Serializer):
    feature = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    contribution = serializers.FloatField()


class Explanation(serializers.Serializer):
    unit = serializers.CharField()
    of = serializers.CharField(required=False)
    base = serializers.FloatField()
    total = serializers.FloatField()
    contributions = Contribution(many=True)
    approximate = serializers.BooleanField()


class DecisionOutput(serializers.Serializer):
    action = serializers.CharField()
    reason = serializers.CharField()


class Warned(serializers.Serializer):
    field = serializers.CharField()
    message = serializers.CharField()


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "number"}]})
class Predicted(serializers.JSONField):
    """A class, or a number."""


class AnswerOutput(serializers.Serializer):
    """Optional fields are there or not; none is null."""

    id = serializers.UUIDField()
    prediction = Predicted()
    score = serializers.FloatField(required=False)
    probabilities = serializers.DictField(
        child=serializers.FloatField(), required=False
    )
    interval = serializers.ListField(child=serializers.FloatField(), required=False)
    decision = DecisionOutput(required=False)
    model = serializers.CharField()
    variant = serializers.ChoiceField(["live", "canary", "baseline", "fallback"])
    fallback = serializers.CharField(required=False)
    explanation = Explanation(required=False)
    warnings = Warned(many=True, required=False)
    feedback_token = serializers.CharField()
    latency_ms = serializers.FloatField()


class PredictApi(ProjectApi):
    access = {"POST": allow("viewer", "predict")}
    parser_classes = [StrictJSONParser, MultiPartParser]

    @operation(
        "Predict.",
        input=AskInput,
        output=AnswerOutput,
        multipart=forms.FORM,
        errors=(409, 503),
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """Stored before it is answered. Without a key, viewers say `"test": true`."""
        asked = request.data
        if isinstance(asked, MultiValueDict):
            asked = forms.read(asked, fields=inputs.fields_now(self.project))
        only_tests(self.actor, [asked])
        answer = front.predict(
            project=self.project,
            request=asked,
            actor=self.actor,
            now=clock_now(),
            commit=lambda body: self.remember(200, body),
        )
        return Response(answer)


class PredictBatchApi(ProjectApi):
    access = {"POST": allow("viewer", "predict")}

    class Input(StrictSerializer):
        requests = OneByOne(child=AskInput(), max_length=LARGEST_BATCH)

    class Output(serializers.Serializer):
        """Answers in their order; where one failed, `{"error": …}` in its place."""

        responses = serializers.ListField(child=serializers.DictField())

    @operation("Predict many.", input=Input, output=Output, errors=(409, 503))
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """A bad row is an error in its place; the others are answered and stored."""
        requests = _requests(request.data)
        only_tests(self.actor, requests)
        given: dict[str, Any] = {"project": self.project, "actor": self.actor}
        if not self.slot.active:
            results = front.predict_batch(requests=requests, now=clock_now(), **given)
            told = _told(results)
            self.remember(200, told)
            return Response(told)
        asked = front.ask_batch(requests=requests, now=clock_now(), **given)
        told = _told(asked.results)
        asked.store(also=lambda: self.remember(200, told))
        return Response(told)


def only_tests(actor: Actor, requests: Sequence[Any]) -> None:
    """Whoever only looks may try the model, and may not write into its log."""
    if actor.key is not None or actor.may("owner"):
        return
    for request in requests:
        if not isinstance(request, dict) or request.get("test") is not True:
            raise Forbidden('Without a key, your role may only try: send "test": true.')


def _requests(body: object) -> list[Any]:
    if not isinstance(body, dict):
        raise InvalidInput('Send an object: {"requests": […]}.')
    errors = [
        FieldError(str(name), "Unknown field; known is requests.")
        for name in body
        if name != "requests"
    ]
    requests = body.get("requests")
    if not isinstance(requests, list):
        errors.append(FieldError("requests", "Give a list of requests."))
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.field}: {first.message}", errors=errors)
    return list(requests or [])


def _told(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "responses": [
            result if isinstance(result, dict) else {"error": front.problem(result)}
            for result in results
        ]
    }
