"""Where a version was most wrong in production: rows whose truth is known. Never rows
of the sealed test, which let aggregates out alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from labelling.models import Match
from registry.models import ModelVersion, Project
from serving.models import Prediction

LOOKED_AT = 2000  # the newest answers with truth
LOOKED_THROUGH = 20_000  # truths of all versions of its time, to find them
SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Mistake:
    id: UUID
    at: datetime
    subject: str  # entity, else reference
    said: Any
    score: float | None
    truth: Any
    wrong: float  # 0 to 1 of classes, else the error's size

    @property
    def trust(self) -> float:
        """The probability it gave to what was the case."""
        return 1.0 - self.wrong


def worst(version: ModelVersion) -> tuple[list[Mistake], int]:
    """The worst first, and of how many answers with truth they are."""
    truths = dict(_newest(version).values_list("prediction_id", "value")[:LOOKED_AT])
    answers = Prediction.objects.filter(pk__in=list(truths)).values(
        "id", "at", "entity", "reference", "output", "score"
    )
    found = [_mistake(version.project, row, truths[row["id"]]) for row in answers]
    ranked = sorted((m for m in found if m.wrong > 0), key=lambda m: -m.wrong)
    return ranked[:SHOWN], len(found)


def _newest(version: ModelVersion) -> QuerySet[Match]:
    """Truth of its answers, the newest answers first: from the truth's side, since the
    newest answers may all still wait for theirs."""
    asked = Prediction.objects.filter(version=version, error="")
    moments = asked.values_list("at", flat=True)
    first, last = moments.order_by("at").first(), moments.order_by("-at").first()
    if first is None:
        return Match.objects.none()
    of_its_time = Match.objects.filter(
        project=version.project_id, predicted_at__range=(first, last)
    ).order_by("-predicted_at")
    own = asked.filter(pk=OuterRef("prediction_id"), test=False)
    return _not_too_many(of_its_time).filter(Exists(own))


def _not_too_many(newest: QuerySet[Match]) -> QuerySet[Match]:
    """By where the last of them lies: who asks for the first few of a queryset within
    another one has all of that one looked up first."""
    places = newest.order_by("-predicted_at", "-pk").values_list("predicted_at", "pk")
    last = places[LOOKED_THROUGH - 1 : LOOKED_THROUGH].first()
    if last is None:
        return newest
    at, pk = last
    of_one_moment = Q(predicted_at=at, pk__lt=pk)  # a scoring may be larger
    return newest.filter(~of_one_moment, predicted_at__gte=at)


def _mistake(project: Project, row: Mapping[str, Any], truth: Any) -> Mistake:
    output = row["output"]
    return Mistake(
        id=row["id"],
        at=row["at"],
        subject=row["entity"] or row["reference"] or str(row["id"])[:8],
        said=output.get("prediction"),
        score=row["score"],
        truth=truth,
        wrong=_wrongness(project, output, row["score"], truth),
    )


def _wrongness(
    project: Project, output: Mapping[str, Any], score: float | None, truth: Any
) -> float:
    said = output.get("prediction")
    if project.task == Project.Task.REGRESSION:
        numbers = isinstance(said, int | float) and isinstance(truth, int | float)
        return abs(float(said) - float(truth)) if numbers else 0.0  # type: ignore[arg-type]
    shares = output.get("probabilities") or {}
    if str(truth) in shares:
        return 1.0 - float(shares[str(truth)])
    if project.task == Project.Task.BINARY and score is not None:
        return abs(float(str(truth) == project.positive_class) - score)
    return float(str(said) != str(truth))
