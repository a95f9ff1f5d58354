"""What a drawing is made of: a report that the sealed evaluation let out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.web.charts import Chart

PERCENT = 100
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


@dataclass(frozen=True, kw_only=True)
class Told:
    """One version's report, and how it is called and coloured."""

    name: str
    role: str
    report: Mapping[str, Any]


def errors_of(report: Mapping[str, Any]) -> Mapping[str, Any]:
    return report.get("error_distribution") or {}


def metric_of(one: Told, key: str) -> float | None:
    found = (one.report.get("metrics") or {}).get(key) or {}
    value = found.get("value")
    return None if value is None else float(value)


def over_numbers(found: Chart, *, x: str, mode: str = "lines") -> Chart:
    """A line over something else than time: its axis has a name, and no zoom."""
    layout: dict[str, Any] = found.figure["layout"]
    layout |= {"dragmode": False, "hovermode": "closest"}
    layout["xaxis"] |= {"fixedrange": True}
    layout["xaxis"]["title"] = layout["xaxis"]["title"] | {"text": x}
    for trace in found.figure["data"]:
        if trace["mode"] != "none":  # a band
            trace["mode"] = mode
    return found
