"""Component 2, Data Labeller: keeps an example's slots, state and truth in step with
its annotations. Recomputed from the rows each time, so nothing drifts."""

from datetime import datetime

from django.db.models import QuerySet

from labelling.collector.truth import Label, record_labels
from labelling.collector.values import Value
from labelling.labeller.consensus import Verdict, decide
from labelling.models import Annotation, Example, Lease
from registry.errors import NotFound
from registry.models import Project, User

State = Example.State
FINAL = (State.LABELLED, State.CANNOT_TELL)
SUBMITTED = Annotation.State.SUBMITTED


def lock_example(*, project: Project, example_id: int) -> Example:
    """The example, held until the transaction ends: whoever changes its leases or
    annotations must hold it. Locks are taken in this order: example, project."""
    example = (
        Example.objects.select_for_update()
        .filter(project=project, pk=example_id)
        .first()
    )
    if example is None:
        raise NotFound("There is no such example in this project.")
    example.project = project
    return example


def recount(example: Example) -> None:
    """`open_slots` = wanted − leases − answers, of the held example."""
    leases = Lease.objects.filter(example=example, ended=False).count()
    if example.duplicate_of_id or example.state not in {State.OPEN, State.DISPUTED}:
        slots = 0
    elif example.state == State.DISPUTED:
        slots = 1 - leases  # one reviewer decides
    else:
        slots = example.overlap - leases - answers_to(example).count()
    example.open_slots = max(slots, 0)
    Example.objects.filter(pk=example.pk).update(open_slots=example.open_slots)


def answers_to(example: Example) -> QuerySet[Annotation]:
    return Annotation.objects.filter(example=example, state=SUBMITTED, decides=False)


def settle(*, example: Example, by: User, now: datetime, reopen: bool = False) -> None:
    """Recompute the consensus of a held example and say it to the collector.

    An extra answer that comes when all is decided does not undo the decision; taking
    an answer back (`reopen`) may.
    """
    if example.state == State.WITHDRAWN:
        return
    verdict, voters = _verdict(example)
    was = example.state
    if was in FINAL and verdict.state == State.DISPUTED and not reopen:
        verdict = Verdict(state=was, value=example.answer, agreement=verdict.agreement)
    example.state = verdict.state
    example.answer = verdict.value
    example.agreement = verdict.agreement
    group = [example, *example.duplicates.all()]
    Example.objects.filter(pk__in=[one.pk for one in group]).update(
        state=example.state, answer=example.answer, agreement=example.agreement
    )
    recount(example)
    if example.state == State.LABELLED or was == State.LABELLED:
        value = example.answer if example.state == State.LABELLED else None
        author = voters[-1] if voters else by
        say(
            examples=group,
            value=value,
            author=author,
            confidence=example.agreement if len(voters) > 1 else None,
            now=now,
        )


def say(
    *,
    examples: list[Example],
    value: Value | None,
    author: User,
    confidence: float | None,
    now: datetime,
) -> None:
    """Tell the collector what the experts say of these examples; None takes it back."""
    labels = []
    for example in examples:
        predicted = example.prediction_id
        labels.append(
            Label(
                kind="prediction" if predicted else "example",
                key=str(predicted) if predicted else example.key,
                value=value,
                author=author,
                confidence=confidence if value is not None else None,
            )
        )
    record_labels(project=examples[0].project, labels=labels, now=now)


def _verdict(example: Example) -> tuple[Verdict, list[User]]:
    """The verdict, and who said what it says, the last one last."""
    project = example.project
    rows = list(
        Annotation.objects.filter(example=example, state=SUBMITTED)
        .select_related("user")
        .order_by("pk")
    )
    decisions = [row for row in rows if row.decides][-1:]
    verdict = decide(
        task=project.task,
        answers=[row.value for row in rows if not row.decides],
        overlap=example.overlap,
        decision=[row.value for row in decisions],
        classes=project.classes,
    )
    agreeing = [row.user for row in rows if row.value == verdict.value]
    return verdict, [row.user for row in decisions] or agreeing or [
        row.user for row in rows
    ]
