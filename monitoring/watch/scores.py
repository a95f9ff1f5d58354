"""Component 4, the monitor page: scores against truth, errors, and what another
threshold would cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from monitoring.monitor.histograms import CENTRES, ERROR_SIZE, ScoresByTruth
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.rollups import Piece, outcomes_of
from monitoring.watch.asked import Asked
from monitoring.watch.over_time import line
from monitoring.watch.rollups import grouped, pieces, steps
from registry.intervals import wilson
from registry.templatetags.words import percent
from registry.web.charts import Chart
from registry.web.figures import Series, colour, forest, heatmap, histogram, scatter
from registry.written import number

GROUPS = 10
SHOWN_BINS = 20
MOST_CLASSES = 30
NO_TRUTH = (
    "No truth of this period is complete yet, so nothing can be compared with it."
)


def reliability_chart(asked: Asked) -> Chart:
    """Whether a score means what it says; by class, or over time, where there is none."""
    found = pieces(asked, "outcomes", versions=[asked.first.version.pk])
    merged = outcomes_of(found)
    if asked.project.task == "regression":
        return _bias(asked, found)
    if "positive" not in merged.counts:
        return _by_class(asked, merged)
    scores = ScoresByTruth(merged.counts["positive"], merged.counts["negative"])
    groups = scores.equal_mass(GROUPS)
    spans = [wilson(hits, n) or (0.0, 1.0) for n, hits, _ in groups]
    chart = scatter(
        title=_reliability_title(groups),
        series=[
            Series(
                name="Share observed",
                role=asked.first.role,
                x=[total / n for n, _, total in groups],
                y=[hits / n for n, hits, _ in groups],
                low=[span[0] for span in spans],
                high=[span[1] for span in spans],
                n=[n for n, _, _ in groups],
            )
        ],
        x="Mean score",
        y=f"share that is {asked.project.positive_class}",
        diagonal=True,
        empty=NO_TRUTH,
    )
    chart.figure["data"].append(_score_bars(asked, scores))
    layout = chart.figure["layout"]
    layout["xaxis"] |= {"range": [-0.02, 1.02]}
    layout["yaxis2"] = layout["yaxis"] | {
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "rangemode": "tozero",
        "tickmode": "auto",
        "nticks": 5,
        "title": {"text": "predictions", "font": {"size": 12}},
    }
    layout["yaxis"] |= {"range": [-0.02, 1.02]}
    return chart


def _reliability_title(groups: Sequence[tuple[int, int, float]]) -> str:
    n = sum(size for size, _, _ in groups)
    if not n:
        return "Do scores mean what they say?"
    hits, total = sum(g[1] for g in groups), sum(g[2] for g in groups)
    apart = (total - hits) / n
    if abs(apart) < 0.02:
        return (
            f"Scores mean what they say: {percent(hits / n)} of {number(n)} came true."
        )
    word = "high" if apart > 0 else "low"
    return (
        f"Scores are {abs(apart) * 100:.0f} points too {word}: they promised "
        f"{percent(total / n)}, {percent(hits / n)} of {number(n)} came true."
    )


def _score_bars(asked: Asked, scores: ScoresByTruth) -> dict[str, Any]:
    places = np.minimum((CENTRES * SHOWN_BINS).astype(int), SHOWN_BINS - 1)
    rows = np.bincount(places, scores.positive + scores.negative, SHOWN_BINS)
    return {
        "type": "bar",
        "x": [(place + 0.5) / SHOWN_BINS for place in range(SHOWN_BINS)],
        "y": rows.astype(int).tolist(),
        "width": [0.9 / SHOWN_BINS] * SHOWN_BINS,
        "yaxis": "y2",
        "marker": {"color": colour(asked.first.role, faint=True)},
        "hovertemplate": "%{y} predictions<extra></extra>",
    }


def _by_class(asked: Asked, merged: Outcomes) -> Chart:
    """Where no scores are folded: how many of every class are found."""
    rows = [
        (name, row.get(name, 0), sum(row.values()))
        for name, row in sorted(merged.confusion.items(), key=lambda p: str(p[0]))
    ][:MOST_CLASSES]
    spans = [wilson(hits, n) or (0.0, 1.0) for _, hits, n in rows]
    worst = min(rows, key=lambda row: row[1] / row[2], default=None)
    title = "How many of every class are found?"
    if worst:
        title = f"{worst[0]} is found least: {worst[1]} of {worst[2]}."
    return forest(
        title=title,
        series=Series(
            name="Share found",
            role=asked.first.role,
            x=[name for name, _, _ in rows],
            y=[hits / n for _, hits, n in rows],
            low=[span[0] for span in spans],
            high=[span[1] for span in spans],
            n=[n for _, _, n in rows],
        ),
        x="share found",
        y="Class",
        empty=NO_TRUTH,
    )


def _bias(asked: Asked, found: Sequence[Piece]) -> Chart:
    """Regression: the mean error over time, which should be 0."""
    groups = grouped(found, lambda p: asked.step_of(p.at))
    moments = list(steps(asked))
    means = [outcomes_of(groups.get(at, [])).moments.get("error") for at in moments]
    spans = [m.interval() if m else None for m in means]
    whole = outcomes_of(found).moments.get("error")
    title = "Does the model lean to one side?"
    if whole and whole.n:
        side = "too high" if whole.mean > 0 else "too low"
        size = f"{number(abs(whole.mean))} {asked.project.unit}".strip()
        title = f"Predictions are {size} {side} on average ({number(whole.n)} truths)."
    return line(
        title=title,
        series=[
            Series(
                name="Mean error",
                role=asked.first.role,
                x=moments,
                y=[m.mean if m else None for m in means],
                low=[span[0] if span else None for span in spans],
                high=[span[1] if span else None for span in spans],
                n=[m.n if m else 0 for m in means],
            )
        ]
        if any(means)
        else [],
        x="From (UTC)",
        unit=asked.project.unit,
        empty=NO_TRUTH,
    )


def mistakes_chart(asked: Asked) -> Chart:
    """What was answered against what was true; for numbers, how large errors are."""
    merged = outcomes_of(pieces(asked, "outcomes", versions=[asked.first.version.pk]))
    if asked.project.task == "regression":
        return _error_sizes(asked, merged)
    names = sorted(
        {*merged.confusion, *(a for row in merged.confusion.values() for a in row)},
        key=str,
    )[:MOST_CLASSES]
    counts = [[merged.confusion.get(t, {}).get(a, 0) for a in names] for t in names]
    right = sum(merged.confusion.get(name, {}).get(name, 0) for name in names)
    title = "Right and wrong answers."
    if merged.n:
        title = f"{number(right)} of {number(merged.n)} answers were right ({percent(right / merged.n)})."
    chart = heatmap(
        title=title,
        x=[f"said {name}" for name in names],
        y=[f"was {name}" for name in names],
        z=counts,
        names=("Answer", "Truth", "rows"),
        empty=NO_TRUTH,
    )
    if len(names) <= 6:
        chart.figure["data"][0] |= {
            "texttemplate": "%{z}",
            "textfont": {"size": 13, "color": "var(--chart-ink)"},
            "colorscale": [[0, "var(--chart-least)"], [1, "var(--chart-middle)"]],
            "showscale": False,
        }
    return chart


def _error_sizes(asked: Asked, merged: Outcomes) -> Chart:
    counts = merged.counts.get("error_size", np.zeros(ERROR_SIZE.bins, dtype=int))
    unit = asked.project.unit
    half, most = (ERROR_SIZE.quantile(counts, q) for q in (0.5, 0.95))
    title = "How large are errors?"
    edges: list[float] = []
    if half is not None and most is not None:
        title = (
            f"Half of the errors are below {number(half)} {unit}".rstrip()
            + f", 95 % below {number(most)}."
        )
        edges = np.linspace(0, most * 1.5, 31).tolist()
    above = [ERROR_SIZE.above(counts, edge) if edge else merged.n for edge in edges]
    bins = [a - b for a, b in zip(above, [*above[1:], 0], strict=True)]
    return histogram(
        title=title,
        series=[
            Series(
                name="Predictions",
                role=asked.first.role,
                x=[round(edge, 6) for edge in edges],
                y=[float(n) for n in bins],
            )
        ]
        if edges
        else [],
        x=f"Size of the error from, {unit}".rstrip(", "),
        y="predictions",
        empty=NO_TRUTH,
    )
