"""Component 2, Data Labeller: what production is unsure of becomes a card.

Only where people label anyway; where truth comes by itself nobody is asked. Bounded: the
newest answers are looked at, and no more wait than somebody will see.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from labelling.labeller import intake
from labelling.labeller.drafts import Draft, content_hash
from labelling.models import FROM_PRODUCTION, OF_PREDICTION, Example, Match
from registry.models import Project
from serving.models import Prediction

LOOKED_AT = 2_000  # newest answers
MOST_WAITING = 100
AT_ONCE = 50
UNSURE = 0.75  # the model's own probability of what it said
LOW, DISAGREE = "low confidence", "models disagree"
Found = list[tuple[Prediction, str]]


def collect(*, project: Project, now: datetime) -> int:
    """Put in what the newest answers leave open: two models disagree, or the one that
    answered was hardly sure. Returns how many new cards there are."""
    if not project.is_classification or not _people_label(project):
        return 0
    room = MOST_WAITING - _waiting(project)
    if room <= 0:
        return 0
    asked = [
        _draft(project, prediction, reason)
        for prediction, reason in _open_questions(project)[: min(room, AT_ONCE)]
    ]
    drafts = [draft for draft in asked if draft is not None]
    if not drafts:
        return 0
    taken = intake.Taken()
    intake.add(project=project, drafts=drafts, taken=taken, now=now)
    return taken.created


def _people_label(project: Project) -> bool:
    """Somebody put examples in here that did not come out of production."""
    return Example.objects.filter(~FROM_PRODUCTION, project=project).exists()


def _waiting(project: Project) -> int:
    rows = Example.objects.filter(
        project=project, open_slots__gt=0, reason__in=(LOW, DISAGREE)
    )
    return rows[:MOST_WAITING].count()


def _open_questions(project: Project) -> Found:
    """Answers without a truth or a card, disagreements first, then the least sure."""
    rows = Prediction.objects.filter(project=project, test=False)
    newest = list(
        rows.order_by("-id").defer("explanation", "warnings", "decision")[:LOOKED_AT]
    )
    answers = {row.pk: row for row in newest if row.role != Prediction.Role.SHADOW}
    known = _known(project, list(answers))
    other = {
        row.shadow_of: row.output.get("prediction")
        for row in newest
        if row.shadow_of and not row.error
    }
    open_ones = [row for row in answers.values() if row.pk not in known]
    unlike = [
        (row, DISAGREE)
        for row in open_ones
        if row.pk in other and other[row.pk] != row.output.get("prediction")
    ]
    taken = {row.pk for row, _ in unlike}
    unsure = sorted(_unsure(row for row in open_ones if row.pk not in taken))
    return unlike + [(answers[UUID(key)], LOW) for _, key in unsure]


def _known(project: Project, ids: list[UUID]) -> set[UUID]:
    known: set[UUID] = set()
    for start in range(0, len(ids), intake.CHUNK):
        piece = ids[start : start + intake.CHUNK]
        told = Match.objects.filter(project=project, prediction_id__in=piece)
        known.update(told.values_list("prediction_id", flat=True))
        asked = Example.objects.filter(project=project, prediction_id__in=piece)
        known.update(pk for pk in asked.values_list("prediction_id", flat=True) if pk)
    return known


def _unsure(rows: Iterator[Prediction]) -> Iterator[tuple[float, str]]:
    for row in rows:
        sure = confidence(row.output)
        if sure is not None and sure < UNSURE:
            yield sure, str(row.pk)


def confidence(output: dict[str, Any]) -> float | None:
    """How sure a model was of its answer, 0 to 1, if it said.

    >>> confidence({"prediction": "a", "probabilities": {"a": 0.4, "b": 0.6}})
    0.6
    >>> confidence({"score": 0.25}), confidence({})
    (0.75, None)
    """
    shares = output.get("probabilities")
    if isinstance(shares, dict) and shares:
        return float(max(shares.values()))
    score = output.get("score")
    if isinstance(score, int | float) and 0 <= score <= 1:
        return float(max(score, 1 - score))
    return None


def _draft(project: Project, prediction: Prediction, reason: str) -> Draft | None:
    payload = prediction.input or prediction.features
    if not isinstance(payload, dict) or not payload:
        return None
    return Draft(
        index=0,
        key=f"{OF_PREDICTION}{prediction.pk}",
        payload=payload,
        content_hash=content_hash(payload, project=project),
        reason=reason,
        prediction_id=prediction.pk,
    )
