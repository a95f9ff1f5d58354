"""The end user's word about one prediction, between Collector and Labeller: a value is
truth of source feedback; a bare "wrong" only asks for a label."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from labelling.collector import matching
from labelling.collector.claims import Claim
from labelling.collector.truth import Source, Summary, store
from labelling.collector.values import Value, check_value
from labelling.labeller import drafts, intake, production
from labelling.labeller.drawn import OF_ANSWERS
from labelling.models import OF_PREDICTION, Example, Feedback
from registry.errors import FieldError, InvalidInput, NotFound, TooMany
from registry.models import Project
from serving.models import Prediction

# Anybody with a token may speak, so nobody may fill the disk about one prediction.
MOST_PER_PREDICTION = 20
PRIORITY = 100
REASON = "reported wrong"
TOMORROW = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Given:
    truth: bool  # it counts as truth of source feedback
    label_requested: bool  # somebody will look at it


def give(
    *,
    project: Project,
    prediction_id: UUID,
    correct: bool,
    value: Any = None,
    comment: str = "",
    by_token: bool,
    now: datetime,
) -> Given:
    """Store feedback once, and what follows from it, in one commit."""
    prediction = Prediction.objects.filter(project=project, pk=prediction_id).first()
    if prediction is None:
        raise NotFound("There is no such prediction in this project.")
    said = _said(project, prediction, correct=correct, value=value)
    row = Feedback(
        project=project,
        prediction_id=prediction.pk,
        correct=correct,
        value=said,
        comment=comment,
        by_token=by_token,
        received_at=now,
    )
    with transaction.atomic():
        asked = False
        if said is None and not prediction.test:  # before the project is locked
            asked = ask_for_label(project=project, prediction=prediction, now=now)
        matching.lock(project)
        if _is_new(row):
            row.save(force_insert=True)
            if said is not None:
                _count_as_truth(project, prediction, said, now=now)
    return Given(truth=said is not None, label_requested=asked)


def _said(
    project: Project, prediction: Prediction, *, correct: bool, value: Any
) -> Value | None:
    """The truth in it, if any; a contradiction is refused."""
    predicted = prediction.output.get("prediction")
    if value is None:
        return _checked(project, predicted, "correct") if correct else None
    said = _checked(project, value, "value")
    if correct and said != predicted:
        raise _wrong("value", f"You say {predicted!r} is correct, and {said!r} true.")
    if not correct and said == predicted:
        raise _wrong("correct", f"You say {predicted!r} is wrong, and true.")
    return said


def _checked(project: Project, value: Any, field: str) -> Value:
    try:
        return check_value(project=project, value=value)
    except ValueError as error:
        raise _wrong(field, str(error)) from error


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])


def _is_new(row: Feedback) -> bool:
    """Whether this is not what was said last: who goes back to an earlier opinion says
    something new. TooMany once enough was said."""
    before = list(
        Feedback.objects.filter(project=row.project, prediction_id=row.prediction_id)
        .order_by("-pk")
        .values_list("correct", "value", "comment")[: MOST_PER_PREDICTION + 1]
    )
    if before and before[0] == (row.correct, row.value, row.comment):
        return False
    if len(before) >= MOST_PER_PREDICTION:
        raise TooMany(
            f"There are {len(before)} opinions on this prediction already.",
            retry_after=TOMORROW,
        )
    return True


def _count_as_truth(
    project: Project, prediction: Prediction, said: Value, *, now: datetime
) -> None:
    claim = Claim(
        kind="prediction",
        key=str(prediction.pk),
        value=said,
        source=Source.FEEDBACK,
        observed_at=now,
    )
    store(project=project, claims=[claim], now=now, summary=Summary())


def ask_for_label(
    *, project: Project, prediction: Prediction, now: datetime, reason: str = REASON
) -> bool:
    """What was predicted from becomes an example that is handed out first. False where
    experts have looked at it already: their word stands."""
    payload = prediction.input or prediction.features
    if not isinstance(payload, dict) or not payload:
        payload = {"entity": prediction.entity, "reference": prediction.reference}
    draft = drafts.Draft(
        index=0,
        key=f"{OF_PREDICTION}{prediction.pk}",
        payload=payload,
        content_hash=drafts.content_hash(payload, project=project),
        priority=PRIORITY,
        reason=OF_ANSWERS if production.draws(project, prediction) else reason,
        prediction_id=prediction.pk,
    )
    intake.add(project=project, drafts=[draft], taken=intake.Taken(), now=now)
    unlabelled = Example.objects.filter(
        project=project, key=draft.key, state__in=["open", "disputed"]
    )
    first = unlabelled.filter(priority__lt=PRIORITY, duplicate_of=None)
    first.exclude(reason=OF_ANSWERS).update(reason=reason)  # a draw stays one
    first.update(priority=PRIORITY)
    return unlabelled.exists()
