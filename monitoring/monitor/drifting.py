"""Component 4, Monitor: has what comes in changed since the version was made?"""

from datetime import datetime, timedelta
from typing import Any

from monitoring.monitor.drift import MINIMUM_N, drift
from monitoring.monitor.references import reference_of
from monitoring.monitor.series import Sum, Window, total
from registry.models import ModelVersion

WINDOWS = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=28))


def drift_report(
    version: ModelVersion,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> dict[str, Any]:
    """Every feature against the frozen reference. Without a window, the last 24 hours,
    widened up to 28 days until there are rows enough to say something."""
    end = end or now + timedelta(hours=1)
    if start is None:
        start, found = _wide_enough(version, end=end, now=now)
    else:
        found = total(version, Window(start=start, end=end), now=now)
    features = drift(reference_of(version), found.inputs)
    return {
        "model": str(version),
        "from": start,
        "to": end,
        "n": found.answers,
        "state": _worst(features),
        "features": features,
    }


def _wide_enough(
    version: ModelVersion, *, end: datetime, now: datetime
) -> tuple[datetime, Sum]:
    start, found = end, Sum()
    for width in WINDOWS:
        start = end - width
        found = total(version, Window(start=start, end=end), now=now)
        if found.answers >= MINIMUM_N:
            break
    return start, found


def _worst(features: list[dict[str, Any]]) -> str:
    states = {feature["state"] for feature in features}
    order = ("alert", "warn", "ok", "insufficient")
    return next((state for state in order if state in states), "insufficient")
