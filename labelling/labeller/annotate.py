"""Component 2, Data Labeller: takes an answer in, once; takes it back when asked."""

from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from labelling.collector.values import Value, check_value
from labelling.labeller import gold, leases
from labelling.labeller.guidelines import current_version
from labelling.labeller.queue import (
    Asked,
    Card,
    Handout,
    card_of,
    hand_out,
    suggestion,
)
from labelling.labeller.settle import lock_example, recount, settle
from labelling.models import Annotation, AnnotatorStat, Example, Lease
from registry.errors import Conflict, FieldError, InvalidInput, Unprocessable
from registry.models import Project, User

UNDO_DEPTH = 20
PACE = 25  # answers whose median is a person's pace
PAUSE = 600  # seconds after which somebody was away, not thinking
# What the keys of answers that came without a lease begin with: one that was changed, and
# a reviewer's word on a dispute, which is no work of the queue and counted nowhere.
CHANGED, DECIDED = "amend:", "decide:"
State = Annotation.State


@dataclass(frozen=True, kw_only=True)
class Answer:
    value: Value | None  # None: cannot tell
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Submitted:
    annotation: Annotation
    next: Handout
    repeated: bool = False  # this answer was here before


def read_answer(*, project: Project, value: Any, cannot_tell: bool) -> Answer:
    """A value of the project's, or "cannot tell"; InvalidInput says which is allowed."""
    if cannot_tell:
        if value is not None:
            message = "Send a value, or cannot_tell, not both."
            raise InvalidInput(message, errors=[FieldError("value", message)])
        return Answer(value=None)
    try:
        return Answer(value=check_value(project=project, value=value))
    except ValueError as error:
        raise InvalidInput(
            f"value: {error}", errors=[FieldError("value", str(error))]
        ) from error


@transaction.atomic
def submit(
    *,
    project: Project,
    example_id: int,
    user: User,
    reviews: bool,
    token: UUID,
    answer: Answer,
    client_key: str,
    count: int,
    now: datetime,
    again: bool = True,
) -> Submitted:
    """Store an answer, settle its example, and hand out the next: one transaction.

    The same `client_key` submits once. An answer after its lease is over is kept: it
    takes the slot if that is still free, else it counts as an extra one.
    """
    example = lock_example(project=project, example_id=example_id)
    before = Annotation.objects.filter(user=user, client_key=client_key).first()
    if before is None:
        lease = _lease(example, user, token)
        annotation = _add(example, user, lease, answer, client_key, reviews, now=now)
        _count(project, user, example, annotation)
        settle(example=example, by=user, now=now)
    else:
        annotation = before
        _check_same(before, example, answer)
    following = Handout()
    if count:
        following = hand_out(
            project=project,
            user=user,
            reviews=reviews,
            count=count,
            now=now,
            again=again,
        )
    return Submitted(annotation=annotation, next=following, repeated=before is not None)


def _lease(example: Example, user: User, token: UUID) -> Lease:
    lease = Lease.objects.filter(example=example, user=user, token=token).first()
    if lease is None:
        raise Conflict(
            "This lease is not yours, was used already, or ended more than a day ago. "
            "Nothing was stored; take the example again from the queue."
        )
    if example.state == Example.State.WITHDRAWN:
        raise Conflict("This example was withdrawn meanwhile. Nothing was stored.")
    return lease


def _check_same(before: Annotation, example: Example, answer: Answer) -> None:
    same = before.example_id == example.pk and before.value == answer.value
    if not same or before.state == State.SKIPPED:
        raise Unprocessable(
            "This client_key was used for another answer. Use a new one for each."
        )


def _add(
    example: Example,
    user: User,
    lease: Lease,
    answer: Answer,
    client_key: str,
    reviews: bool,
    *,
    now: datetime,
) -> Annotation:
    decides = reviews and example.state == Example.State.DISPUTED
    Annotation.objects.filter(
        example=example, user=user, state=State.SUBMITTED, decides=decides
    ).update(state=State.SUPERSEDED)
    annotation = Annotation(
        example=example,
        user=user,
        client_key=client_key,
        state=State.SUBMITTED,
        value=answer.value,
        cannot_tell=answer.value is None,
        comment=answer.comment,
        reason=lease.reason,
        queue_version=lease.queue_version,
        guideline_version=current_version(example.project),
        predicted=lease.predicted,
        suggestion=lease.suggestion_shown,
        seconds=_seconds(example, user, lease, now),
        late=lease.ended or lease.expires_at < now,
        decides=decides,
        created_at=now,
    )
    try:
        with transaction.atomic():
            annotation.save(force_insert=True)
    except IntegrityError as error:  # the same key for two examples at once
        raise Unprocessable("This client_key was used for another answer.") from error
    lease.delete()
    return annotation


def _seconds(example: Example, user: User, lease: Lease, now: datetime) -> float:
    """Since the card could be seen: a prefetched one is seen after the one before."""
    seen = lease.created_at
    before = (
        Annotation.objects.filter(user=user, example__project_id=example.project_id)
        .order_by("-pk")
        .values_list("created_at", flat=True)
        .first()
    )
    if before is not None:
        seen = max(seen, before)
    return max((now - seen).total_seconds(), 0.0)


