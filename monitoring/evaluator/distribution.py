"""Component 3, Evaluator: how the errors are distributed, not only how large they are."""

import math
from typing import Any

import numpy as np

from monitoring.evaluator.draws import Draws, Prepared, equal_mass_bins
from monitoring.evaluator.own import UndefinedMetric
from registry.intervals import wilson

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
ERROR_BINS = 40
SCORE_BINS = 20
RESIDUAL_BINS = 10
CONFUSED_CLASSES = 50  # more would be a picture of nothing; per_class lists them all


def error_distribution(rows: Prepared) -> dict[str, Any]:
    """Regression: quantiles and histogram of errors; classes: confusion and per class."""
    if rows.scored.task == "regression":
        return _of_errors(rows.errors) | {"by_prediction": _by_prediction(rows)}
    answer: dict[str, Any] = {"confusion": _confusion(rows)}
    answer["per_class"] = _per_class(rows)
    if rows.scored.task == "binary":
        answer["scores"] = _scores_by_truth(rows)
    return answer


def _of_errors(errors: np.ndarray) -> dict[str, Any]:
    """Errors are prediction − truth; the outer bins also hold the farthest 1 %."""
    low, high = 0.0, math.inf
    if len(errors) and np.isfinite(errors).all():
        with np.errstate(all="ignore"):
            low, high = np.quantile(errors, [0.005, 0.995])
    if not math.isfinite(high - low):  # no rows, or errors too large to draw
        return {"quantiles": {}, "histogram": {"edges": [], "counts": []}}
    if low == high:
        low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
    edges = np.linspace(low, high, ERROR_BINS + 1)
    counts, _ = np.histogram(np.clip(errors, low, high), bins=edges)
    return {
        "quantiles": {
            str(q): float(value)
            for q, value in zip(QUANTILES, np.quantile(errors, QUANTILES), strict=True)
        },
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "smallest": float(errors.min()),
        "largest": float(errors.max()),
    }


def _by_prediction(rows: Prepared) -> list[dict[str, Any]]:
    """Errors in up to ten groups of rows by what was predicted, the smallest first: is
    it off more, or to one side, where it says much? `low` and `high` hold nine tenths.
    """
    errors, predicted = rows.errors, rows.scored.predicted
    if not len(errors) or not np.isfinite(errors).all():
        return []
    place = equal_mass_bins(predicted, RESIDUAL_BINS)
    found = []
    for number in np.unique(place):
        inside = place == number
        low, middle, high = np.quantile(errors[inside], (0.05, 0.5, 0.95))
        found.append(
            {
                "from": float(predicted[inside].min()),
                "to": float(predicted[inside].max()),
                "n": int(inside.sum()),
                "mean": float(errors[inside].mean()),
                "low": float(low),
                "median": float(middle),
                "high": float(high),
            }
        )
    return found


def _confusion(rows: Prepared) -> dict[str, Any]:
    """Counts with truths down and answers across; rare classes beyond 50 are one."""
    labels = rows.labels
    codes, answers = rows.truth_codes, rows.answer_codes
    if len(labels) > CONFUSED_CLASSES:
        seen = np.bincount(codes, minlength=len(labels))
        kept = np.sort(np.argsort(-seen, kind="stable")[: CONFUSED_CLASSES - 1])
        place = np.full(len(labels), len(kept))
        place[kept] = np.arange(len(kept))
        labels = [*(labels[k] for k in kept), f"({len(labels) - len(kept)} others)"]
        codes, answers = place[codes], place[answers]
    k = len(labels)
    counts = np.bincount(codes * k + answers, minlength=k * k).reshape(k, k)
    return {"labels": labels, "counts": counts.tolist()}


def _per_class(rows: Prepared) -> list[dict[str, Any]]:
    parts = Draws(rows, np.ones((1, rows.scored.n))).by_class
    columns = zip(*(part[0].astype(int).tolist() for part in parts), strict=True)
    return [
        {
            "class": label,
            "precision": share(hits, answered),
            "recall": share(hits, true),
            "f1": share(2 * hits, true + answered)["value"],
            "support": true,
            "predicted": answered,
        }
        for label, (hits, true, answered) in zip(rows.labels, columns, strict=True)
    ]


def share(successes: float, n: float) -> dict[str, Any]:
    """A share with Wilson's interval, as every number is shown; nulls where n is 0.

    >>> share(0, 0)
    {'value': None, 'low': None, 'high': None, 'n': 0}
    """
    bounds = wilson(successes, n)
    if bounds is None:
        return {"value": None, "low": None, "high": None, "n": 0}
    return {"value": successes / n, "low": bounds[0], "high": bounds[1], "n": n}


def _scores_by_truth(rows: Prepared) -> dict[str, Any] | None:
    """How the scores of the positive and of the other rows are spread over 0 to 1."""
    try:
        score = np.clip(rows.score, 0.0, 1.0)
    except UndefinedMetric:
        return None
    edges = np.linspace(0.0, 1.0, SCORE_BINS + 1)
    positive, _ = np.histogram(score[rows.is_positive], bins=edges)
    negative, _ = np.histogram(score[~rows.is_positive], bins=edges)
    return {
        "edges": edges.round(6).tolist(),
        "positive": positive.tolist(),
        "negative": negative.tolist(),
    }
