"""Component 3, Evaluator: every metric of the catalogue as one function of weighted rows.

A function takes `Draws` and returns one value for each weighting, NaN where that draw
leaves it undefined; it raises `UndefinedMetric` where the rows themselves do. Direction
and minimum n live in `registry.catalogue`. Values agree with scikit-learn's (tested).
"""

from collections.abc import Callable

import numpy as np

from monitoring.evaluator.draws import CALIBRATION_BINS, Draws, ratio
from monitoring.evaluator.own import UndefinedMetric

ONE_CLASS = "Only one class is among the truths."


def cost(draws: Draws) -> np.ndarray:
    """Mean money lost per row, of what was decided."""
    return draws.mean(draws.rows.costs)


def roc_auc(draws: Draws) -> np.ndarray:
    """Mann-Whitney: the share of positive × negative pairs in order, ties count half."""
    _need_both_classes(draws)
    positive, negative = draws.ranked
    below = negative.sum(axis=1, keepdims=True) - np.cumsum(negative, axis=1)
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))


def average_precision(draws: Draws) -> np.ndarray:
    """Σ (Rₖ − Rₖ₋₁) Pₖ over the distinct scores, without interpolation."""
    if not draws.rows.is_positive.any():
        raise UndefinedMetric("No truth is positive.")
    positive, negative = draws.ranked
    hits = np.cumsum(positive, axis=1)
    precision = ratio(hits, hits + np.cumsum(negative, axis=1))
    area = (positive * np.nan_to_num(precision)).sum(axis=1)
    return ratio(area, positive.sum(axis=1))


def log_loss(draws: Draws) -> np.ndarray:
    """Mean −log p(truth) in nats, p kept at or above 1e-15."""
    return draws.mean(draws.rows.log_losses)


def brier(draws: Draws) -> np.ndarray:
    """Mean squared distance of the positive class's probability from 0 or 1."""
    return draws.mean(draws.rows.squared_errors)


def accuracy(draws: Draws) -> np.ndarray:
    return draws.mean(draws.rows.correct)


def balanced_accuracy(draws: Draws) -> np.ndarray:
    """Mean recall over the classes that occur among the truths."""
    hits, true, _ = draws.by_class
    return _mean_where(ratio(hits, true), true > 0)


def precision(draws: Draws) -> np.ndarray:
    """Binary: of the answers "positive"; else the mean over classes, 0 where unanswered."""
    if draws.rows.scored.task == "binary":
        if not draws.rows.answered_positive.any():
            raise UndefinedMetric("No row is predicted positive.")
        found = draws.sum(draws.rows.answered_positive & draws.rows.is_positive)
        return ratio(found, draws.sum(draws.rows.answered_positive))
    hits, true, answered = draws.by_class
    return _mean_where(np.nan_to_num(ratio(hits, answered)), true + answered > 0)


def recall(draws: Draws) -> np.ndarray:
    """Binary: of the true positives; else the mean over classes, 0 where none is true."""
    if draws.rows.scored.task == "binary":
        if not draws.rows.is_positive.any():
            raise UndefinedMetric("No truth is positive.")
        found = draws.sum(draws.rows.answered_positive & draws.rows.is_positive)
        return ratio(found, draws.sum(draws.rows.is_positive))
    hits, true, answered = draws.by_class
    return _mean_where(np.nan_to_num(ratio(hits, true)), true + answered > 0)


def f1(draws: Draws) -> np.ndarray:
    """2 hits / (true + answered); multiclass: the mean over classes."""
    if draws.rows.scored.task == "binary":
        rows = draws.rows
        if not (rows.is_positive.any() or rows.answered_positive.any()):
            raise UndefinedMetric("No row is positive, neither in truth nor predicted.")
        found = draws.sum(rows.answered_positive & rows.is_positive)
        both = draws.sum(rows.answered_positive) + draws.sum(rows.is_positive)
        return ratio(2 * found, both)
    hits, true, answered = draws.by_class
    return _mean_where(ratio(2 * hits, true + answered), true + answered > 0)


def ece(draws: Draws) -> np.ndarray:
    """Σ share × |mean score − observed share| over ten equal-mass bins.

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015, with equal-mass bins.
    """
    return np.abs(_gaps(draws)).sum(axis=1)


