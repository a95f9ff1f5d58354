"""Drawings of how a version scores: cost, ROC, gain, calibration, scores by truth."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.verdicts.terms import Terms
from monitoring.versions.told import (
    PERCENT,
    TITLES,
    Told,
    errors_of,
    metric_of,
    over_numbers,
)
from registry.web.charts import Chart
from registry.web.figures import Series, histogram, line, scatter
from registry.written import number


def points(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((report.get("thresholds") or {}).get("points") or [])


def costly(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [point for point in points(report) if point.get("cost") is not None]


def _lines(told: Sequence[Told], x: str, y: str, *, times: float = 1.0) -> list[Series]:
    found = []
    for one in told:
        known = [
            point
            for point in points(one.report)
            if point[x] is not None and point[y] is not None
        ]
        found.append(
            Series(
                name=one.name,
                role=one.role,
                x=[times * point[x] for point in known],
                y=[times * point[y] for point in known],
            )
        )
    return found


def roc(told: Sequence[Told], terms: Terms) -> Chart:
    area = metric_of(told[0], "roc_auc")
    title = TITLES["roc"]
    if area is not None and len(told) == 1:
        title = f"In {number(PERCENT * area)} % of pairs the one who is gets the higher score"
    series = _lines(told, "false_positive_rate", "recall", times=PERCENT)
    return _curve(title, series, "Wrongly taken for one, %", "Found, %")


def gain(told: Sequence[Told], terms: Terms) -> Chart:
    title = TITLES["gain"]
    fifth = _at_share(told[0].report, 0.2)
    if fifth is not None and len(told) == 1:
        title = f"The fifth with the highest scores holds {number(PERCENT * fifth)} % of those to find"
    series = _lines(told, "share_positive", "recall", times=PERCENT)
    return _curve(title, series, "Asked, highest scores first, %", "Found, %")


def _at_share(report: Mapping[str, Any], share: float) -> float | None:
    """The recall where so many are asked; of those with one score, any may be first, so
    between two thresholds it lies on the line that is drawn."""
    x, y = 0.0, 0.0
    for point in points(report):
        here, found = point["share_positive"], float(point["recall"])
        if here >= share:
            part = (share - x) / (here - x) if here > x else 1.0
            return y + part * (found - y)
        x, y = here, found
    return None


def _curve(title: str, series: list[Series], x: str, y: str) -> Chart:
    found = over_numbers(line(title=title, series=series, x=x, y=y), x=x)
    layout: dict[str, Any] = found.figure["layout"]
    layout["xaxis"] |= {"range": [0, PERCENT]}
    layout["yaxis"] |= {"range": [0, PERCENT * 1.02]}
    return found


def cost(told: Sequence[Told], terms: Terms) -> Chart:
    """Over every threshold; the cheapest, and doing nothing, are in the title."""
    known = costly(told[0].report)
    best = min(known, key=lambda p: p["cost"])
    idle = next((p["cost"] for p in known if p["threshold"] is None), None)
    unit = terms.money
    title = f"Cheapest where scores from {number(best['threshold'] or 1)} on count"
    title = f"{title}: {number(best['cost'])} {unit} a {terms.noun}"
    if idle is not None and len(told) == 1:
        title = f"{title}; doing nothing costs {number(idle)}"
    series = _lines(told, "threshold", "cost")
    x = "Threshold of the score"
    return over_numbers(line(title=title, series=series, x=x, y=f"Cost, {unit}"), x=x)


def calibration(told: Sequence[Told], terms: Terms) -> Chart:
    gap = metric_of(told[0], "ece")
    title = TITLES["calibration"]
    if gap is not None and len(told) == 1:
        title = (
            f"Its probabilities are off by {number(PERCENT * gap)} points on average"
        )
    series = [
        Series(
            name=one.name,
            role=one.role,
            x=[PERCENT * each["predicted"] for each in one.report["calibration"]],
            y=[_percent(each["observed"]) for each in one.report["calibration"]],
            low=[_percent(each["low"]) for each in one.report["calibration"]],
            high=[_percent(each["high"]) for each in one.report["calibration"]],
            n=[each["n"] for each in one.report["calibration"]],
        )
        for one in told
    ]
    return scatter(
        title=title, series=series, x="Promised, %", y="Happened, %", diagonal=True
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else PERCENT * share


def scores(told: Sequence[Told], terms: Terms) -> Chart:
    found = errors_of(told[0].report)["scores"]
    middles = [
        (low + high) / 2
        for low, high in zip(found["edges"], found["edges"][1:], strict=False)
    ]
    series = [
        Series(name="Was one", role="candidate", x=middles, y=found["positive"]),
        Series(name="Was none", role="baseline", x=middles, y=found["negative"]),
    ]
    return histogram(
        title=TITLES["scores"],
        series=series,
        x="Score",
        y="Rows",
    )
