"""The drawings of a version's report: of one version, or of two over each other.

Each is made of aggregates that the sealed evaluation let out, and none is drawn where
the report holds nothing for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.verdicts import Terms, said
from registry.catalogue import METRICS
from registry.web.charts import Chart
from registry.web.figures import Series, bars, forest, heatmap, histogram, line, scatter

MOST_SLICES, MOST_FEATURES = 20, 20
PERCENT = 100


@dataclass(frozen=True, kw_only=True)
class Told:
    """One version's report, and how it is called and coloured."""

    name: str
    role: str
    report: Mapping[str, Any]


def drawn(told: Sequence[Told]) -> list[str]:
    """The names of the curves these reports can be drawn as, in the report's order."""
    names = []
    for name, (part, _) in CURVES.items():
        pair = name in FOR_TWO or len(told) == 1
        if pair and all(part(one.report) for one in told):
            names.append(name)
    return names


def curve(name: str, told: Sequence[Told], *, terms: Terms) -> Chart:
    return CURVES[name][1](told, terms)


def _points(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((report.get("thresholds") or {}).get("points") or [])


def _costly(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [point for point in _points(report) if point.get("cost") is not None]


def _errors(report: Mapping[str, Any]) -> Mapping[str, Any]:
    return report.get("error_distribution") or {}


def _metric(one: Told, key: str) -> float | None:
    found = (one.report.get("metrics") or {}).get(key) or {}
    value = found.get("value")
    return None if value is None else float(value)


def _lines(told: Sequence[Told], x: str, y: str, *, times: float = 1.0) -> list[Series]:
    found = []
    for one in told:
        points = [p for p in _points(one.report) if p[x] is not None]
        points = [p for p in points if p[y] is not None]
        found.append(
            Series(
                name=one.name,
                role=one.role,
                x=[times * p[x] for p in points],
                y=[times * p[y] for p in points],
            )
        )
    return found


def roc(told: Sequence[Told], terms: Terms) -> Chart:
    area = _metric(told[0], "roc_auc")
    title = TITLES["roc"]
    if area is not None and len(told) == 1:
        title = (
            f"In {said(PERCENT * area)} % of pairs the one who is gets the higher score"
        )
    series = _lines(told, "false_positive_rate", "recall", times=PERCENT)
    return _curve(title, series, "Wrongly taken for one, %", "Found, %")


def gain(told: Sequence[Told], terms: Terms) -> Chart:
    title = TITLES["gain"]
    fifth = _at_share(told[0].report, 0.2)
    if fifth is not None and len(told) == 1:
        title = f"The fifth with the highest scores holds {said(PERCENT * fifth)} % of those to find"
    series = _lines(told, "share_positive", "recall", times=PERCENT)
    return _curve(title, series, "Asked, highest scores first, %", "Found, %")


def _at_share(report: Mapping[str, Any], share: float) -> float | None:
    points = [p for p in _points(report) if p["share_positive"] <= share]
    return float(points[-1]["recall"]) if points else None


def _curve(title: str, series: list[Series], x: str, y: str) -> Chart:
    found = _over_numbers(line(title=title, series=series, x=x, y=y), x=x)
    layout: dict[str, Any] = found.figure["layout"]
    layout["xaxis"] |= {"range": [0, PERCENT]}
    layout["yaxis"] |= {"range": [0, PERCENT * 1.02]}
    return found


def _over_numbers(found: Chart, *, x: str, mode: str = "lines") -> Chart:
    """A line over something else than time: its axis has a name, and no zoom."""
    layout: dict[str, Any] = found.figure["layout"]
    layout |= {"dragmode": False, "hovermode": "closest"}
    layout["xaxis"] |= {"fixedrange": True}
    layout["xaxis"]["title"] = layout["xaxis"]["title"] | {"text": x}
    for trace in found.figure["data"]:
        if trace["mode"] != "none":  # a band
            trace["mode"] = mode
    return found


def cost(told: Sequence[Told], terms: Terms) -> Chart:
    """Over every threshold; the cheapest, and doing nothing, are in the title."""
    points = _costly(told[0].report)
    best = min(points, key=lambda p: p["cost"])
    idle = next((p["cost"] for p in points if p["threshold"] is None), None)
    unit = terms.money
    title = f"Cheapest where scores from {said(best['threshold'] or 1)} on count"
    title = f"{title}: {said(best['cost'])} {unit} a {terms.noun}"
    if idle is not None and len(told) == 1:
        title = f"{title}; doing nothing costs {said(idle)}"
    series = _lines(told, "threshold", "cost")
    x = "Threshold of the score"
    return _over_numbers(line(title=title, series=series, x=x, y=f"Cost, {unit}"), x=x)


def calibration(told: Sequence[Told], terms: Terms) -> Chart:
    gap = _metric(told[0], "ece")
    title = TITLES["calibration"]
    if gap is not None and len(told) == 1:
        title = f"Its probabilities are off by {said(PERCENT * gap)} points on average"
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
    found = _errors(told[0].report)["scores"]
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


def confusion(told: Sequence[Told], terms: Terms) -> Chart:
    found = _errors(told[0].report)["confusion"]
    counts = found["counts"]
    total = sum(map(sum, counts))
    right = sum(row[i] for i, row in enumerate(counts))
    return heatmap(
        title=f"{said(right)} of {said(total)} rows are answered right",
        x=found["labels"],
        y=found["labels"],
        z=counts,
        names=("Answered", "Was", "rows"),
    )


def errors(told: Sequence[Told], terms: Terms) -> Chart:
    found = _errors(told[0].report)
    spread, unit = found["histogram"], terms.target_unit
    middles = [
        (low + high) / 2
        for low, high in zip(spread["edges"], spread["edges"][1:], strict=False)
    ]
    quantiles = found["quantiles"]
    low, high = quantiles.get("0.05"), quantiles.get("0.95")
    title = TITLES["errors"]
    if low is not None and high is not None:
        title = f"Nine of ten errors lie between {said(low)} and {said(high)} {unit}"
    return histogram(
        title=title.strip(),
        series=[Series(name="Rows", role="live", x=middles, y=spread["counts"])],
        x=f"Answer minus truth, {unit}" if unit else "Answer minus truth",
        y="Rows",
    )


def residuals(told: Sequence[Told], terms: Terms) -> Chart:
    unit = terms.target_unit
    groups = [_errors(one.report)["by_prediction"] for one in told]
    series = [
        Series(
            name=one.name,
            role=one.role,
            x=[(each["from"] + each["to"]) / 2 for each in group],
            y=[each["median"] for each in group],
            low=[each["low"] for each in group],
            high=[each["high"] for each in group],
            n=[each["n"] for each in group],
        )
        for one, group in zip(told, groups, strict=True)
    ]
    x = f"Answer, {unit}" if unit else "Answer"
    found = line(
        title=TITLES["residuals"],
        series=series,
        x=x,
        y=f"Error, {unit}" if unit else "Error",
        unit=unit,
    )
    return _over_numbers(found, x=x, mode="lines+markers")


def slices(told: Sequence[Told], terms: Terms) -> Chart:
    """The worst first, beside the whole."""
    found = told[0].report["slices"][:MOST_SLICES]
    key = found[0]["metric"]
    metric = METRICS[key]
    label = terms.goal if key == terms.metric.key else metric.label
    unit = {"money": terms.money, "target": terms.target_unit}.get(metric.unit, "")
    worst = found[0]
    return forest(
        title=(
            f"Worst where {worst['column']} is {worst['value']}: "
            f"{said(worst['value_of_metric'])} {unit}"
        ).strip(),
        series=Series(
            name=label,
            role="live",
            x=[f"{each['column']} = {each['value']}" for each in found],
            y=[each["value_of_metric"] for each in found],
            low=[each["low"] for each in found],
            high=[each["high"] for each in found],
            n=[each["n"] for each in found],
        ),
        x=label,
        y="Slice",
        unit=f"{label}, {unit}" if unit else label,
        reference=_metric(told[0], key),
    )


def importance(told: Sequence[Told], terms: Terms) -> Chart:
    found = told[0].report["importance"]
    kept = found["features"][:MOST_FEATURES]
    unit = found["unit"]
    return bars(
        title=f"{kept[0]['feature']} moves the answers most",
        series=[
            Series(
                name="Moves the answer by",
                role="live",
                x=[each["feature"] for each in kept],
                y=[each["mean"] for each in kept],
            )
        ],
        x="Feature",
        y=f"Moves the answer by, {unit}, on average",
        across=True,
        unit=unit,
    )


Part = Callable[[Mapping[str, Any]], Any]
Draw = Callable[[Sequence[Told], Terms], Chart]
CURVES: dict[str, tuple[Part, Draw]] = {
    "cost": (_costly, cost),
    "roc": (_points, roc),
    "gain": (_points, gain),
    "calibration": (lambda report: report.get("calibration"), calibration),
    "scores": (lambda report: _errors(report).get("scores"), scores),
    "confusion": (lambda report: _errors(report).get("confusion"), confusion),
    "errors": (
        lambda report: (_errors(report).get("histogram") or {}).get("counts"),
        errors,
    ),
    "residuals": (lambda report: _errors(report).get("by_prediction"), residuals),
    "importance": (
        lambda report: (report.get("importance") or {}).get("features"),
        importance,
    ),
    "slices": (lambda report: report.get("slices"), slices),
}
TITLES = {
    "cost": "What it costs, by threshold",
    "roc": "How many are found, and how many are taken for one wrongly",
    "gain": "How many are found by asking those with the highest scores",
    "calibration": "What it promises, and what happened",
    "scores": "Scores of those who were, and of those who were not",
    "confusion": "What was said, and what was",
    "errors": "How far off the answers are",
    "residuals": "The error where it says little, and where it says much",
    "importance": "What moves the answers",
    "slices": "Where it does worst",
}
FOR_TWO = {"cost", "roc", "gain", "calibration", "residuals"}
TALL = {"slices", "importance"}
