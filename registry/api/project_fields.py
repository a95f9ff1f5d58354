"""The parts of a project as they come in and go out: fields, costs, gate, decision."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry import schema
from registry.catalogue import LONGEST_DAYS
from registry.web.api import StrictSerializer


class Share(serializers.FloatField):
    """A percentage, kept with its two decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=100, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        share = super().run_validation(data)
        return Decimal(str(share)) if isinstance(share, float) else share


class Days(serializers.FloatField):
    """A span of time, in days: 0.5 is twelve hours."""

    def __init__(self, *, min_value: float = 0, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=LONGEST_DAYS, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        days = super().run_validation(data)
        return timedelta(days=days) if isinstance(days, float) else days

    def to_representation(self, value: timedelta) -> float:  # type: ignore[override]
        return value / timedelta(days=1)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "number"},
            {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "times": {"type": "number"},
                },
                "required": ["field", "times"],
                "additionalProperties": False,
            },
        ],
        "description": "Money, or money × a numeric field of the input.",
    }
)
class Cell(serializers.Field):
    """One cell of a cost matrix."""

    default_error_messages = {
        "shape": 'Write a number, or {{"field": "monthly_charges", "times": 6}}.'
    }

    def to_internal_value(self, data: Any) -> Any:
        if _is_number(data):
            return data
        shaped = isinstance(data, dict) and set(data) == {"field", "times"}
        if not shaped or not isinstance(data["field"], str):
            self.fail("shape")
        if not _is_number(data["times"]):
            self.fail("shape")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Costs(StrictSerializer):
    """What decisions cost, by action and true class; or what a unit of error costs."""

    currency = serializers.CharField(max_length=8, required=False)
    matrix = serializers.DictField(
        child=serializers.DictField(child=Cell()), required=False
    )
    error_value = serializers.FloatField(required=False)


class Gate(StrictSerializer):
    """What a new model must show before it may serve."""

    margin = serializers.FloatField(required=False, min_value=0)
    slices = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, max_length=20
    )
    worst_slice_margin = serializers.FloatField(required=False, min_value=0)
    max_latency_us = serializers.FloatField(required=False, min_value=0)
    max_artifact_mb = serializers.FloatField(required=False, min_value=0)
    approval = serializers.BooleanField(required=False)


class Decision(StrictSerializer):
    """From a probability to an action."""

    kind = serializers.ChoiceField(choices=["threshold", "cost"], required=False)
    threshold = serializers.FloatField(required=False, min_value=0, max_value=1)
    actions = serializers.ListField(
        child=serializers.CharField(max_length=120),
        required=False,
        min_length=2,
        max_length=2,
    )
    abstain = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1),
        required=False,
        min_length=2,
        max_length=2,
    )
    otherwise = serializers.CharField(max_length=120, required=False)


class PlanStep(StrictSerializer):
    """One step of a rollout: a share, how long, and from how many answers on."""

    percent = serializers.FloatField(min_value=0, max_value=100)
    hours = serializers.FloatField(min_value=0)
    min_n = serializers.IntegerField(min_value=0, required=False)


class InputField(StrictSerializer):
    """One field of the input."""

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=schema.KINDS)
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]
    categories = serializers.ListField(
        child=serializers.CharField(max_length=1000), required=False, max_length=1000
    )
    minimum = serializers.FloatField(required=False, allow_null=True)
    maximum = serializers.FloatField(required=False, allow_null=True)
    unit = serializers.CharField(required=False, allow_blank=True, max_length=40)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
