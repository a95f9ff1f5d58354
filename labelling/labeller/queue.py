"""Component 2, Data Labeller: who gets which example next; nobody gets another's.

The guard is one conditional UPDATE `open_slots > 0`, on both databases; PostgreSQL
picks with SKIP LOCKED, SQLite inside BEGIN IMMEDIATE.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from labelling.labeller import gold, leases
from labelling.labeller.drawn import HONEST
from labelling.models import (
    Annotation,
    AnnotatorStat,
    Example,
    Lease,
    Queue,
    QueueEntry,
)
from registry import cards
from registry.models import Project, User

MOST_AT_ONCE = 5
PIECE = 50  # rows of the head looked at at once
LONGEST_WAIT = 60  # seconds until a client asks again
IN_ORDER = ("-priority", "shuffle", "pk")
State = Example.State


@dataclass(frozen=True, kw_only=True)
class Card:
    """An example as its labeller sees it."""

    lease: Lease
    example: Example
    payload: dict[str, Any]

    @property
    def reason(self) -> str:
        """Why it is asked, as its labeller is told: never what is a test."""
        return "random" if self.lease.reason == "gold" else self.lease.reason

    def as_json(self) -> dict[str, Any]:
        card = {
            "id": self.example.pk,
            "payload": self.payload,
            "lease": str(self.lease.token),
            "expires_at": self.lease.expires_at,
            "reason": self.reason,
        }
        if self.lease.suggestion_shown:
            card["suggestion"] = self.lease.suggestion_shown
        return card


@dataclass(kw_only=True)
class Handout:
    cards: list[Card] = field(default_factory=list)
    retry_after: int | None = None  # seconds; all that is left is with others
    paused: str = ""  # why this person gets none

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"examples": [card.as_json() for card in self.cards]}
        if self.retry_after is not None:
            answer["retry_after"] = self.retry_after
        if self.paused:
            answer["paused"] = self.paused
        return answer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An example with a slot taken, and why it is asked."""

    example: Example
    reason: str
    version: int = 0  # of the head it comes from; 0: from none
    predicted: dict[str, Any] | None = None


@transaction.atomic
def hand_out(
    *,
    project: Project,
    user: User,
    reviews: bool,
    count: int,
    now: datetime,
    again: bool = True,
) -> Handout:
    """Lease up to `count` examples to a person; reviewers get disputed ones too.

    In order: what users reported, the head of the queue, the rest in random order,
    what this person skipped, and, where `again`, what this person holds already.
    """
    stat = AnnotatorStat.objects.filter(project=project, user=user).first()
    if paused := gold.why_paused(stat):  # no error: an answer may just be stored
        return Handout(paused=paused)
    leases.reclaim(now=now)
    until = now + leases.duration(stat)
    handout = Handout()
    for asked in _asked(project, user, reviews, count):
        lease = leases.grant(
            example=asked.example,
            user=user,
            until=until,
            now=now,
            reason=asked.reason,
            queue_version=asked.version,
            predicted=asked.predicted,
            suggestion=suggestion(asked),
        )
        handout.cards.append(card_of(project, lease, asked.example))
    if not handout.cards and again:
        handout.cards = _own(project, user, until=until, count=count)
    if not handout.cards:
        handout.retry_after = _wait(project, user, reviews, now=now)
    return handout


def _asked(project: Project, user: User, reviews: bool, count: int) -> Iterator[Asked]:
    """Up to `count` claimed examples, tier by tier."""
    free = open_to(project=project, user=user, reviews=reviews)
    skipped = Exists(
        Annotation.objects.filter(
            example=OuterRef("pk"), user=user, state=Annotation.State.SKIPPED
        )
    )
    fresh = free.filter(~skipped)
    version = Queue.objects.filter(project=project).values_list("version", flat=True)
    head = next(iter(version), 0)
    tiers = [
        partial(_claim, fresh.order_by(*IN_ORDER)),
        partial(_claim, free.filter(skipped).order_by(*IN_ORDER)),
    ]
    if head:
        urgent = fresh.filter(priority__gt=0).order_by(*IN_ORDER)
        tiers[:0] = [
            partial(_claim, urgent),
            partial(_claim_head, fresh, project, head),
        ]
    for tier in tiers:
        for asked in tier(count):
            yield asked
            count -= 1
        if count <= 0:
            return


def open_to(*, project: Project, user: User, reviews: bool) -> QuerySet[Example]:
    """Examples with a free slot that this person has not answered and does not hold."""
    mine = Annotation.objects.filter(
        example=OuterRef("pk"), user=user, state=Annotation.State.SUBMITTED
    )
    held = Lease.objects.filter(example=OuterRef("pk"), user=user, ended=False)
    # What has a free slot is open or disputed. Asked for `state = open`, a database
    # would read the index by state and sort it all; so it walks the queue's own.
    unanswered: Q = ~Q(state=State.DISPUTED) & Q(~Exists(mine))
    if reviews:  # who answered may still decide the dispute: he may be the only one
        unanswered |= Q(state=State.DISPUTED)
    return Example.objects.filter(
        unanswered, ~Exists(held), project=project, open_slots__gt=0
    )


