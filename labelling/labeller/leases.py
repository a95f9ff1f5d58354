"""Component 2, Data Labeller: leases of minutes; what nobody answers goes back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Min

from labelling.labeller.settle import recount
from labelling.models import AnnotatorStat, Example, Lease
from registry.errors import Conflict
from registry.models import Project, User

SHORTEST, LONGEST = timedelta(minutes=2), timedelta(minutes=30)
UNKNOWN = timedelta(minutes=5)  # of who has no median time yet
TIMES_MEDIAN = 5
REMEMBERED = timedelta(days=1)  # so that a late answer is known to be one
AT_ONCE = 200


def duration(stat: AnnotatorStat | None) -> timedelta:
    """Long enough to think, short enough not to block the others."""
    if stat is None or stat.median_seconds is None:
        return UNKNOWN
    wanted = timedelta(seconds=TIMES_MEDIAN * stat.median_seconds)
    return min(max(wanted, SHORTEST), LONGEST)


def grant(
    *,
    example: Example,
    user: User,
    until: datetime,
    now: datetime,
    reason: str,
    queue_version: int = 0,
    suggestion: dict[str, object] | None = None,
    predicted: dict[str, object] | None = None,
) -> Lease:
    """A lease on a held example. Who had it before gets the same token again, so that
    an answer from another tab still fits."""
    lease, _ = Lease.objects.update_or_create(
        example=example,
        user=user,
        defaults={
            "created_at": now,
            "expires_at": until,
            "ended": False,
            "reason": reason,
            "queue_version": queue_version,
            "suggestion_shown": suggestion,
            "predicted": predicted,
        },
    )
    return lease


@transaction.atomic
def reclaim(*, now: datetime) -> int:
    """Give back what was leased for too long, in whatever project: asked for one, SQLite
    would begin at its examples, all of them."""
    over = Lease.objects.filter(ended=False, expires_at__lt=now)
    ids = list(over.values_list("example_id", flat=True)[:AT_ONCE])
    if not ids:
        return 0
    # Somebody else's example is left to him: nobody waits here.
    held = Example.objects.select_for_update(skip_locked=True).filter(pk__in=ids)
    count = 0
    for example in held.order_by("pk"):
        count += over.filter(example=example).update(ended=True)
        recount(example)
    return count


def renew(
    *, project: Project, user: User, tokens: Sequence[UUID], now: datetime
) -> datetime:
    """Keep leases while somebody looks at them; those already over stay so, and none
    gets shorter because its person turned out to be quick. The first end among them."""
    stat = AnnotatorStat.objects.filter(project=project, user=user).first()
    until = now + duration(stat)
    held = Lease.objects.filter(
        example__project=project, user=user, token__in=tokens, ended=False
    )
    held.filter(expires_at__lt=until).update(expires_at=until)
    ends = held.aggregate(first=Min("expires_at"))["first"]
    if ends is None:
        raise Conflict(
            "These leases are over. Send the answers all the same, or take new cards."
        )
    return ends


def release(*, project: Project, user: User, tokens: Sequence[UUID]) -> int:
    """Give cards back unanswered."""
    count = 0
    mine = Lease.objects.filter(
        example__project=project, user=user, token__in=tokens, ended=False
    )
    for example_id in mine.values_list("example_id", flat=True).order_by("example_id"):
        with transaction.atomic():
            example = Example.objects.select_for_update().get(pk=example_id)
            count += mine.filter(example=example).delete()[0]
            recount(example)
    return count


def forget_ended(*, now: datetime) -> int:
    """Drop the memory of leases that ended a day ago."""
    old = Lease.objects.filter(ended=True, expires_at__lt=now - REMEMBERED)
    return old.delete()[0]
