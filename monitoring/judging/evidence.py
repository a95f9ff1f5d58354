"""How the evidence grew: the candidate's gain after every hour, or day, of a rollout.

Each point is what `compare_rollout` would have said then: sums of everything since the
start, with an interval that holds at all looks together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from monitoring.judging.comparison import (
    DEFAULT_PERIOD,
    gain,
    judged_on,
)
from monitoring.judging.statistics import confidence_sequence
from monitoring.monitor.fold import hour_of
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.series import Window, ends, is_mature
from registry.models import ModelVersion
from serving.models import Rollout

HOURS_SHOWN = timedelta(days=4)  # a longer rollout is drawn by the day


def history(rollout: Rollout, *, now: datetime) -> list[dict[str, Any]]:
    """`[{"at", "value", "low", "high", "n"}]`, the oldest first; nothing without a
    candidate."""
    if rollout.candidate is None:
        return []
    start = hour_of(rollout.started_at or now - DEFAULT_PERIOD)
    by = "hour" if now - start <= HOURS_SHOWN else "day"
    role = "shadow" if rollout.mode == Rollout.Mode.SHADOW else "canary"
    live = dict(_by_time(rollout.live, start, now, by, "live"))
    ours = dict(_by_time(rollout.candidate, start, now, by, role))
    metric, points = judged_on(rollout.project), []
    sums = Outcomes(), Outcomes()
    for at in sorted(live.keys() | ours.keys()):
        sums = (
            sums[0].merge(live.get(at, Outcomes())),
            sums[1].merge(ours.get(at, Outcomes())),
        )
        gap = gain(*sums, metric=metric)
        if gap is not None:
            found = confidence_sequence(gap)
            points.append(
                {"at": at, "value": found.value, "low": found.low, "high": found.high}
                | {"n": gap.n}
            )
    return points


def _by_time(
    version: ModelVersion, start: datetime, now: datetime, by: str, role: str
) -> Iterator[tuple[datetime, Outcomes]]:
    """What is known of each hour or day, said at its end; immature ones are left out."""
    window = Window(start=start, end=now + timedelta(hours=1), by=by, roles=(role,))
    for bucket in window.buckets(version):
        if is_mature(version.project, bucket, now=now):
            yield min(ends(bucket), now), Outcomes.unpack(bytes(bucket.outcomes))
