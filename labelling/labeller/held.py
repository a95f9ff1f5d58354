"""Component 2, Data Labeller: what one person holds already, and said before."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction

from labelling.labeller.annotate import UNDO_DEPTH, one_undo_at_a_time, undo
from labelling.labeller.face import say
from labelling.labeller.queue import Card, card_of
from labelling.models import Annotation, Lease
from registry.models import Project, User


def cards_of(*, project: Project, user: User, now: datetime, most: int) -> list[Card]:
    """Live leases, what came back by undo first, then the first handed out."""
    mine = Lease.objects.select_related("example__payload").filter(
        user=user, ended=False, expires_at__gt=now
    )
    leases = [lease for lease in mine if lease.example.project_id == project.pk]
    back = answers_before(user=user, ids=[lease.example_id for lease in leases])
    leases.sort(
        key=lambda lease: (
            lease.example_id not in back,
            _order(lease, back=lease.example_id in back),
            lease.pk,
        )
    )
    return [card_of(project, lease, lease.example) for lease in leases[:most]]


def came_back(
    *, project: Project, user: User, here: Collection[int | None], now: datetime
) -> list[Card]:
    """Those that came back by undo, are not answered again and not here, the last one
    first."""
    cards = cards_of(project=project, user=user, now=now, most=UNDO_DEPTH)
    ids = answers_before(user=user, ids=[card.example.pk for card in cards])
    return [
        card for card in cards if card.example.pk in ids and card.example.pk not in here
    ]


@transaction.atomic
def undo_once(
    *, project: Project, user: User, here: Collection[int | None], now: datetime
) -> Card:
    """Undo, asked for again because its answer never came: where it was done, or is
    just being done, its card; else it is done now."""
    one_undo_at_a_time(user)
    back = came_back(project=project, user=user, here=here, now=now)
    return back[0] if back else undo(project=project, user=user, now=now)[1]


def _order(lease: Lease, *, back: bool) -> float:
    moment = lease.created_at.timestamp()
    return -moment if back else moment


def answers_before(*, user: User, ids: Sequence[int]) -> dict[int, str]:
    """What this person last said of these and took back, in words."""
    rows = Annotation.objects.filter(user=user, example_id__in=ids).order_by("pk")
    last = {row.example_id: row for row in rows}
    return {
        pk: _said(row)
        for pk, row in last.items()
        if row.state == Annotation.State.UNDONE
    }


def _said(row: Annotation) -> str:
    if row.cannot_tell:
        return "cannot tell"
    return say(row.value) or "skipped"
