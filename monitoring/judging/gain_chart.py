"""Component 3, Evaluator: how the candidate's lead grew, drawn. Its interval holds at every
look together; zero and the loss that is allowed are lines across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitoring.judging.comparison import margin_of, unit_of
from monitoring.judging.evidence import history
from registry.web.charts import Chart
from registry.web.figures import Mark, Series, across, line
from registry.written import number
from serving.models import Rollout

NO_CANDIDATE = "No candidate is on its way. An admin starts one under Rollout."
NO_TRUTH = "No verdict yet: no truth of both versions is complete yet."
LATE = 4  # a quarter in, intervals are no longer as wide as a house
AIR = 0.08  # of the height, above and below

Points = Sequence[Mapping[str, Any]]


def gain_chart(
    rollout: Rollout | None,
    *,
    now: datetime,
    marks: Sequence[Mark] = (),
    span: tuple[datetime, datetime] | None = None,
) -> Chart:
    """Candidate − live since the rollout began; more is better, whatever the metric."""
    if rollout is None or rollout.candidate is None:
        return line(title="Candidate against live.", series=[], empty=NO_CANDIDATE)
    project = rollout.project
    unit = unit_of(project)
    points = history(rollout, now=now)
    chart = line(
        title=_title(points, rollout.candidate.number, unit=unit),
        series=[_series(points)] if points else [],
        x="Until (UTC)",
        y="Gained a prediction",
        unit=unit,
        marks=marks,
        span=span,
        empty=NO_TRUTH,
    )
    _draw_rules(chart, points, margin=margin_of(project))
    return chart


def _series(points: Points) -> Series:
    return Series(
        name="gain",
        role="candidate",
        x=[point["at"] for point in points],
        y=[point["value"] for point in points],
        low=[point["low"] for point in points],
        high=[point["high"] for point in points],
        n=[point["n"] for point in points],
    )


def _title(points: Points, candidate: int, *, unit: str) -> str:
    if not points:
        return f"Version {candidate} against live."
    last = points[-1]
    reach = f"{number(last['low'])} to {number(last['high'])}"
    reach = f"{reach} {unit}".strip() + f" a prediction, {number(last['n'])} truths"
    if last["low"] > 0:
        return f"Version {candidate} is better than live ({reach})."
    if last["high"] < 0:
        return f"Version {candidate} is worse than live ({reach})."
    return f"Version {candidate} may be better or worse than live ({reach})."


def _draw_rules(chart: Chart, points: Points, *, margin: float) -> None:
    """The axis is made for the later intervals."""
    layout = chart.figure["layout"]
    layout["shapes"] += [across(0.0, role="unknown", text="as good as live")]
    if margin:
        layout["shapes"] += [
            across(-margin, role="unknown", text="allowed loss", side="end")
        ]
    late = points[len(points) // LATE :]
    low = min([0.0, -margin, *(point["low"] for point in late)])
    high = max([0.0, *(point["high"] for point in late)])
    air = AIR * (high - low)
    layout["yaxis"]["range"] = [low - air, high + air]
