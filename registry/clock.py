"""The clock, in one place, so that tests and replays can move it."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    return timezone.now()
