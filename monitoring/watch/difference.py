"""Component 4, the monitor page: how the candidate's lead grew, with bounds that hold at
every look together."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from monitoring.evaluator.moments import Moments
from monitoring.evaluator.sentences import number
from monitoring.judging.comparison import judged_on, row_moments
from monitoring.judging.statistics import (
    Difference,
    Interval,
    confidence_sequence,
    difference,
)
from monitoring.watch.asked import Asked, floor
from monitoring.watch.over_time import marks
from monitoring.watch.rollups import Piece, grouped, outcomes_of, pieces
from registry.catalogue import METRICS
from registry.web.charts import Chart
from registry.web.figures import Series, colour, line
from serving.models import Rollout

BY_HOUR = timedelta(days=7)  # of a rollout, before days are fine enough
NO_CANDIDATE = "No candidate is on its way. An admin starts one under Rollout."
NO_TRUTH = "Holding: no truth of the candidate's answers is complete yet."


def difference_chart(asked: Asked) -> Chart:
    """Candidate − live since the rollout began, positive is better."""
    rollout = asked.rollout
    if rollout.candidate is None or rollout.started_at is None:
        return line(title="Candidate against live.", series=[], empty=NO_CANDIDATE)
    metric = METRICS[judged_on(asked.project)]
    asked = _since(asked, rollout.started_at)
    versions = [rollout.live_id, rollout.candidate.pk]
    found = pieces(asked, "outcomes", versions=versions)
    looks = _looks(asked, rollout, found, metric=metric.key)
    unit = (
        (asked.project.costs or {}).get("currency", "")
        if metric.unit == "money"
        else ""
    )
    number_of = rollout.candidate.number
    chart = line(
        title=_title(looks, number_of, unit=unit),
        series=[
            Series(
                name=f"Gain of version {number_of}",
                role="candidate",
                x=[at for at, _, _ in looks],
                y=[span.value for _, span, _ in looks],
                low=[span.low for _, span, _ in looks],
                high=[span.high for _, span, _ in looks],
                n=[n for _, _, n in looks],
            )
        ]
        if looks
        else [],
        x="Until (UTC)",
        y=f"{metric.label.lower()}, better is up",
        unit=unit,
        marks=marks(asked, words=False),
        span=(asked.start, asked.end),
        empty=NO_TRUTH,
    )
    margin = float((asked.project.gate or {}).get("margin", 0.0))
    chart.figure["layout"]["shapes"] += [_level(0.0, "no difference")]
    if margin > 0:
        chart.figure["layout"]["shapes"] += [_level(-margin, "allowed loss")]
    return chart


def _since(asked: Asked, started: datetime) -> Asked:
    by = "hour" if asked.now - started <= BY_HOUR else "day"
    end = floor(asked.now, by=by) + timedelta(days=1)
    return replace(asked, start=floor(started, by=by), end=end, by=by)


def _looks(
    asked: Asked, rollout: Rollout, found: list[Piece], *, metric: str
) -> list[tuple[datetime, Interval, int]]:
    """What a look at the end of every bucket would have seen of all before it."""
    role = "shadow" if rollout.mode == Rollout.Mode.SHADOW else "canary"
    arms = {(rollout.live_id, "live"): "live", (rollout.candidate_id, role): "ours"}
    sums = {"live": Moments(), "ours": Moments()}
    looks: list[tuple[datetime, Interval, int]] = []
    for at, group in grouped(found, lambda p: p.at).items():
        for piece in group:
            if arm := arms.get((piece.version, piece.role)):
                more = row_moments(outcomes_of([piece]), metric)
                sums[arm] = sums[arm].merge(more)
        gap = difference(sums["ours"], sums["live"])
        if gap is None or not gap.standard_error:
            continue
        if not METRICS[metric].larger_is_better:
            gap = Difference(-gap.value, gap.standard_error, gap.n)
        width = timedelta(hours=1) if asked.by == "hour" else timedelta(days=1)
        looks.append((at + width, confidence_sequence(gap), gap.n))
    return looks


def _title(
    looks: list[tuple[datetime, Interval, int]], candidate: int, *, unit: str
) -> str:
    if not looks:
        return f"Version {candidate} against live."
    _, span, n = looks[-1]
    money = f" {unit}" if unit else ""
    reach = f"{number(span.low)} to {number(span.high)}{money} a prediction, {number(n)} truths"
    if span.low > 0:
        return f"Version {candidate} is better than live ({reach})."
    if span.high < 0:
        return f"Version {candidate} is worse than live ({reach})."
    return f"Version {candidate} may be better or worse than live ({reach})."


def _level(at: float, text: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": at,
        "y1": at,
        "line": {"color": colour("unknown"), "width": 1, "dash": "dot"},
        "label": {
            "text": text,
            "textposition": "start",
            "yanchor": "bottom",
            "font": {"size": 11, "color": "var(--chart-quiet)"},
        },
    }
