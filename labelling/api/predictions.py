"""The predictions log over REST, with the truth as far as it is known."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers

from labelling.collector.matching import SILENCE, Verdict, asked_of, judge
from registry.clock import now as clock_now
from registry.errors import DomainError, FieldError, InvalidInput
from registry.identifiers import sent_key
from registry.models import Project
from registry.web import problems
from registry.web.api import (
    Moment,
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.fields import EntityField, InputField, OneByOne, TruthField
from registry.web.serializers import ModelNumber
from serving import elsewhere, predictions
from serving.models import Prediction

# The log shows what people sent, so it is not for viewers (nor for their keys).
LOG = allow("owner", "manage")


class TruthSaid(serializers.Serializer):
    value = TruthField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    observed_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()


class TruthKnown(serializers.Serializer):
    value = TruthField()
    source = serializers.CharField(help_text="silence: nothing heard means no.")  # type: ignore[assignment]
    observed_at = serializers.DateTimeField()
    history = TruthSaid(many=True, required=False)


class PredictionOutput(serializers.Serializer):
    """As it was answered; `truth` is null while it is unknown."""

    id = serializers.UUIDField()
    prediction = TruthField(
        required=False, help_text="Not there where a version failed: see `error`."
    )
    error = serializers.CharField(required=False)
    model = serializers.CharField()
    variant = serializers.CharField()
    input = serializers.DictField()
    entity = EntityField(required=False, help_text="As it may be sent.")
    at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    truth = TruthKnown(allow_null=True)


class ElsewhereItem(StrictSerializer):
    """One prediction, as a client's copy of the model made it."""

    input = InputField()
    entity = EntityField(required=False, allow_null=True)
    reference = serializers.CharField(required=False, allow_null=True, max_length=200)
    user = serializers.CharField(required=False, allow_null=True, max_length=200)
    at = Moment(required=False, allow_null=True)
    test = serializers.BooleanField(required=False, allow_null=True)
    prediction = TruthField()
    score = serializers.FloatField(required=False, allow_null=True)
    probabilities = serializers.DictField(
        child=serializers.FloatField(), required=False, allow_null=True
    )
    latency_ms = serializers.FloatField(required=False)


class PredictionsApi(ProjectApi):
    access = {"GET": LOG, "POST": allow("owner", "truth")}

    class Input(StrictSerializer):
        model = serializers.IntegerField(min_value=1, help_text="Its number.")
        sha256 = serializers.RegexField(
            r"^[0-9a-f]{64}$", help_text="Of the file that answered."
        )
        predictions = OneByOne(
            child=ElsewhereItem(), min_length=1, max_length=elsewhere.LARGEST_BATCH
        )

    class Envelope(Input):
        """What is read of it: a bad item is an error in its place."""

        predictions = serializers.ListField(  # type: ignore[assignment]
            child=serializers.JSONField(allow_null=True),
            min_length=1,
            max_length=elsewhere.LARGEST_BATCH,
        )

    class Output(serializers.Serializer):
        responses = serializers.ListField(
            child=serializers.DictField(),
            help_text='{"id"}, or {"error": problem}, in the order sent.',
        )

    @operation(
        "List what was answered, the newest first.",
        output=PredictionOutput,
        paged=True,
        query={
            "reference": serializers.CharField(
                required=False, max_length=200, trim_whitespace=False
            ),
            "entity": serializers.CharField(
                required=False, max_length=600, trim_whitespace=False
            ),
            "from": Moment(required=False),
            "to": Moment(required=False),
            "model": ModelNumber(required=False),
        },
    )
    def get(self, request: Request, project: str) -> Response:
        """By reference, entity, model, and the moment predicted for (from inclusive,
        to exclusive). What shadows said, and where a model failed, is listed
        where one is named. What is rare
        is looked for in 50 000 answers a page: then a page holds few or none, and `next`
        goes on from there; it is null where the log ends."""
        asked = self.query()
        narrow: Any = {
            "reference": asked.get("reference", ""),
            "entity": entity_of(self.project, asked.get("entity", "")),
            "since": asked.get("from"),
            "until": asked.get("to"),
        }
        rows = predictions.log(self.project, model=asked.get("model"), **narrow)
        if "model" not in asked:
            rows = rows.filter(shadow_of__isnull=True)
        everything = "model" not in asked and not any(narrow.values())
        page = predictions.page(
            rows,
            request,
            project=self.project,
            at_once=everything or predictions.found_at_once(self.project, **narrow),
        )
        found = shown_with_truth(self.project, page["results"])
        return Response({"results": found, "next": page["next"]})

    @operation(
        "Store predictions made elsewhere.", input=Input, output=Output, status=201
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """By the downloaded file of a model: monitored like our own."""
        envelope = self.Envelope(data=request.data)
        envelope.is_valid(raise_exception=True)
        said = envelope.validated_data
        results = elsewhere.store(
            project=self.project,
            model=said["model"],
            sha256=said["sha256"],
            items=said["predictions"],
            actor=self.actor,
            now=clock_now(),
            commit=lambda stored: self.remember(201, _responses(stored)),
        )
        return Response(_responses(results), status=201)


class PredictionApi(ProjectApi):
    access = {"GET": LOG}

    @operation("Show one answer.", output=PredictionOutput)
    def get(self, request: Request, project: str, prediction: UUID) -> Response:
        """With everything that was ever said about its truth."""
        row = predictions.log(self.project).filter(pk=prediction).first()
        if row is None:
            raise predictions.missing(self.project, prediction, now=clock_now())
        (found,) = shown_with_truth(self.project, [row], history=True)
        return Response(found)


def shown_with_truth(
    project: Project, rows: Sequence[Prediction], *, history: bool = False
) -> list[dict[str, Any]]:
    """The rows with their truth of this very moment, joined or not by a tick yet."""
    verdicts = judge(project=project, asked=asked_of(rows), now=clock_now())
    return [
        predictions.shown(row, project=project)
        | {"truth": truth_of(project, verdict, history=history)}
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def truth_of(
    project: Project, verdict: Verdict, *, history: bool
) -> dict[str, Any] | None:
    match = verdict.match(project)
    if match is None:
        return None
    known = {
        "value": match.value,
        "source": match.source,
        "observed_at": match.observed_at,
    }
    if history and match.source != SILENCE:
        known["history"] = [
            {
                "value": said.value,
                "source": said.source,
                "observed_at": said.observed_at,
                "received_at": said.received_at,
            }
            for said in sorted(verdict.joined, key=lambda said: said.pk)
        ]
    return known


def entity_of(project: Project, text: str) -> str:
    """An entity as it is written in an address: its text, or JSON of its columns."""
    if not text or len(project.entity) <= 1:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        told = f"Write a JSON object of {', '.join(project.entity)}."
        raise InvalidInput(
            f"entity: {told}", errors=[FieldError("entity", told)]
        ) from None
    return sent_key(project.entity, value)


def _responses(results: Sequence[elsewhere.Stored]) -> dict[str, Any]:
    return {
        "responses": [
            {"error": problems.of(result)}
            if isinstance(result, DomainError)
            else {"id": str(result)}
            for result in results
        ]
    }
