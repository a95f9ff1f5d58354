"""Component 4, the monitor page: what comes in, against what the version was made with."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from monitoring.monitor.distances import unbiased_psi
from monitoring.monitor.drift import MINIMUM_N, PREDICTION, coarse, drift
from monitoring.monitor.features import FeatureCounts
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.references import reference_of
from monitoring.monitor.rollups import inputs_of
from monitoring.watch.asked import Asked, length
from monitoring.watch.rollups import grouped, pieces, steps
from registry.web.charts import Chart
from registry.web.figures import Series, heatmap, histogram
from registry.written import number

SMALLEST = 50  # rows of a bucket before its distance says anything
MOST_FEATURES = 25
MOST_BARS = 12
CELLS = 24  # of equal width, for numbers
NO_ROWS = "No predictions in this period. Choose a longer one above."
NO_REFERENCE = "This version has no reference data to compare with."


def drift_chart(asked: Asked) -> Chart:
    """Feature × bucket: how far the distribution is from the reference's."""
    profile = reference_of(asked.first.version)
    by_step = _by_step(asked)
    since, newest = _newest(by_step)
    ranked = drift(profile, newest)[:MOST_FEATURES] if by_step else []
    names = [one["feature"] for one in ranked]
    moments = list(steps(asked)) if by_step else []
    chart = heatmap(
        title=_drift_title(ranked, since=since),
        x=moments,
        y=[named(name) for name in names],
        z=[
            [_distance(profile, name, by_step.get(at)) for at in moments]
            for name in names
        ],
        names=("From (UTC)", "Feature", "PSI"),
        top=0.5,
        links=[
            [f"{asked.here(feature=name)}#feature-place"] * len(moments)
            for name in names
        ],
        empty=NO_ROWS if profile["features"] else NO_REFERENCE,
    )
    layout = chart.figure["layout"]
    layout |= {"dragmode": "zoom"}
    layout["xaxis"] |= {"fixedrange": False, "range": [asked.start, asked.end]}
    layout["yaxis"] |= {"dtick": 1}  # the name of every row
    # A cell is drawn around its x, which is the start of its bucket.
    chart.figure["data"][0]["x"] = [at + length(asked.by) / 2 for at in moments]
    return chart


def _by_step(asked: Asked) -> dict[datetime, Inputs]:
    found = pieces(asked, "inputs", versions=[asked.first.version.pk])
    groups = grouped(found, lambda piece: asked.step_of(piece.at))
    return {at: inputs_of(group) for at, group in groups.items()}


def _newest(by_step: Mapping[datetime, Inputs]) -> tuple[datetime | None, Inputs]:
    """The last buckets, as many as hold enough rows to see drift: an old change that is
    over is no news, and a new one must not drown."""
    since, found = None, Inputs()
    for at in sorted(by_step, reverse=True):
        since, found = at, found.merge(by_step[at])
        if found.n >= MINIMUM_N:
            break
    return since, found


def _drift_title(ranked: Sequence[Mapping[str, Any]], *, since: datetime | None) -> str:
    if not ranked:
        return "Has what comes in changed?"
    drifted = [one for one in ranked if one["state"] in {"warn", "alert"}]
    if not drifted:
        if all(one["state"] == "insufficient" for one in ranked):
            return "Too few rows to say whether what comes in has changed."
        return f"None of {len(ranked)} inputs has changed noticeably of late."
    top = drifted[0]
    verb = "has" if len(drifted) == 1 else "have"
    size = f" (PSI {number(top['psi'])})" if top["psi"] is not None else ""
    start = f" since {since:%-d %B}" if since else ""
    return (
        f"{len(drifted)} of {len(ranked)} inputs {verb} changed{start}, "
        f"{named(top['feature'])} most{size}."
    )


def _distance(
    profile: Mapping[str, Any], name: str, now: Inputs | None
) -> float | None:
    part = part_of(profile, name)
    counts = counts_of(now, name) if now else None
    if (
        part is None
        or counts is None
        or counts.present < SMALLEST
        or len(counts.bins) < 2
    ):
        return None
    before = FeatureCounts.from_json(part["counts"])
    return unbiased_psi(coarse(part, counts.bins), coarse(part, before.bins))


