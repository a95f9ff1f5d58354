"""Component 3, Evaluator: whether probabilities mean what they say, and where to cut."""

from typing import Any

import numpy as np

from monitoring.evaluator.distribution import share
from monitoring.evaluator.draws import CALIBRATION_BINS, Prepared, equal_mass_bins
from monitoring.evaluator.own import UndefinedMetric

POINTS = 100  # and the one where nothing is positive


def reliability(rows: Prepared) -> list[dict[str, Any]]:
    """Equal-mass bins of the score against the observed share, with Wilson's interval.

    Binary: the positive class; multiclass: how often the most probable class is right.
    Empty for regression and for models that give no probabilities.
    """
    if rows.scored.task == "regression" or rows.scored.n == 0:
        return []
    try:
        if rows.scored.task == "binary":
            score, hits, place = rows.score, rows.is_positive, rows.calibration_bin
        else:
            score = rows.probabilities.max(axis=1)
            hits = rows.probabilities.argmax(axis=1) == rows.truth_codes
            place = equal_mass_bins(score, CALIBRATION_BINS)
    except UndefinedMetric:
        return []
    bins = []
    for number in np.unique(place):
        inside = place == number
        observed = share(int(hits[inside].sum()), int(inside.sum()))
        bins.append(
            {
                "from": float(score[inside].min()),
                "to": float(score[inside].max()),
                "n": int(inside.sum()),
                "predicted": float(score[inside].mean()),
                "observed": observed["value"],
                "low": observed["low"],
                "high": observed["high"],
            }
        )
    return bins


def thresholds(rows: Prepared) -> dict[str, Any] | None:
    """At most 101 points, "positive" being a score at or above each: rates and cost.

    The points trace the ROC and the precision-recall curve; the first, with threshold
    null, is where nothing is positive. `cost` is the mean per row
    when rows at or above get the action that is cheapest for true positives (`above`)
    and the others the one cheapest for true negatives (`below`); null without costs.
    None for other tasks, or where one class is missing.
    """
    if rows.scored.task != "binary" or rows.scored.n == 0:
        return None
    positive = rows.is_positive
    if positive.all() or not positive.any():
        return None
    try:
        order, starts = rows.descending
    except UndefinedMetric:
        return None
    last = np.r_[starts[1:], len(order)] - 1  # the last row at or above each score
    hits = np.cumsum(positive[order])[last]
    answered = last + 1
    cuts = rows.score[order][last]
    costs, actions = _cost_by_threshold(rows, order, last)
    kept = _spread(len(cuts))
    true, other = int(positive.sum()), int((~positive).sum())
    nobody = {"threshold": None, "recall": 0.0, "false_positive_rate": 0.0}
    nobody |= {"precision": None, "share_positive": 0.0}
    nobody["cost"] = None if costs is None else float(costs[0])
    points = [
        {
            "threshold": float(cuts[i]),
            "recall": float(hits[i] / true),
            "false_positive_rate": float((answered[i] - hits[i]) / other),
            "precision": float(hits[i] / answered[i]),
            "share_positive": float(answered[i] / rows.scored.n),
            "cost": None if costs is None else float(costs[i + 1]),
        }
        for i in kept
    ]
    return {"points": [nobody, *points], **actions}


def _spread(count: int) -> np.ndarray:
    """At most 100 places out of `count`, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))


def _cost_by_threshold(
    rows: Prepared, order: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray | None, dict[str, str | None]]:
    nothing: tuple[None, dict[str, str | None]] = None, {"above": None, "below": None}
    economics, scored = rows.economics, rows.scored
    if economics is None or not economics.matrix:
        return nothing
    by_action = {
        action: economics.row_costs(
            scored.truth, np.full(scored.n, action), scored.rows
        )
        for action in economics.matrix
    }
    by_action = {a: c for a, c in by_action.items() if np.isfinite(c).all()}
    if not by_action:
        return nothing
    above = min(by_action, key=lambda a: by_action[a][rows.is_positive].mean())
    below = min(by_action, key=lambda a: by_action[a][~rows.is_positive].mean())
    if above == below:
        return nothing
    acted, left = by_action[above][order], by_action[below][order]
    changed = np.r_[0.0, np.cumsum(acted - left)[last]]  # from nobody to everybody
    return (left.sum() + changed) / scored.n, {"above": above, "below": below}
