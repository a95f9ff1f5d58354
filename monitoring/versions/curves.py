"""The drawings of a version's report: of one version, or of two over each other.

Each is made of aggregates that the sealed evaluation let out, and none is drawn where
the report holds nothing for it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monitoring.verdicts.terms import Terms
from monitoring.versions import scores, spread
from monitoring.versions.told import Told, errors_of
from registry.web.charts import Chart

Part = Callable[[Mapping[str, Any]], Any]
Draw = Callable[[Sequence[Told], Terms], Chart]
CURVES: dict[str, tuple[Part, Draw]] = {
    "cost": (scores.costly, scores.cost),
    "roc": (scores.points, scores.roc),
    "gain": (scores.points, scores.gain),
    "calibration": (lambda report: report.get("calibration"), scores.calibration),
    "scores": (lambda report: errors_of(report).get("scores"), scores.scores),
    "confusion": (lambda report: errors_of(report).get("confusion"), spread.confusion),
    "errors": (
        lambda report: (errors_of(report).get("histogram") or {}).get("counts"),
        spread.errors,
    ),
    "residuals": (
        lambda report: errors_of(report).get("by_prediction"),
        spread.residuals,
    ),
    "importance": (
        lambda report: (report.get("importance") or {}).get("features"),
        spread.importance,
    ),
    "slices": (lambda report: report.get("slices"), spread.slices),
}
FOR_TWO = {"cost", "roc", "gain", "calibration", "residuals"}
TALL = {"slices", "importance"}


def drawn(told: Sequence[Told]) -> list[str]:
    """The names of the curves these reports can be drawn as, in the report's order."""
    names = []
    for name, (part, _) in CURVES.items():
        pair = name in FOR_TWO or len(told) == 1
        if told and pair and all(part(one.report) for one in told):
            names.append(name)
    return names


def curve(name: str, told: Sequence[Told], *, terms: Terms) -> Chart:
    return CURVES[name][1](told, terms)
