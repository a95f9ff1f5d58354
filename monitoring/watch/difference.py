"""Component 4, the monitor page: how the candidate's lead grew, beside what happened."""

from dataclasses import replace
from datetime import timedelta

from monitoring.judging.gain_chart import gain_chart
from monitoring.watch.asked import Asked, floor
from monitoring.watch.over_time import marks
from registry.web.charts import Chart


def difference_chart(asked: Asked) -> Chart:
    """Since the rollout began, whatever period is asked for."""
    rollout = asked.rollout
    if rollout.candidate is None or rollout.started_at is None:
        return gain_chart(None, now=asked.now)
    start = floor(rollout.started_at, by="day")
    end = floor(asked.now, by="day") + timedelta(days=1)
    told = marks(replace(asked, start=start, end=end), words=False)
    return gain_chart(rollout, now=asked.now, marks=told, span=(start, end))
