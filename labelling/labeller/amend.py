"""Component 2, Data Labeller: answers that change afterwards: one's own, and a
reviewer's word on what others could not agree on. Nothing is lost: rows are added."""

from datetime import datetime
from uuid import uuid4

from django.db import transaction

from labelling.labeller.annotate import BY_HAND, Answer, correct_gold, is_gold
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
        raise Conflict("This answer is not the newest any more. Load the page again.")
    added = _row(example, user, answer, now=now)
    added.reason, added.decides = before.reason, before.decides
    added.predicted, added.suggestion = before.predicted, before.suggestion
    added.queue_version = before.queue_version
    added.seconds = None  # nobody knows how long it was thought about
    added.save(force_insert=True)
    (_, was), (_, right) = is_gold(example, before), is_gold(example, added)
    correct_gold(example, user, seen=0, right=int(right) - int(was))
    settle(example=example, by=user, now=now, reopen=True)
    return added


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
    added = _row(example, user, answer, now=now)
    added.reason, added.decides = "disputed", True
    added.save(force_insert=True)
    example.leases.filter(user=user).delete()
    settle(example=example, by=user, now=now)
    return added


def _row(example: Example, user: User, answer: Answer, *, now: datetime) -> Annotation:
    return Annotation(
        example=example,
        user=user,
        client_key=f"{BY_HAND}{uuid4().hex}",
        state=State.SUBMITTED,
        value=answer.value,
        cannot_tell=answer.value is None,
        comment=answer.comment,
        guideline_version=current_version(example.project),
        created_at=now,
    )
