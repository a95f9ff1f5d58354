"""The clock, in one place, so that tests and replays can move it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_moved: ContextVar[datetime | None] = ContextVar("moved", default=None)


def now() -> datetime:
    return _moved.get() or timezone.now()


@contextmanager
def moved_to(moment: datetime) -> Iterator[None]:
    """In this thread, within the block, it is `moment`: a replay writes the past."""
    token = _moved.set(moment)
    try:
        yield
    finally:
        _moved.reset(token)
