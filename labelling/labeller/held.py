"""Component 2, Data Labeller: what one person holds already, and said before."""

from collections.abc import Sequence
from datetime import datetime

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
