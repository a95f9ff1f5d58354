"""How far the present step of a rollout's plan is: its hours, and its answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring.monitor.fold import hour_of
from monitoring.monitor.series import Window, total
from registry.written import whole
from serving.models import Prediction, Rollout

ROWS_COUNTED = 1000  # one by one, where the plan asks for fewer answers


@dataclass(frozen=True, kw_only=True)
class Progress:
    asked: Mapping[str, Any]  # {"percent", "hours", "min_n"}
    lasted: timedelta
    answers: int

    @property
    def is_over(self) -> bool:
        enough = self.answers >= self.asked.get("min_n", 0)
        return enough and self.lasted >= timedelta(hours=self.asked.get("hours", 0))

    @property
    def text(self) -> str:
        hours = self.lasted.total_seconds() / 3600
        answers = whole(self.answers)
        return f"{hours:.3g} h and {answers} answers at {self.asked['percent']:g} %"


def progress(
    rollout: Rollout, *, now: datetime, counts_all: bool = False
) -> Progress | None:
    """None where no plan is on its way. Counts no more answers than decide anything,
    unless it is for the record."""
    if not rollout.plan or rollout.step_since is None or rollout.candidate is None:
        return None
    asked = rollout.plan[min(rollout.step, len(rollout.plan) - 1)]
    most = None if counts_all else max(asked.get("min_n", 0), ROWS_COUNTED)
    return Progress(
        asked=asked,
        lasted=now - rollout.step_since,
        answers=_answers(rollout, since=rollout.step_since, now=now, most=most),
    )


def _answers(
    rollout: Rollout, *, since: datetime, now: datetime, most: int | None
) -> int:
    """Answers of the candidate since its step began: of the hour in which it did, the
    rows after it, no more of them than decide anything, because every minute and every
    view of a page counts them anew; of all hours after that one, the buckets."""
    candidate = rollout.candidate
    assert candidate is not None
    candidate.project = rollout.project
    whole = hour_of(since) + timedelta(hours=1)
    window = Window(start=whole, end=now + timedelta(hours=1), roles=("canary",))
    first = Prediction.objects.filter(
        version=candidate,
        role="canary",
        test=False,
        error="",
        at__gte=since,
        at__lt=whole,
    )
    return first[:most].count() + total(candidate, window, now=now).answers
