"""Component 2, Data Labeller: answers that change afterwards: one's own, and a
reviewer's word on what others could not agree on. Nothing is lost: rows are added."""

from datetime import datetime
from uuid import uuid4

from django.db import transaction

from labelling.labeller import gold
from labelling.labeller.annotate import CHANGED, DECIDED, Answer, is_counted
from labelling.labeller.guidelines import current_version
from labelling.labeller.settle import lock_example, settle
from labelling.models import Annotation, Example
from registry.errors import Conflict, NotFound
from registry.models import Project, User

State = Annotation.State


@transaction.atomic
def change(
    *,
    project: Project,
    annotation_id: int,
    user: User,
    answer: Answer,
    now: datetime,
) -> Annotation:
    """Replace one's own answer by another; the old one stays as superseded."""
    before = Annotation.objects.filter(
        pk=annotation_id, user=user, example__project=project
    ).first()
    if before is None:
        raise NotFound("There is no such answer of yours in this project.")
    example = lock_example(project=project, example_id=before.example_id)
    if example.state == Example.State.WITHDRAWN:
        raise Conflict("This example was withdrawn meanwhile.")
    taken = Annotation.objects.filter(pk=before.pk, state=State.SUBMITTED)
    if not taken.update(state=State.SUPERSEDED):
        if newest_of(before) == before:  # nothing that could be changed instead
            raise Conflict(
                "You took this answer back: there is nothing to change. Its card waits "
                "on the labelling screen."
            )
        raise Conflict(
            "This answer is not the newest any more: you changed it in another window. "
            "What you chose now is below, not saved: save once more to change that one."
        )
    counted = is_counted(before)
    added = _row(example, user, answer, key=CHANGED if counted else DECIDED, now=now)
    added.reason, added.decides = before.reason, before.decides
    added.predicted, added.suggestion = before.predicted, before.suggestion
    added.queue_version = before.queue_version
    added.seconds = None  # nobody knows how long it was thought about
    added.save(force_insert=True)
    if counted:
        was, right = (gold.is_gold(example, one)[1] for one in (before, added))
        gold.correct(example, user, seen=0, right=int(right) - int(was))
    settle(example=example, by=user, now=now, reopen=True)
    return added


def newest_of(before: Annotation) -> Annotation:
    """What this person says of the same example by now."""
    same = Annotation.objects.filter(example=before.example_id, user=before.user_id)
    same = same.filter(state=State.SUBMITTED, decides=before.decides)
    found = same.select_related("example__payload").order_by("-pk").first()
    return found or before


@transaction.atomic
def decide(
    *,
    project: Project,
    example_id: int,
    user: User,
    answer: Answer,
    now: datetime,
) -> Annotation:
    """A reviewer ends a dispute; the reason is the answer's comment."""
    example = lock_example(project=project, example_id=example_id)
    if example.state != Example.State.DISPUTED:
        raise Conflict("Nobody disagrees here any more: somebody decided it just now.")
    added = _row(example, user, answer, key=DECIDED, now=now)
    added.reason, added.decides = "disputed", True
    added.save(force_insert=True)
    example.leases.filter(user=user).delete()
    settle(example=example, by=user, now=now)
    return added


@transaction.atomic
def take_back(
    *, project: Project, annotation_id: int, user: User, now: datetime
) -> Annotation:
    """A reviewer's own decision is as if never made: people disagree again."""
    mine = Annotation.objects.filter(
        user=user,
        example__project=project,
        decides=True,
        client_key__startswith=DECIDED,
    )
    decision = mine.filter(pk=annotation_id).first()
    if decision is None:
        raise NotFound("There is no such decision of yours in this project.")
    example = lock_example(project=project, example_id=decision.example_id)
    taken = Annotation.objects.filter(pk=decision.pk, state=State.SUBMITTED)
    if not taken.update(state=State.UNDONE):
        raise Conflict("This decision was taken back or changed in another window.")
    settle(example=example, by=user, now=now, reopen=True)
    return decision


def _row(
    example: Example, user: User, answer: Answer, *, key: str, now: datetime
) -> Annotation:
    return Annotation(
        example=example,
        user=user,
        client_key=f"{key}{uuid4().hex}",
        state=State.SUBMITTED,
        value=answer.value,
        cannot_tell=answer.value is None,
        comment=answer.comment,
        guideline_version=current_version(example.project),
        created_at=now,
    )
