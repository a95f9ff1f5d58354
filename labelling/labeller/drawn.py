"""Component 2, Data Labeller: which items were drawn at random, and which were chosen
because they teach most. Judged on the chosen ones, a model would look worse than it is:
they train, and judge nothing."""

from collections.abc import Iterable
from uuid import UUID

from labelling.collector import matching
from labelling.collector.choice import choose
from labelling.models import Annotation, Example, GroundTruth
from registry.clock import now as clock_now
from registry.models import Project

AT_RANDOM = "random"  # from what waits to be labelled
OF_ANSWERS = "random answer"  # from what production answered


def at_random(examples: set[int]) -> set[int]:
    """Items whose first answer was asked for at random."""
    first: dict[int, str] = {}
    answers = Annotation.objects.filter(
        example_id__in=examples, state=Annotation.State.SUBMITTED
    ).order_by("pk")
    for example, reason in answers.values_list("example_id", "reason"):
        first.setdefault(example, reason)
    return {example for example, reason in first.items() if reason == AT_RANDOM}


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
