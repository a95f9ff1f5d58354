"""Component 2, Data Labeller: what production is unsure of becomes a card, and a share of
all it answers, drawn at random: what is known of the unsure ones alone tells nobody how
good the model is.

Only where people label anyway; where truth comes by itself nobody is asked. Bounded: the
newest answers are looked at, and no more wait than somebody will see.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from labelling.labeller import intake
from labelling.labeller.drafts import Draft, content_hash
from labelling.labeller.drawn import OF_ANSWERS
from labelling.models import FROM_PRODUCTION, OF_PREDICTION, Example, Match
from registry.definition_parts import share
from registry.models import Project
from serving.models import Prediction

LOOKED_AT = 2_000  # newest answers
MOST_WAITING, MOST_DRAWN = 100, 25
AT_ONCE = 50
SHARE = 0.1  # drawn of all answers
UNSURE = 0.75  # the model's own probability of what it said
LOW, DISAGREE = "low confidence", "models disagree"
Found = list[tuple[Prediction, str]]


def collect(*, project: Project, now: datetime) -> int:
    """Put in what was drawn of the newest answers, and what they leave open: two models
    disagree, or the one that answered was hardly sure. Returns how many new cards there
    are."""
    if not project.is_classification or not _people_label(project):
        return 0
    room = min(MOST_WAITING - _waiting(project, LOW, DISAGREE), AT_ONCE)
    room_for_drawn = MOST_DRAWN - _waiting(project, OF_ANSWERS)
    if max(room, room_for_drawn) <= 0:
        return 0
    found = _open_questions(project)
    picked = [one for one in found if one[1] == OF_ANSWERS][: max(room_for_drawn, 0)]
    picked += [one for one in found if one[1] != OF_ANSWERS][: max(room, 0)]
    asked = [_draft(project, prediction, reason) for prediction, reason in picked]
    drafts = [draft for draft in asked if draft is not None]
    if not drafts:
        return 0
    taken = intake.Taken()
    intake.add(project=project, drafts=drafts, taken=taken, now=now)
    return taken.created


def _people_label(project: Project) -> bool:
    """Somebody put examples in here that did not come out of production."""
    return Example.objects.filter(~FROM_PRODUCTION, project=project).exists()


def _waiting(project: Project, *reasons: str) -> int:
    """What is urgent, as reports are, waits besides: it shall not keep the rest out."""
    rows = Example.objects.filter(
        project=project, open_slots__gt=0, priority__lte=0, reason__in=reasons
    )
    return rows[:MOST_WAITING].count()


def _open_questions(project: Project) -> Found:
    """Answers without a truth or a card: those drawn, disagreements, the least sure.

    What is drawn is asked as that alone, however unsure: else the draw would be left
    with the answers that are easy."""
    rows = Prediction.objects.filter(project=project, test=False)
    newest = list(
        rows.order_by("-id").defer("explanation", "warnings", "decision")[:LOOKED_AT]
    )
    answers = {row.pk: row for row in newest if _is_answer(row)}
    known = _known(project, list(answers))
    other = {
        row.shadow_of: row.output.get("prediction")
        for row in newest
        if row.shadow_of and not row.error
    }
    rest = [row for row in answers.values() if row.pk not in known]
    drawn = [(row, OF_ANSWERS) for row in rest if _is_drawn(row.pk)]
    open_ones = [row for row in rest if not _is_drawn(row.pk)]
    unlike = [
        (row, DISAGREE)
        for row in open_ones
        if row.pk in other and other[row.pk] != row.output.get("prediction")
    ]
    taken = {row.pk for row, _ in unlike}
    unsure = sorted(_unsure(row for row in open_ones if row.pk not in taken))
    return drawn + unlike + [(answers[UUID(key)], LOW) for _, key in unsure]


def draws(project: Project, prediction: Prediction) -> bool:
    """Whether this answer belongs to the draw, card or not: one that is asked about
    sooner, because it was wrong, must not leave the draw with those that were right."""
    return (
        _is_drawn(prediction.pk)
        and _is_answer(prediction)
        and not prediction.test
        and project.is_classification
        and _people_label(project)
    )


def _is_answer(row: Prediction) -> bool:
    """What a shadow said, or a model that failed, answered nobody."""
    return row.role != Prediction.Role.SHADOW and not row.error


def _is_drawn(prediction: UUID) -> bool:
    """By its id, so that the answer itself, and when it is looked at, play no part."""
    return share(str(prediction), "labelled") < SHARE


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