def _count(
    project: Project, user: User, example: Example, annotation: Annotation
) -> None:
    """Keep the person's running figures."""
    stat, _ = AnnotatorStat.objects.get_or_create(project=project, user=user)
    recent = Annotation.objects.filter(
        user=user,
        example__project=project,
        state=State.SUBMITTED,
        seconds__lte=PAUSE,
    ).order_by("-pk")
    times = recent.values_list("seconds", flat=True)[:PACE]
    pace = [seconds for seconds in times if seconds is not None]
    known, right = gold.is_gold(example, annotation)
    seen, hits = stat.gold_seen + int(known), stat.gold_right + int(right)
    AnnotatorStat.objects.filter(pk=stat.pk).update(
        submitted=F("submitted") + 1,
        gold_seen=F("gold_seen") + int(known),
        gold_right=F("gold_right") + int(right),
        median_seconds=median(pace) if pace else stat.median_seconds,
        paused=stat.paused or (known and gold.fails(seen=seen, right=hits)),
    )


def is_counted(annotation: Annotation) -> bool:
    """Whether the person's running figures hold it."""
    return not annotation.client_key.startswith(DECIDED)


@transaction.atomic
def skip(
    *,
    project: Project,
    example_id: int,
    user: User,
    token: UUID,
    reason: str,
    now: datetime,
) -> Annotation:
    """Hand the example to somebody else; it comes back to this person at the end."""
    example = lock_example(project=project, example_id=example_id)
    client_key = f"skip:{token}"
    before = Annotation.objects.filter(user=user, client_key=client_key).first()
    lease = Lease.objects.filter(example=example, user=user, token=token).first()
    if lease is None:
        if before is not None and before.example_id == example.pk:
            return before
        raise Conflict("This lease is not yours, was used already, or is over.")
    if before is not None:  # handed out again under the same token, skipped again
        Annotation.objects.filter(pk=before.pk).update(client_key=f"{before.pk}")
    annotation = Annotation.objects.create(
        example=example,
        user=user,
        client_key=client_key,
        state=State.SKIPPED,
        comment=reason,
        reason=lease.reason,
        queue_version=lease.queue_version,
        predicted=lease.predicted,
        suggestion=lease.suggestion_shown,
        created_at=now,
    )
    lease.delete()
    recount(example)
    stat, _ = AnnotatorStat.objects.get_or_create(project=project, user=user)
    AnnotatorStat.objects.filter(pk=stat.pk).update(skipped=F("skipped") + 1)
    return annotation


def one_undo_at_a_time(user: User) -> None:
    """Hold this person until the transaction ends, from undo alone: answers, which refer
    to people, come in meanwhile. On SQLite the transaction waits as a whole."""
    list(User.objects.select_for_update(no_key=True).filter(pk=user.pk))


@transaction.atomic
def undo(*, project: Project, user: User, now: datetime) -> tuple[Annotation, Card]:
    """Take back this person's last answer or skip, and give the card again; as often
    as the last 20 allow, also after a reload. While paused nobody gets a card, this one
    no more than another; an answer may still be changed."""
    one_undo_at_a_time(user)
    if AnnotatorStat.objects.filter(project=project, user=user, paused=True).exists():
        raise Conflict("You are paused. Change an answer under My answers instead.")
    recent = Annotation.objects.filter(user=user, example__project=project)
    last = next(
        (
            row
            for row in recent.order_by("-pk")[:UNDO_DEPTH]
            if row.state in {State.SUBMITTED, State.SKIPPED}
        ),
        None,
    )
    if last is None:
        raise Conflict(f"Nothing to take back among your last {UNDO_DEPTH} answers.")
    example = lock_example(project=project, example_id=last.example_id)
    column = "skipped" if last.state == State.SKIPPED else "submitted"
    if not Annotation.objects.filter(pk=last.pk, state=last.state).update(
        state=State.UNDONE
    ):
        raise Conflict("This answer was just taken back in another window.")
    if is_counted(last):
        AnnotatorStat.objects.filter(
            project=project, user=user, **{f"{column}__gt": 0}
        ).update(**{column: F(column) - 1})
    if last.state == State.SUBMITTED and is_counted(last):
        known, right = gold.is_gold(example, last)
        gold.correct(example, user, seen=-int(known), right=-int(right))
    last.state = State.UNDONE
    settle(example=example, by=user, now=now, reopen=True)
    return last, _again(example, user, last, now=now)


def _again(example: Example, user: User, before: Annotation, *, now: datetime) -> Card:
    """The card as it was handed out the first time: also its reason counts on."""
    stat = AnnotatorStat.objects.filter(project=example.project, user=user).first()
    lease = leases.grant(
        example=example,
        user=user,
        until=now + leases.duration(stat),
        now=now,
        reason=before.reason,
        queue_version=before.queue_version,
        predicted=before.predicted,
        suggestion=suggestion(
            Asked(
                example=example,
                reason=before.reason,
                version=before.queue_version,
                predicted=before.predicted,
            )
        ),
    )
    recount(example)
    return card_of(example.project, lease, example)
