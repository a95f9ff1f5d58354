"""Component 1, Ground-truth Collector: application metrics, for rollouts and impact."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from labelling.collector import matching
from labelling.collector.claims import SKEW, Refused, moment, prediction_key
from labelling.collector.truth import LARGEST_BATCH
from labelling.models import Outcome
from registry.errors import FieldError, InvalidInput, TooLarge
from registry.models import Project

FIELDS = ("user", "prediction", "metric", "value", "at")
LONGEST_UNIT, LONGEST_METRIC = 200, 60
Fact = tuple[str, UUID | None, str, float, datetime]


@dataclass(kw_only=True)
class Stored:
    accepted: int = 0
    duplicates: int = 0


def record_outcomes(
    *, project: Project, items: Sequence[Any], now: datetime
) -> tuple[Stored, list[dict[str, Any]]]:
    """Store outcomes, each once: a retried request must not sell an order twice."""
    if len(items) > LARGEST_BATCH:
        raise TooLarge(f"{len(items)} outcomes; send at most {LARGEST_BATCH} at once.")
    facts, errors = [], []
    for index, item in enumerate(items):
        try:
            facts.append(read_outcome(item, now=now))
        except Refused as error:
            where = f"{error.field}: " if error.field else ""
            errors.append({"index": index, "message": f"{where}{error}"})
    stored = Stored()
    for start in range(0, len(facts), matching.CHUNK):
        _store(project, facts[start : start + matching.CHUNK], now=now, stored=stored)
    return stored, errors


def record_one_outcome(*, project: Project, item: Any, now: datetime) -> Stored:
    """The same for a single item, which is refused as a whole."""
    try:
        fact = read_outcome(item, now=now)
    except Refused as error:
        raise InvalidInput(
            "This outcome cannot be used.",
            errors=[FieldError(error.field or "body", str(error))],
        ) from error
    stored = Stored()
    _store(project, [fact], now=now, stored=stored)
    return stored


def read_outcome(item: Any, *, now: datetime) -> Fact:
    """Unit, prediction, metric, value and moment out of an item of the contract."""
    if not isinstance(item, Mapping):
        raise Refused("", "Write an object with a user or a prediction.")
    for name in item:
        if name not in FIELDS:
            raise Refused(str(name), f"Unknown field; allowed: {', '.join(FIELDS)}.")
    unit, prediction = item.get("user"), item.get("prediction")
    if (unit is None) == (prediction is None):
        raise Refused("user", "Name a user or a prediction, one of them.")
    if unit is not None:
        _text(unit, "user", LONGEST_UNIT)
    at = moment(item.get("at"), "at")
    if at is None:
        raise Refused("at", "Say when it happened.")
    if at > now + SKEW:
        raise Refused("at", f"{at.isoformat()} is in the future.")
    return (
        unit or "",
        UUID(prediction_key(prediction)) if prediction is not None else None,
        _text(item.get("metric"), "metric", LONGEST_METRIC),
        _number(item.get("value")),
        at,
    )


def _text(value: Any, field: str, longest: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise Refused(field, f"Write a text of at most {longest} characters.")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("value", "Write a number.")
    if not math.isfinite(value):
        raise Refused("value", "Write a finite number.")
    return float(value)


@transaction.atomic
def _store(
    project: Project, facts: Sequence[Fact], *, now: datetime, stored: Stored
) -> None:
    matching.lock(project)
    known = set(
        Outcome.objects.filter(
            project=project,
            metric__in={fact[2] for fact in facts},
            at__in={fact[4] for fact in facts},
        ).values_list("unit", "prediction_id", "metric", "value", "at")
    )
    rows = []
    for fact in facts:
        if fact in known:
            stored.duplicates += 1
            continue
        known.add(fact)
        unit, prediction, metric, value, at = fact
        rows.append(
            Outcome(
                project=project,
                unit=unit,
                prediction_id=prediction,
                metric=metric,
                value=value,
                at=at,
                received_at=now,
            )
        )
    Outcome.objects.bulk_create(rows)
    stored.accepted += len(rows)
