"""Component 2, Data Labeller: which items were drawn at random, and which were chosen
because they teach most. Judged on the chosen ones, a model would look worse than it is:
they train, and judge nothing."""

from collections.abc import Collection, Iterable
from uuid import UUID

from labelling.collector import matching
from labelling.collector.choice import choose
from labelling.models import OF_PREDICTION, Annotation, Example, GroundTruth
from registry.clock import now as clock_now
from registry.models import Project

AT_RANDOM = "random"  # from what waits to be labelled
OF_ANSWERS = "random answer"  # from what production answered
HONEST = (AT_RANDOM, OF_ANSWERS)


def at_random(examples: Collection[Example]) -> set[int]:
    """Items that were drawn. Those out of production as `chosen` has it, also when their
    answers are kept no longer: what trained may not judge then, nor the other way round.
    Of the rest, those whose card was first answered because it was drawn."""
    of_answers = {row.pk: row for row in examples if row.key.startswith(OF_PREDICTION)}
    cards = {
        row.pk: row.duplicate_of_id or row.pk
        for row in examples
        if row.pk not in of_answers
    }
    first: dict[int, str] = {}
    answers = Annotation.objects.filter(
        example_id__in=set(cards.values()), state=Annotation.State.SUBMITTED
    ).order_by("pk")
    for card, reason in answers.values_list("example_id", "reason"):
        first.setdefault(card, reason)
    drawn = {pk for pk, card in cards.items() if first.get(card) in HONEST}
    return drawn | {pk for pk, row in of_answers.items() if row.reason == OF_ANSWERS}


def chosen(project: Project, predictions: Iterable[UUID]) -> set[UUID]:
    """Those of these predictions that experts were asked about for a reason. The draw
    counts, and not which card's answer is theirs too."""
    asked = Example.objects.filter(
        project=project, prediction_id__in=list(predictions)
    ).exclude(reason=OF_ANSWERS)
    return {pk for pk in asked.values_list("prediction_id", flat=True) if pk}


def known_by_choice(project: Project, predictions: Iterable[UUID]) -> set[UUID]:
    """Those whose truth is known for no other reason than that somebody chose to ask an
    expert. Where truth comes by itself as well, the choice left nothing out."""
    if matching.speaks_by_silence(project):
        return set()
    asked = chosen(project, predictions)
    verdicts = matching.judge(
        project=project,
        asked=matching.with_ids(project=project, ids=asked),
        now=clock_now(),
    )
    expert = GroundTruth.Source.EXPERT
    return asked - {
        verdict.asked.id
        for verdict in verdicts
        if choose(
            [truth for truth in verdict.joined if truth.source != expert],
            precedence=project.truth_precedence,
        )
    }