def named(feature: str) -> str:
    return "what is predicted" if feature == PREDICTION else feature


def _first(words: str) -> str:
    """At the start of a sentence; names of columns stay as they are."""
    return words.capitalize() if " " in words else words


def part_of(profile: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = (
        profile["prediction"] if name == PREDICTION else profile["features"].get(name)
    )
    return found or None


def counts_of(inputs: Inputs, name: str) -> FeatureCounts | None:
    return inputs.prediction if name == PREDICTION else inputs.features.get(name)


def reference_chart(asked: Asked) -> Chart:
    """One feature: its distribution now, over that of the reference."""
    profile = reference_of(asked.first.version)
    by_step = _by_step(asked)
    since, newest = _newest(by_step)
    ranked = drift(profile, newest) if by_step else []
    told = next((one for one in ranked if one["feature"] == asked.feature), None)
    told = told or (ranked[0] if ranked else None)
    name = told["feature"] if told else asked.feature
    part, now = part_of(profile, name), counts_of(newest, name)
    if told is None or part is None or now is None:
        words = NO_ROWS if profile["features"] else NO_REFERENCE
        return histogram(title="Reference against now.", series=[], empty=words)
    before = FeatureCounts.from_json(part["counts"])
    cells, shares = _cells(part, before, now)
    chart = histogram(
        title=f"{_first(named(name))} since {since:%-d %B}: {told['sentence']}",
        series=[
            Series(name="Reference", role="baseline", x=cells, y=shares[0]),
            Series(name="Now", role=asked.first.role, x=cells, y=shares[1]),
        ],
        x=named(name),
        y="share of rows",
        empty=NO_ROWS,
    )
    chart.figure["layout"]["yaxis"] |= {"tickformat": ".0%"}
    return chart


def _cells(
    part: Mapping[str, Any], before: FeatureCounts, now: FeatureCounts
) -> tuple[list[Any], list[list[float | None]]]:
    """Places of bars, and the reference's and today's shares of all rows in them."""
    if part.get("edges"):
        names, found = _numbers(part, before, now)
    else:
        names, found = _categories(part, before, now)
    return names, [
        [value / max(counts.n, 1) for value in column]
        for counts, column in zip((before, now), found, strict=True)
    ]


def _numbers(
    part: Mapping[str, Any], before: FeatureCounts, now: FeatureCounts
) -> tuple[list[Any], list[list[float]]]:
    """Quantile bins poured into cells of equal width: a distribution one can see."""
    low, high = part["range"]
    edges = np.array([low, *part["edges"], high], dtype=float)
    wide = np.linspace(low, high, CELLS + 1)
    found = []
    for counts in (before, now):
        reached = np.r_[0, np.cumsum(counts.bins)]
        found.append(np.diff(np.interp(wide, edges, reached)).tolist())
    middles = (wide[1:] + wide[:-1]) / 2
    return [float(f"{middle:.4g}") for middle in middles], found


def _categories(
    part: Mapping[str, Any], before: FeatureCounts, now: FeatureCounts
) -> tuple[list[Any], list[list[float]]]:
    """The largest on either side, the rest together, and what was never seen before."""
    order = np.argsort(-(before.bins / max(before.n, 1) + now.bins / max(now.n, 1)))
    categories = part.get("categories") or ["there"]
    kept, rest = order[:MOST_BARS], order[MOST_BARS:]
    names = [str(categories[i]) for i in kept]
    found = [[float(counts.bins[i]) for i in kept] for counts in (before, now)]
    if len(rest):
        names.append(f"{len(rest)} others")
        for counts, column in zip((before, now), found, strict=True):
            column.append(float(counts.bins[rest].sum()))
    for name, field in (("never seen before", "unseen"), ("missing", "missing")):
        values = [float(getattr(counts, field)) for counts in (before, now)]
        if any(values):
            names.append(name)
            for value, column in zip(values, found, strict=True):
                column.append(value)
    return names, found


def feature_names(asked: Asked) -> list[tuple[str, str]]:
    """What can be chosen on the page, and how it is called there."""
    profile = reference_of(asked.first.version)
    names = list(profile["features"])
    names += [PREDICTION] if profile["prediction"] else []
    return [(name, named(name)) for name in names]
