"""Component 4, Monitor: has what comes in changed since the version was made?"""

from datetime import datetime, timedelta
from typing import Any

from monitoring.monitor.drift import MINIMUM_N, drift
from monitoring.monitor.references import reference_of
from monitoring.monitor.series import Window, going_on_until, total, whole
from registry.models import ModelVersion

WINDOWS = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=28))


def drift_report(
    version: ModelVersion,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> dict[str, Any]:
    """Every feature against the frozen reference, in whole hours. Without a window, the
    last 24, widened up to 28 days until there are rows enough to say something."""
    end = end or going_on_until(now, by="hour")
    for width in WINDOWS if start is None else (end - start,):
        asked = Window(start=end - width, end=end)
        window = whole(asked, project=version.project, now=now)
        found = total(version, window, now=now)
        if found.answers >= MINIMUM_N:
            break
    features = drift(reference_of(version), found.inputs())
    return {
        "model": str(version),
        "from": window.start,
        "to": window.end,
        "n": found.answers,
        "state": _worst(features),
        "features": features,
    }


def _worst(features: list[dict[str, Any]]) -> str:
    states = {feature["state"] for feature in features}
    order = ("alert", "warn", "ok", "insufficient")
    return next((state for state in order if state in states), "insufficient")
