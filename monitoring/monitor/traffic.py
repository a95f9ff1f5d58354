"""Component 4, Monitor: answers a day, by one rule wherever money or traffic is told."""

from collections.abc import Iterable
from datetime import datetime, timedelta

LEAST = timedelta(hours=1)  # of less nobody can say what a day brings


def answers_a_day(
    counts: Iterable[tuple[datetime, int]],
    *,
    end: datetime,
    since: datetime | None = None,
) -> float:
    """From the first bucket with answers to `end`; quiet days in between count. `since`:
    where the window begins, if there were answers before it: its first days may be quiet.

    >>> from datetime import UTC
    >>> monday = datetime(2026, 5, 4, tzinfo=UTC)
    >>> three_days_on = monday + timedelta(days=3)
    >>> answers_a_day([(monday, 60), (monday + LEAST, 30)], end=three_days_on)
    30.0
    >>> sunday, a_week_ago = monday - timedelta(days=1), monday - timedelta(days=7)
    >>> answers_a_day([(sunday, 7000)], end=monday, since=a_week_ago)
    1000.0
    """
    there = [(at, n) for at, n in counts if n and at < end]
    if not there:
        return 0.0
    lasted = max(end - (since or min(at for at, _ in there)), LEAST)
    return sum(n for _, n in there) / (lasted / timedelta(days=1))
