"""Component 2, Data Labeller: who gets which example next; nobody gets another's.

The guard is one conditional UPDATE `open_slots > 0`, on both databases; PostgreSQL
picks with SKIP LOCKED, SQLite inside BEGIN IMMEDIATE.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from labelling.labeller import leases
from labelling.models import (
    Annotation,
    AnnotatorStat,
    Example,
    Lease,
    Queue,
    QueueEntry,
)
from registry import cards
from registry.errors import Forbidden
from registry.models import Project, User

MOST_AT_ONCE = 5
LONGEST_WAIT = 60  # seconds until a client asks again
IN_ORDER = ("-priority", "shuffle", "pk")
State = Example.State


@dataclass(frozen=True, kw_only=True)
class Card:
    """An example as its labeller sees it."""

    lease: Lease
    example: Example
    payload: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        card = {
            "id": self.example.pk,
            "payload": self.payload,
            "lease": str(self.lease.token),
            "expires_at": self.lease.expires_at,
            "reason": self.lease.reason,
        }
        if self.lease.suggestion_shown:
            card["suggestion"] = self.lease.suggestion_shown
        return card


@dataclass(kw_only=True)
class Handout:
    cards: list[Card] = field(default_factory=list)
    retry_after: int | None = None  # seconds; all that is left is with others

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"examples": [card.as_json() for card in self.cards]}
        if self.retry_after is not None:
            answer["retry_after"] = self.retry_after
        return answer


@transaction.atomic
def hand_out(
    *, project: Project, user: User, reviews: bool, count: int, now: datetime
) -> Handout:
    """Lease up to `count` examples to a person; reviewers get disputed ones too.

    In order: what users reported, the head of the queue, the rest in random order,
    what this person skipped, what this person was given and never answered.
    """
    stat = AnnotatorStat.objects.filter(project=project, user=user).first()
    if stat and stat.paused:
        raise Forbidden("You are paused here; speak to a reviewer of the project.")
    leases.reclaim(now=now, project=project)
    until = now + leases.duration(stat)
    handout = Handout()
    for rows, version in _tiers(project, user, reviews):
        missing = count - len(handout.cards)
        if missing <= 0:
            break
        for example in _claim(rows, missing):
            lease = leases.grant(
                example=example,
                user=user,
                until=until,
                now=now,
                reason=_reason(example, version),
                queue_version=version,
                suggestion=suggestion(example),
            )
            handout.cards.append(card_of(project, lease, example))
    if not handout.cards:
        handout.cards = _own(project, user, until=until, count=count)
    if not handout.cards:
        handout.retry_after = _wait(project, user, reviews, now=now)
    return handout


def _tiers(
    project: Project, user: User, reviews: bool
) -> Iterator[tuple[QuerySet[Example], int]]:
    free = open_to(project=project, user=user, reviews=reviews)
    skipped = Exists(
        Annotation.objects.filter(
            example=OuterRef("pk"), user=user, state=Annotation.State.SKIPPED
        )
    )
    fresh = free.filter(~skipped)
    version = Queue.objects.filter(project=project).values_list("version", flat=True)
    head = next(iter(version), 0)
    if head:
        yield fresh.filter(priority__gt=0).order_by(*IN_ORDER), 0
        entry = QueueEntry.objects.filter(
            project=project, version=head, example=OuterRef("pk")
        )
        place = entry.values("position")[:1]
        yield (
            fresh.filter(Exists(entry))
            .annotate(position=place, head_reason=entry.values("reason")[:1])
            .order_by("position"),
            head,
        )
    yield fresh.order_by(*IN_ORDER), 0
    yield free.filter(skipped).order_by(*IN_ORDER), 0


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


def _claim(rows: QuerySet[Example], count: int) -> Iterator[Example]:
    """The first of these that are still free, each with a slot taken."""
    # Locked by nobody else, so a second look at the slot is a formality on PostgreSQL;
    # where select_for_update means nothing it is the guard.
    picked = rows.select_for_update(skip_locked=True, of=("self",))
    for example in picked.select_related("payload")[:count]:
        taken = Example.objects.filter(pk=example.pk, open_slots__gt=0).update(
            open_slots=F("open_slots") - 1
        )
        if taken:
            yield example


def _reason(example: Example, version: int) -> str:
    if example.state == State.DISPUTED:
        return "disputed"
    if version:
        return str(getattr(example, "head_reason", "") or "queue")
    return example.reason or "random"


def suggestion(example: Example) -> dict[str, object] | None:
    """The model's guess; hidden where several answer or gold is asked (anchoring)."""
    hidden = example.overlap > 1 or example.gold is not None
    if hidden or not example.predicted or example.state != State.OPEN:
        return None
    return {"value": example.predicted, "probability": example.score}


def card_of(project: Project, lease: Lease, example: Example) -> Card:
    """What is shown: everything but the target."""
    data = example.payload.data
    shown = cards.visible(data, card=project.card, target=project.target)
    return Card(lease=lease, example=example, payload=shown)


def _own(project: Project, user: User, *, until: datetime, count: int) -> list[Card]:
    """What this person holds already: the page was closed before the answer."""
    held = (
        Lease.objects.filter(user=user, example__project=project, ended=False)
        .select_related("example__payload")
        .order_by("created_at", "pk")[:count]
    )
    cards = []
    for lease in held:
        lease.expires_at = max(until, lease.expires_at)
        lease.save(update_fields=["expires_at"])
        cards.append(card_of(project, lease, lease.example))
    return cards


def _wait(project: Project, user: User, reviews: bool, *, now: datetime) -> int | None:
    """Seconds until others' cards may come back; None where nothing is left."""
    if open_to(project=project, user=user, reviews=reviews).exists():
        return 1  # just being handed to somebody, or given back
    mine = Annotation.objects.filter(
        example=OuterRef("example"), user=user, state=Annotation.State.SUBMITTED
    )
    first = (
        Lease.objects.filter(~Exists(mine), example__project=project, ended=False)
        .exclude(user=user)
        .order_by("expires_at")
        .values_list("expires_at", flat=True)
        .first()
    )
    if first is None:
        return None
    return min(max(ceil((first - now).total_seconds()), 1), LONGEST_WAIT)