def _claim(rows: QuerySet[Example], count: int) -> Iterator[Asked]:
    """The first of these that are still free, each with a slot taken."""
    # Locked by nobody else, so a second look at the slot is a formality on PostgreSQL;
    # where select_for_update means nothing it is the guard.
    picked = rows.select_for_update(skip_locked=True, of=("self",))
    for example in picked.select_related("payload")[:count]:
        if _take(example):
            yield Asked(example=example, reason=_reason(example))


def _claim_head(
    fresh: QuerySet[Example], project: Project, version: int, count: int
) -> Iterator[Asked]:
    """From the head, in its order. Read from its rows to the examples: asked the other
    way round, a database would look at every open example for its place."""
    entries = QueueEntry.objects.filter(
        project=project, version=version, example__open_slots__gt=0
    ).order_by("position")
    for piece in _pieces(entries):
        free = set(
            fresh.filter(pk__in=[entry.example_id for entry in piece]).values_list(
                "pk", flat=True
            )
        )
        for entry in piece:
            if entry.example_id not in free:
                continue
            for asked in _claim(fresh.filter(pk=entry.example_id), 1):
                disputed = asked.example.state == State.DISPUTED
                yield Asked(
                    example=asked.example,
                    reason=asked.reason if disputed else entry.reason,
                    version=version,
                    predicted=entry.predicted,
                )
                count -= 1
            if count <= 0:
                return


def _pieces(entries: QuerySet[QueueEntry]) -> Iterator[list[QueueEntry]]:
    after = -1
    while piece := list(entries.filter(position__gt=after)[:PIECE]):
        yield piece
        after = piece[-1].position


def _take(example: Example) -> bool:
    free = Example.objects.filter(pk=example.pk, open_slots__gt=0)
    return free.update(open_slots=F("open_slots") - 1) == 1


def _reason(example: Example) -> str:
    if example.state == State.DISPUTED:
        return "disputed"
    return example.reason or "random"


def suggestion(asked: Asked) -> dict[str, object] | None:
    """The model's guess; hidden where several answer or gold is asked (anchoring), and
    on random cards, which tell how good the model is."""
    example, predicted = asked.example, asked.predicted
    if predicted is None and example.predicted:
        predicted = {"value": example.predicted, "probability": example.score}
    hidden = (
        example.overlap > 1
        or example.gold is not None
        or example.state != State.OPEN
        or (asked.version > 0 and asked.reason in HONEST)
    )
    return None if hidden else predicted


def card_of(project: Project, lease: Lease, example: Example) -> Card:
    """What is shown: everything but the target."""
    data = example.payload.data
    shown = cards.visible(data, card=project.card, target=project.target)
    return Card(lease=lease, example=example, payload=shown)


def _own(project: Project, user: User, *, until: datetime, count: int) -> list[Card]:
    """What this person holds already: the page was closed before the answer."""
    held = [
        lease
        for lease in Lease.objects.filter(user=user, ended=False)
        .select_related("example__payload")
        .order_by("created_at", "pk")
        if lease.example.project_id == project.pk
    ][:count]
    cards = []
    for lease in held:
        lease.expires_at = max(until, lease.expires_at)
        still = Lease.objects.filter(pk=lease.pk, ended=False)
        if still.update(expires_at=lease.expires_at):  # not answered in another tab
            cards.append(card_of(project, lease, lease.example))
    return cards


def _wait(project: Project, user: User, reviews: bool, *, now: datetime) -> int | None:
    """Seconds until others' cards may come back; None where nothing is left."""
    free = open_to(project=project, user=user, reviews=reviews)
    if free.exists():
        return 1  # just being handed to somebody, or given back
    first = _first_back(project, user)
    if first is None:  # one that was given back between the two looks is free now
        return 1 if free.exists() else None
    return min(max(ceil((first - now).total_seconds()), 1), LONGEST_WAIT)


def _first_back(project: Project, user: User) -> datetime | None:
    """When the first lease of somebody else ends whose card this person may answer."""
    mine = Annotation.objects.filter(
        example=OuterRef("example"), user=user, state=Annotation.State.SUBMITTED
    )
    # Not asked for the project: SQLite would begin at its examples, all of them.
    others = (
        Lease.objects.filter(~Exists(mine), ended=False)
        .exclude(user=user)
        .order_by("expires_at")
        .values_list("example__project_id", "expires_at")
    )
    return next((end for owner, end in others if owner == project.pk), None)
