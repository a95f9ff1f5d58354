"""Registry: a moment or a time zone from outside is one that can be reckoned with. Pure."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

EARLIEST, LATEST = 1900, 2200  # years between which a moment is no slip of the pen
BOUNDS = f"Write a time between {EARLIEST} and {LATEST}."


def within(moment: datetime) -> datetime:
    """An aware moment in UTC; ValueError outside of the years that are taken: a window
    before or after it must be a moment too.

    >>> within(datetime(2026, 1, 31, tzinfo=UTC)).year
    2026
    """
    try:
        found = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(BOUNDS) from None
    if not EARLIEST <= found.year <= LATEST:
        raise ValueError(BOUNDS)
    return found


def read(text: str) -> datetime:
    """A day, or a moment, as a form or an address holds it; UTC where it names no offset.

    >>> read(" 2026-01-31 12:00 ").isoformat()
    '2026-01-31T12:00:00+00:00'
    """
    found = datetime.fromisoformat(text.strip())
    return within(found if found.tzinfo else found.replace(tzinfo=UTC))


def zone(name: str) -> ZoneInfo:
    """A zone of IANA's list by its exact name, else ValueError: folders of the database
    and other files of it are none.

    >>> zone("Europe/Zurich").key
    'Europe/Zurich'
    """
    if name not in zones():
        raise ValueError(f"{name or 'Nothing'}: no time zone of IANA's.")
    return ZoneInfo(name)


@cache
def zones() -> frozenset[str]:
    """Every name there is; read from the disk once."""
    return frozenset(available_timezones())
