"""Component 4, Monitor: the window that a request over REST asks for, or what is wrong
with it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from monitoring.monitor.series import Window, going_on_until, whole
from registry.errors import FieldError, InvalidInput
from registry.models import Project

LONGEST_BY_HOUR = timedelta(days=92)
DEFAULT_WINDOW = timedelta(days=28)


def window_of(project: Project, query: Mapping[str, Any], *, now: datetime) -> Window:
    """The asked window in whole buckets, by default of 28 days with today."""
    by = query.get("bucket") or "day"
    end = query.get("to") or going_on_until(now, by=by)
    start = query.get("from") or end - DEFAULT_WINDOW
    if start >= end:
        raise wrong("from", "Must lie before `to`.")
    if by == "hour" and end - start > LONGEST_BY_HOUR:
        raise wrong("bucket", "By hour at most 92 days; ask by day.")
    window = Window(start=start, end=end, by=by, slice=query.get("slice", ""))
    return whole(window, project=project, now=now)


def wrong(field: str, cure: str) -> InvalidInput:
    return InvalidInput("This cannot be read.", errors=[FieldError(field, cure)])
