"""Component 2, Data Labeller: ranks what waits, and puts the best 500 at the queue's
head. Slow work first; the new head appears in one short transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, Sum

from labelling.labeller import matrix, pool, production, ranker, sampling
from labelling.labeller.honesty import Estimate, estimate
from labelling.models import AnnotatorStat, Example, Queue, QueueEntry
from registry.models import Project

if TYPE_CHECKING:
    import numpy as np

HEAD = 500  # rows
SHARES = {"strategy": 0.7, "random": 0.1, "production": 0.1, "gold": 0.05}
MANY_CLASSES = 10  # above it, round-robin over clusters does better
KEPT = 50  # refreshes remembered
RANDOM = HEAD // 2  # more than its share, for when there is little else


@dataclass(frozen=True, kw_only=True)
class Place:
    """One row of the head."""

    example: int
    reason: str
    score: float | None = None  # 0: the learner cannot decide; 1: quite sure
    predicted: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Head:
    strategy: str
    places: list[Place]


def labels_of(project: Project) -> int:
    """Answers so far, from the running figures of those who gave them."""
    rows = AnnotatorStat.objects.filter(project=project)
    return rows.aggregate(total=Sum("submitted"))["total"] or 0


def newest_of(project: Project) -> int:
    """The id of the newest example: by state, as the index has it, not by all rows."""
    rows = Example.objects.filter(project=project).order_by("-pk")
    ids = (
        rows.filter(state=state).values_list("pk", flat=True).first()
        for state in Example.State.values
    )
    return max((pk for pk in ids if pk), default=0)


def refresh(*, project: Project, now: datetime, rng: np.random.Generator) -> Head:
    """Rank anew and flip. What is asked of production comes in first."""
    started = time.perf_counter()
    labels = labels_of(project)
    production.collect(project=project, now=now)
    newest = newest_of(project)
    head = rank(project=project, rng=rng)
    _flip(
        project=project,
        head=head,
        labels=labels,
        newest=newest,
        honest=estimate(project),
        seconds=round(time.perf_counter() - started, 2),
        now=now,
    )
    return head


def rank(*, project: Project, rng: np.random.Generator) -> Head:
    """The head as it should be now; writes nothing."""
    found = pool.read(project, rng=rng)
    if not found.open_ids:
        gold = [Place(example=pk, reason="gold") for pk in pool.gold(project, HEAD)]
        return Head(strategy="nothing open", places=gold)
    space = matrix.spread(found.blobs, widths=found.widths, rng=rng)
    split = len(found.labelled_ids)
    strategy, order, ranking = _order(project, found, space, split, rng)
    guess = _guesses(found, ranking)
    scores = _scores(found, ranking) if project.is_classification else {}
    shuffled = rng.permutation(len(found.open_ids))[:RANDOM]
    sources = [
        (strategy, SHARES["strategy"], [found.open_ids[place] for place in order]),
        ("random", SHARES["random"], [found.open_ids[place] for place in shuffled]),
        ("gold", SHARES["gold"], pool.gold(project, HEAD // 10)),
    ]
    asked = dict(pool.from_production(project, HEAD // 4))
    sources.insert(2, ("production", SHARES["production"], list(asked)))
    places = [
        Place(
            example=pk,
            reason=asked.get(pk, source) or source,
            score=scores.get(pk),
            predicted=guess.get(pk),
        )
        for source, pk in sampling.mixed(sources)
    ]
    return Head(strategy=strategy, places=places[:HEAD])


def _order(
    project: Project,
    found: pool.Pool,
    space: matrix.Space,
    split: int,
    rng: np.random.Generator,
) -> tuple[str, list[int], ranker.Ranking | None]:
    """The strategy, its order of the open cards, and what the learner thinks."""
    known, near = space.near[:split], space.near[split:]
    if not ranker.can_learn(
        task=project.task, answers=found.answers, classes=project.classes
    ):
        order = sampling.cold_start(near, labelled=known, count=HEAD, rng=rng)
        return "cold start", order, None
    ranking = ranker.rank(
        task=project.task,
        wide=space.wide[:split],
        answers=found.answers,
        pool=space.wide[split:],
        classes=project.classes,
    )
    if not project.is_classification:
        order = sampling.greedy(
            near,
            expected=ranking.margin,
            labelled=known,
            answers=found.answers,
            count=HEAD,
            rng=rng,
        )
        return "unlike the others", order, ranking
    several = len(project.classes) > MANY_CLASSES
    choose = sampling.round_robin if several else sampling.diverse_margin
    order = choose(near, margin=ranking.margin, count=HEAD, rng=rng)
    return "least sure", order, ranking


def _guesses(
    found: pool.Pool, ranking: ranker.Ranking | None
) -> dict[int, dict[str, Any]]:
    if ranking is None:
        return {}
    shares: Sequence[float | None] = ranking.probability or [None] * len(found.open_ids)
    return {
        pk: {"value": value, "probability": share}
        for pk, value, share in zip(
            found.open_ids, ranking.expected, shares, strict=True
        )
    }


def _scores(found: pool.Pool, ranking: ranker.Ranking | None) -> dict[int, float]:
    if ranking is None:
        return {}
    return dict(zip(found.open_ids, map(float, ranking.margin), strict=True))


@transaction.atomic
def _flip(
    *,
    project: Project,
    head: Head,
    labels: int,
    newest: int,
    honest: Estimate,
    seconds: float,
    now: datetime,
) -> None:
    """The new rows, then the version, then the old rows: a reader sees one head."""
    queue, _ = Queue.objects.get_or_create(project=project)
    queue = Queue.objects.select_for_update().get(pk=queue.pk)
    version = queue.version + 1
    QueueEntry.objects.bulk_create(
        [
            QueueEntry(
                project=project,
                version=version,
                position=position,
                example_id=place.example,
                reason=place.reason,
                score=place.score,
                predicted=place.predicted,
            )
            for position, place in enumerate(head.places)
        ]
    )
    entry = {
        "version": version,
        "at": now.isoformat(),
        "labels": labels,
        "strategy": head.strategy,
        "right": honest.right,
        "n": honest.n,
        "error": honest.error,
        "seconds": seconds,
    }
    Queue.objects.filter(pk=queue.pk).update(
        version=F("version") + 1,
        refreshed_at=now,
        labels_at_refresh=labels,
        newest_at_refresh=newest,
        history=[*queue.history, entry][-KEPT:],
    )
    QueueEntry.objects.filter(project=project, version__lt=version).delete()