def ece_deviation(draws: Draws) -> np.ndarray:
    """Σ over the bins of |gap in this draw − gap in the rows|.

    By the triangle inequality the rows' own calibration error is not farther from the
    true one than such a sum, which chance alone makes: the way its interval goes down.
    """
    rows = Draws(draws.rows, np.ones((1, draws.rows.scored.n)))
    return np.abs(_gaps(draws) - _gaps(rows)).sum(axis=1)


def _gaps(draws: Draws) -> np.ndarray:
    """Σ (score − hit) of every calibration bin, as a share of all rows: (d, bins)."""
    rows = draws.rows
    gap = rows.score - rows.is_positive
    gaps = draws.by_group(rows.calibration_bin, CALIBRATION_BINS, gap)
    return ratio(gaps, draws.total[:, None])


def top_3_accuracy(draws: Draws) -> np.ndarray:
    """The share of rows whose true class is among the three most probable."""
    return draws.mean(draws.rows.top_3_hits)


def mae(draws: Draws) -> np.ndarray:
    return draws.mean(np.abs(draws.rows.errors))


def rmse(draws: Draws) -> np.ndarray:
    return np.sqrt(draws.mean(draws.rows.squared_errors))


def median_absolute_error(draws: Draws) -> np.ndarray:
    """The middle |error|; the mean of the two middle ones where n is even."""
    sizes = np.abs(draws.rows.errors)
    order = np.argsort(sizes)
    reached = np.cumsum(draws.weights[:, order], axis=1)
    half = draws.total[:, None] / 2
    lower = (reached >= half).argmax(axis=1)
    upper = (reached > half).argmax(axis=1)
    return (sizes[order][lower] + sizes[order][upper]) / 2


def mape(draws: Draws) -> np.ndarray:
    """Mean |error| / |truth|, as a share; undefined where a truth is 0."""
    truth = draws.rows.scored.truth
    if zeros := int((truth == 0).sum()):
        raise UndefinedMetric(f"{zeros} of the truths are 0.")
    return draws.mean(np.abs(draws.rows.errors / truth))


def r2(draws: Draws) -> np.ndarray:
    """1 − Σ error² / Σ (truth − mean truth)²."""
    truth = draws.rows.scored.truth
    if len(truth) < 2 or np.ptp(truth) == 0:
        raise UndefinedMetric("All truths are equal.")
    centred = truth - truth.mean()  # before squaring, or large values cancel
    spread = draws.mean(centred**2) - draws.mean(centred) ** 2
    tiny = np.finfo(float).eps * np.mean(centred**2)
    spread = np.where(spread > tiny, spread, 0.0)
    return 1 - ratio(draws.mean(draws.rows.squared_errors), spread)


def bias(draws: Draws) -> np.ndarray:
    """Mean of prediction minus truth."""
    return draws.mean(draws.rows.errors)


METRIC_FUNCTIONS: dict[str, Callable[[Draws], np.ndarray]] = {
    "cost": cost,
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "ece": ece,
    "top_3_accuracy": top_3_accuracy,
    "mae": mae,
    "rmse": rmse,
    "median_absolute_error": median_absolute_error,
    "mape": mape,
    "r2": r2,
    "bias": bias,
}

# Noise raises a mean of absolute gaps, in the rows and once more in every resample.
RAISED_BY_NOISE = {"ece": ece_deviation}


def successes(draws: Draws, key: str) -> tuple[float, float] | None:
    """(successes, trials) where the metric is a plain share of rows, else None.

    A perfect ranking counts as the rarer class ranked right every time: resampling it
    could only say "1 to 1".
    """
    rows = draws.rows
    if key in {"roc_auc", "average_precision"}:
        if METRIC_FUNCTIONS[key](draws)[0] < 1 - 1e-12:
            return None
        true = float(rows.is_positive.sum())
        least = true if key == "average_precision" else min(true, rows.scored.n - true)
        return least, least
    if key == "accuracy":
        return float(rows.correct.sum()), float(rows.scored.n)
    if key == "top_3_accuracy":
        return float(rows.top_3_hits.sum()), float(rows.scored.n)
    if rows.scored.task != "binary" or key not in {"precision", "recall"}:
        return None
    found = float((rows.answered_positive & rows.is_positive).sum())
    of = rows.answered_positive if key == "precision" else rows.is_positive
    return found, float(of.sum())


def _need_both_classes(draws: Draws) -> None:
    positive = draws.rows.is_positive
    if positive.all() or not positive.any():
        raise UndefinedMetric(ONE_CLASS)


def _mean_where(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    kept = np.where(where, values, 0.0)
    return ratio(kept.sum(axis=1), where.sum(axis=1))
