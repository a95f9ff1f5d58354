"""How the evidence grew: the candidate's gain after every hour, or day, of a rollout.

Each point is what `compare_rollout` would have said then: everything since the start,
hour against hour, with an interval that holds at all looks together. Not so within a day
of thin hours, which are one: all of them are told at the last, though by then it had
said something of those before. And of what is older than hours are kept nothing is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from monitoring.judging.comparison import began, gain, hours_of_both, judged_on
from monitoring.judging.side_by_side import MEANS, Pair, moments
from monitoring.judging.statistics import confidence_sequence
from monitoring.judging.strata import Strata
from monitoring.monitor.rollups import WIDTHS
from serving.models import Rollout

HOURS_SHOWN = timedelta(days=4)  # a longer rollout is drawn by the day


def history(rollout: Rollout, *, now: datetime) -> list[dict[str, Any]]:
    """`[{"at", "value", "low", "high", "n"}]`, the oldest first; nothing without a
    candidate. Days are how a long one is drawn, whatever is compared."""
    by = "hour" if now - began(rollout, now=now) <= HOURS_SHOWN else "day"
    key, points, strata = MEANS[judged_on(rollout.project)], [], Strata()

    def bucket(pair: Pair) -> datetime:
        return pair[0] if by == "hour" else pair[0].replace(hour=0)

    for at, group in groupby(hours_of_both(rollout, now=now), bucket):
        known = strata.known
        for _, ours, theirs in group:
            strata.add(moments(ours, key), moments(theirs, key))
        gap = gain(strata) if strata.known > known else None
        if gap is not None:
            found = confidence_sequence(gap)
            points.append(
                {"at": min(at + WIDTHS[by], now), "n": gap.n}
                | {"value": found.value, "low": found.low, "high": found.high}
            )
    return points
