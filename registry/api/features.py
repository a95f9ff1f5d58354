"""Component 5, Featurizer, over REST: rows of features, and the facts they stand on."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry import facts, featurizer
from registry.clock import now as clock_now
from registry.definition_store import definition_of
from registry.errors import FieldError, InvalidInput
from registry.identifiers import sent_key
from registry.models import Event, Project
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
from registry.web.fields import EntityField
from registry.windows import Window

MOST = 1000
LONGEST = timedelta(days=36_500)


class FeaturesApi(ProjectApi):
    access = {"POST": allow("viewer", "predict")}

    class Input(StrictSerializer):
        entities = serializers.ListField(
            child=EntityField(), min_length=1, max_length=MOST
        )
        at = Moment(required=False)
        params = serializers.DictField(
            child=serializers.FloatField(min_value=0.001),
            required=False,
            help_text="Lengths of windows, each in the unit it is declared in.",
        )

    class Output(serializers.Serializer):
        features = serializers.ListField(child=serializers.DictField())

    @operation(
        "The row of features of each entity, as a model would see it now, or `at`.",
        input=Input,
        output=Output,
        errors=(409,),
        creates=False,
    )
    def post(self, request: Request, project: str) -> Response:
        given = self.body()
        entities = given["entities"]
        keys = [
            _check(self.project.entity, entity, f"entities[{index}]")
            for index, entity in enumerate(entities)
        ]
        rows = featurizer.compute(
            project=self.project,
            features=_spec(self.project, given.get("params", {})),
            inputs=[{} for _ in keys],
            entities=keys,
            at=given.get("at") or clock_now(),
        )
        return self.answer({"features": rows})


def _spec(project: Project, params: dict[str, float]) -> dict[str, Any]:
    """The features of today, over other lengths where somebody asks for them."""
    spec = featurizer.features_spec(project)
    featurizer.with_lengths(spec, dict.fromkeys(params, 0))  # refuses unknown names
    definition = definition_of(project)
    windows = {one.name: one for one in definition.windows} if definition else {}
    lengths = {name: _length(name, windows[name], n) for name, n in params.items()}
    return featurizer.with_lengths(spec, lengths)


def _length(name: str, window: Window, amount: float) -> int:
    """In microseconds; no window reaches back further than people remember."""
    if amount * window.length.seconds > LONGEST.total_seconds():
        told = f"Write at most {LONGEST.days} days."
        raise InvalidInput(
            f"The window {name} is too long.",
            errors=[FieldError(f"params.{name}", told)],
        )
    return window.length.of(amount)


def _check(columns: list[str], entity: object, place: str) -> str:
    if not columns:
        raise InvalidInput(
            "This project has no entity.",
            errors=[FieldError(place, "Predict with an input instead.")],
        )
    try:
        return sent_key(columns, entity)
    except InvalidInput as error:
        raise _in_place(error, place) from error


@extend_schema_field({"type": ["string", "number", "boolean"]})
class KeyPart(serializers.JSONField):
    """One column of a key."""


class EventsApi(ProjectApi):
    access = {"POST": allow("owner", "truth")}

    class Input(StrictSerializer):
        class Item(StrictSerializer):
            stream = serializers.RegexField(r"^[A-Za-z][A-Za-z0-9_-]{0,59}$")
            id = serializers.CharField(max_length=200)
            key = serializers.DictField(child=KeyPart(), allow_empty=False)
            known_at = Moment()
            value = serializers.FloatField(required=False, allow_null=True)
            payload = serializers.DictField(required=False)

        events = serializers.ListField(child=Item(), min_length=1, max_length=10_000)

    class Output(serializers.Serializer):
        accepted = serializers.IntegerField()
        duplicates = serializers.IntegerField()

    @operation(
        "Facts for real-time features; an id counts once in its stream. They are stored "
        "by 500: what a failed request stored already counts as duplicates in the next.",
        input=Input,
        output=Output,
        status=202,
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """Stored in pieces: a retry in between finds the first ones as duplicates."""
        rows = [
            self._event(index, item) for index, item in enumerate(self.body()["events"])
        ]
        *first, last = (
            rows[i : i + facts.CHUNK] for i in range(0, len(rows), facts.CHUNK)
        )
        accepted = 0
        for chunk in first:
            with transaction.atomic():
                accepted += facts.insert(chunk)
        with transaction.atomic():
            accepted += facts.insert(last)
            answer = {"accepted": accepted, "duplicates": len(rows) - accepted}
            self.remember(202, answer)
        return self.answer(answer)

    def _event(self, index: int, item: dict[str, Any]) -> Event:
        return Event(
            project=self.project,
            stream=item["stream"],
            event_id=item["id"],
            key=_key(self.project, item, f"events[{index}].key"),
            known_at=item["known_at"],
            value=item.get("value"),
            payload=item.get("payload", {}),
        )


def _key(project: Project, item: dict[str, Any], place: str) -> str:
    """The key as windows look for it; another one than they declare is refused."""
    columns = sorted(item["key"])
    definition = definition_of(project)
    for window in definition.windows if definition else []:
        if window.stream == item["stream"] and sorted(window.key) != columns:
            message = f"Events {window.stream} are keyed by {', '.join(window.key)}."
            raise InvalidInput(message, errors=[FieldError(place, message)])
    try:
        return sent_key(columns, item["key"], blank=True)
    except InvalidInput as error:
        raise _in_place(error, place) from error


def _in_place(error: InvalidInput, place: str) -> InvalidInput:
    """What is wrong with an entity or a key, where it stands in the body."""
    errors = [
        FieldError(place + each.field.removeprefix("entity"), each.message)
        for each in error.errors
    ]
    return InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)
