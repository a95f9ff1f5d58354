"""Component 2, Data Labeller: how people do: what they agree on, how fast, how often
they are right where the answer is known. Of the newest examples with several answers."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from labelling.labeller import agreement
from labelling.models import Annotation, AnnotatorStat, Example
from registry.models import Project

NEWEST = 5_000  # examples with more than one answer
PIECE = 500


@dataclass(frozen=True, kw_only=True)
class Person:
    """One annotator; the shares are None where nothing is known."""

    name: str
    user_id: int
    submitted: int
    skipped: int
    pace: float | None  # median seconds
    with_others: float | None  # share of shared items where the verdict was theirs
    shared: int
    gold: float | None
    gold_seen: int
    paused: bool


def votes_of(project: Project) -> list[dict[str, Hashable]]:
    """Items that several people answered; "cannot tell" is an answer too."""
    several = list(
        Annotation.objects.filter(
            example__project=project, state="submitted", decides=False
        )
        .values("example_id")
        .annotate(n=Count("id"))
        .filter(n__gt=1)
        .order_by("-example_id")
        .values_list("example_id", flat=True)[:NEWEST]
    )
    found: dict[int, dict[str, Hashable]] = {pk: {} for pk in several}
    for start in range(0, len(several), PIECE):
        rows = Annotation.objects.filter(
            example_id__in=several[start : start + PIECE],
            state="submitted",
            decides=False,
        ).values_list("example_id", "user__username", "value")
        for pk, name, value in rows:
            found[pk][name] = _hashable(value)
    return [item for item in found.values() if len(item) > 1]


def _hashable(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value


def people(project: Project) -> list[Person]:
    """Everybody who answered here, the busiest first."""
    shared, theirs = _against_verdict(project)
    stats = AnnotatorStat.objects.filter(project=project).select_related("user")
    return [
        Person(
            name=stat.user.get_username(),
            user_id=stat.user_id,
            submitted=stat.submitted,
            skipped=stat.skipped,
            pace=stat.median_seconds,
            shared=shared[stat.user_id],
            with_others=theirs[stat.user_id] / shared[stat.user_id]
            if shared[stat.user_id]
            else None,
            gold_seen=stat.gold_seen,
            gold=stat.gold_right / stat.gold_seen if stat.gold_seen else None,
            paused=stat.paused,
        )
        for stat in stats.order_by("-submitted", "pk")
    ]


def _against_verdict(project: Project) -> tuple[Counter[int], Counter[int]]:
    """By person: items of several answers that were decided, and those decided so."""
    shared: Counter[int] = Counter()
    theirs: Counter[int] = Counter()
    rows = (
        Annotation.objects.filter(
            example__project=project,
            example__overlap__gt=1,
            example__state=Example.State.LABELLED,
            state="submitted",
            decides=False,
        )
        .order_by("-pk")
        .values_list("user_id", "value", "example__answer")[:NEWEST]
    )
    for user_id, value, answer in rows:
        shared[user_id] += 1
        theirs[user_id] += value == answer
    return shared, theirs


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How much people agree, as a page tells it."""

    items: int
    same: float | None
    fleiss: float | None
    alpha: float | None
    words: str
    pairs: list[agreement.Pair]
    classes: dict[str, tuple[int, float]]


def agreement_of(project: Project) -> Agreement | None:
    """None for numbers: how far they lie apart is no share."""
    if not project.is_classification:
        return None
    votes = votes_of(project)
    alpha = agreement.krippendorff(votes)
    return Agreement(
        items=len(votes),
        same=agreement.percent(votes),
        fleiss=agreement.fleiss(votes),
        alpha=alpha,
        words=agreement.in_words(alpha),
        pairs=agreement.by_pair(votes)[:20],
        classes=agreement.by_class(votes, project.classes),
    )
