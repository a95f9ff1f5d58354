"""Component 4, the monitor page: what acting from another score on would have cost."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from monitoring.monitor.histograms import LOGIT_LIMIT, SCORE_BINS, WIDTH
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.rollups import outcomes_of
from monitoring.watch.asked import Asked
from monitoring.watch.rollups import pieces
from monitoring.watch.scores import NO_TRUTH
from registry.decision import actions_of
from registry.models import Project
from registry.web.charts import Chart
from registry.web.figures import Series, line
from registry.written import number

DRAWN = 120  # quantiles of the scores, between which nothing much happens
# From the left edge of bin i on; 0 and 1000 act always and never.
EDGES = 1 / (1 + np.exp(LOGIT_LIMIT - WIDTH * np.arange(SCORE_BINS + 1)))


def threshold_chart(asked: Asked) -> Chart:
    """Binary alone: money where the project has costs, else precision and recall."""
    merged = outcomes_of(pieces(asked, "outcomes", versions=[asked.first.version.pk]))
    if "positive" not in merged.counts:
        return line(title="Where to draw the line.", series=[], empty=_why_not(asked))
    found = curves(merged, pair=_pair(asked, merged))
    used = _places(merged)
    if "cost" in found:
        return _by_cost(asked, merged, found, used)
    series = [
        Series(
            name=name.capitalize(),
            role=role,
            x=EDGES[used].tolist(),
            y=found[name][used].tolist(),
        )
        for name, role in (("precision", "1"), ("recall", "2"))
    ]
    return _finished(
        asked,
        line(
            title="A higher threshold is more often right, and finds fewer.",
            series=series,
            x="Threshold",
            empty=NO_TRUTH,
        ),
        found,
        used,
        start=int(np.searchsorted(EDGES, _now(asked) or 0.5)),
    )


def curves(merged: Outcomes, *, pair: tuple[str, str] | None) -> dict[str, np.ndarray]:
    """(1001,) each, by threshold: flagged, precision, recall, and cost a row where the
    costs of both actions are folded."""
    positive = _from_on(merged.counts["positive"])
    flagged = positive + _from_on(merged.counts["negative"])
    with np.errstate(all="ignore"):
        found = {
            "flagged": flagged / merged.n,
            "precision": positive / flagged,
            "recall": positive / positive[0],
        }
        if pair is not None:
            below, above = (merged.counts[f"cost:{action}"] for action in pair)
            acted, left = _from_on(above), below.sum() - _from_on(below)
            found["cost"] = (acted + left) / merged.counts["priced"].sum()
    return found


def _from_on(counts: np.ndarray) -> np.ndarray:
    """What lies in bin i and above, i from 0 to 1000."""
    return np.r_[np.cumsum(counts[::-1])[::-1], 0]


def _pair(asked: Asked, merged: Outcomes) -> tuple[str, str] | None:
    """The actions below and from the threshold on; None where two are not priced."""
    priced = merged.counts.get("priced")
    names = sorted(
        k.removeprefix("cost:") for k in merged.counts if k.startswith("cost:")
    )
    if priced is None or not priced.sum() or len(names) != 2:
        return None
    version, project = asked.first.version, asked.project
    if version.decision.get("actions"):
        told = actions_of(
            version.decision,
            classes=version.classes or project.classes,
            positive=project.positive_class,
        )
        if set(told) == set(names):
            return told
    matrix = (version.costs or project.costs)["matrix"]
    # What a positive makes dearest, against the other class, is left undone there.
    above, below = sorted(names, key=lambda name: _dearer(matrix[name], project))
    return below, above


def _dearer(cells: Mapping[str, Any], project: Project) -> float:
    """By how much a positive costs more; a cell that multiplies a field by its factor."""
    positive = project.positive_class
    sizes = {
        true: float(cell.get("times", 1) if isinstance(cell, Mapping) else cell)
        for true, cell in cells.items()
    }
    others = [size for true, size in sizes.items() if true != positive]
    return sizes.get(positive, 0.0) - min(others, default=0.0)


def _places(merged: Outcomes) -> np.ndarray:
    """Bins to draw: where scores are, evenly over their quantiles."""
    rows = merged.counts["positive"] + merged.counts["negative"]
    reached = np.cumsum(rows) / max(rows.sum(), 1)
    places = np.searchsorted(reached, np.linspace(0, 1, DRAWN))
    return np.unique(np.clip(np.r_[0, places, places + 1], 0, SCORE_BINS))


def _by_cost(
    asked: Asked, merged: Outcomes, found: dict[str, np.ndarray], used: np.ndarray
) -> Chart:
    currency = (asked.project.costs or {}).get("currency", "")
    best = int(np.argmin(found["cost"]))
    cost = merged.moments.get("cost")
    now = cost.mean if cost else None
    title = (
        f"One threshold for all would cost least at {EDGES[best]:.2f}: "
        f"{number(found['cost'][best])} {currency} a prediction"
    )
    if now is not None:
        title += f"; what was done cost {number(now)}"
    chart = line(
        title=f"{title}.",
        series=[
            Series(
                name=f"Cost, {currency} a prediction",
                role=asked.first.role,
                x=EDGES[used].tolist(),
                y=found["cost"][used].tolist(),
            )
        ],
        x="Threshold",
        unit=f"{currency} a prediction".strip(),
        empty=NO_TRUTH,
    )
    held = _now(asked)
    start = best if held is None else int(np.searchsorted(EDGES, held))
    return _finished(asked, chart, found, used, start=start, now=now)


def _finished(
    asked: Asked,
    chart: Chart,
    found: dict[str, np.ndarray],
    used: np.ndarray,
    *,
    start: int,
    now: float | None = None,
) -> Chart:
    """The line that the slider moves, and the numbers it reads."""
    layout = chart.figure["layout"]
    layout["dragmode"] = False
    layout["xaxis"] |= {"fixedrange": True, "title": {"text": "act from a score of"}}
    place = int(np.abs(used - start).argmin())
    layout["shapes"] = [_needle(float(EDGES[used[place]]))]
    extra: dict[str, Any] = {
        "start": place,
        "edges": EDGES[used].tolist(),
        "currency": (asked.project.costs or {}).get("currency", ""),
        "now": now,
        **{name: values[used].tolist() for name, values in found.items()},
    }
    return replace(chart, extra=extra)


def _needle(at: float) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": "var(--chart-ink)", "width": 2},
    }


def _now(asked: Asked) -> float | None:
    """The threshold that decides today; None where costs decide row by row."""
    decision = asked.first.version.decision or {}
    if decision.get("kind") == "cost":
        return None
    return float(decision.get("threshold", 0.5))


def _why_not(asked: Asked) -> str:
    if asked.project.task != "binary":
        return "A threshold divides two classes; this project has others."
    return NO_TRUTH
