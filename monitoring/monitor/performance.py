"""Component 4, Monitor: every metric read from folded outcomes, each with its interval.

The same keys and shape as the Evaluator's `evaluate(...)["metrics"]`. Intervals come
from formulas, because the rows to resample are no longer there.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from monitoring.evaluator.evaluate import OwnMetrics, metric_named, too_few
from monitoring.evaluator.intervals import mean_of_intervals
from monitoring.evaluator.moments import Moments
from monitoring.evaluator.own import UndefinedMetric
from monitoring.monitor.histograms import ERROR_SIZE, ScoresByTruth
from monitoring.monitor.outcomes import Outcomes
from registry.intervals import normal_quantile, wilson

Z = normal_quantile(0.95)
ONE_SIDED = normal_quantile(0.9)  # 5 % above
HALF_NORMAL_MEAN = math.sqrt(2 / math.pi)
GROUPS = 10
NO_PROBABILITIES = "The model gives no probabilities."
UNFOLDED = {"cost": "The project gives no costs for these decisions."} | dict.fromkeys(
    ("log_loss", "squared_error", "top_3"), NO_PROBABILITIES
)


class Reading(NamedTuple):
    """A metric's value, its 95 % interval, and how far binning may have moved it."""

    value: float
    low: float | None
    high: float | None
    bound: float | None = 0.0  # None: none is stated
    n: int | None = None  # rows it is of, where that is not all


def read_metric(
    outcomes: Outcomes, key: str, *, own_metrics: OwnMetrics = None
) -> dict[str, Any]:
    """{"value", "low", "high", "n", "bound", "reason"?}; null with the reason where it is
    undefined.

    `bound`: the exact value is at most that far away (0 where the fold is exact, null
    where none is stated: the calibration error depends on where its groups are cut).
    """
    metric = metric_named(key, own_metrics)
    answer: dict[str, Any] = {"value": None, "low": None, "high": None}
    answer |= {"n": outcomes.n, "bound": 0.0}
    if outcomes.left_out:
        answer["left_out"] = outcomes.left_out
    try:
        if outcomes.n < metric.minimum_n:
            raise UndefinedMetric(too_few(metric, outcomes.n, metric.minimum_n))
        if key in (own_metrics or {}):
            found = _mean(outcomes, f"own:{key}")
        else:
            found = READERS[key](outcomes)
        if not math.isfinite(found.value):
            raise UndefinedMetric("The numbers are too large to compute it.")
    except UndefinedMetric as undefined:
        return answer | {"reason": str(undefined)}
    answer |= {"value": found.value, "bound": found.bound, "n": found.n or outcomes.n}
    return answer | {"low": _finite(found.low), "high": _finite(found.high)}


def _finite(bound: float | None) -> float | None:
    return bound if bound is not None and math.isfinite(bound) else None


def _moments(outcomes: Outcomes, key: str) -> Moments:
    found = outcomes.moments.get(key, Moments())
    if not found.n:
        reason = UNFOLDED.get(key, "The project's function failed on these rows.")
        raise UndefinedMetric(reason)
    return found


def _mean(outcomes: Outcomes, key: str) -> Reading:
    """A mean over rows, with Student's t interval: exact."""
    found = _moments(outcomes, key)
    low, high = found.interval() or (None, None)
    return Reading(found.mean, low, high, n=found.n)


def _scores(outcomes: Outcomes) -> ScoresByTruth:
    if "positive" not in outcomes.counts:
        raise UndefinedMetric(NO_PROBABILITIES)
    return ScoresByTruth(outcomes.counts["positive"], outcomes.counts["negative"])


def _roc_auc(outcomes: Outcomes) -> Reading:
    """DeLong's interval, on the score histogram."""
    scores = _scores(outcomes)
    found, variance = scores.roc_auc(), scores.roc_auc_variance()
    if found is None:
        raise UndefinedMetric("Only one class is among the truths.")
    if variance is None:
        return Reading(found.value, None, None, found.bound)
    if variance == 0 and found.value in (0, 1):  # no overlap is no certainty
        least = min(int(scores.positive.sum()), int(scores.negative.sum()))
        return Reading(*_share(found.value * least, least, ""), found.bound)
    half = Z * math.sqrt(variance)
    low, high = max(0.0, found.value - half), min(1.0, found.value + half)
    return Reading(found.value, low, high, found.bound)


def _average_precision(outcomes: Outcomes) -> Reading:
    """The logit interval of Boyd, Eng & Page (ECML 2013)."""
    scores = _scores(outcomes)
    found = scores.average_precision()
    if found is None:
        raise UndefinedMetric("No truth is positive.")
    value, true = found.value, int(scores.positive.sum())
    if value >= 1:
        return Reading(*_share(true, true, ""), found.bound)
    centre = math.log(value / (1 - value))
    half = Z / math.sqrt(true * value * (1 - value))
    low, high = (1 / (1 + math.exp(-(centre + side))) for side in (-half, half))
    return Reading(value, low, high, found.bound)


def _ece(outcomes: Outcomes) -> Reading:
    """As the Evaluator's: down as far as noise alone may have raised it (the sum of the
    bins' half-normal errors), up by the delta method over their binomial errors."""
    scores = _scores(outcomes)
    value = variance = noise = 0.0
    for n, hits, total in scores.equal_mass(GROUPS):
        value += abs(total - hits) / scores.n
        share = (hits + 1) / (n + 2)
        error = math.sqrt(n * share * (1 - share)) / scores.n
        variance += error * error
        noise += error * HALF_NORMAL_MEAN
    spread = math.sqrt(variance * (1 - HALF_NORMAL_MEAN**2))
    low = max(0.0, value - noise - ONE_SIDED * spread)
    return Reading(value, low, min(1.0, value + Z * math.sqrt(variance)), bound=None)


def _share(successes: float, n: float, reason: str) -> tuple[float, float, float]:
    bounds = wilson(successes, n)
    if bounds is None:
        raise UndefinedMetric(reason)
    return successes / n, *bounds


class _Class(NamedTuple):
    hits: int
    true: int
    answered: int

    def precision(self) -> tuple[float, float, float]:
        return _or_zero(self.hits, self.answered)

    def recall(self) -> tuple[float, float, float]:
        return _or_zero(self.hits, self.true)

    def f1(self) -> tuple[float, float, float]:
        """F1 = 2J / (1 + J) of the share J = hits / (true + answered − hits)."""
        parts = _or_zero(self.hits, self.true + self.answered - self.hits)
        value, low, high = (2 * j / (1 + j) for j in parts)
        return value, low, high


def _or_zero(successes: int, n: int) -> tuple[float, float, float]:
    return _share(successes, n, "") if n else (0.0, 0.0, 0.0)


def _classes(outcomes: Outcomes) -> dict[str, _Class]:
    confusion = outcomes.confusion
    labels = dict.fromkeys(
        [*confusion, *(a for row in confusion.values() for a in row)]
    )
    return {
        label: _Class(
            confusion.get(label, {}).get(label, 0),
            sum(confusion.get(label, {}).values()),
            sum(row.get(label, 0) for row in confusion.values()),
        )
        for label in labels
    }


def _accuracy(outcomes: Outcomes) -> Reading:
    right = sum(row.get(true, 0) for true, row in outcomes.confusion.items())
    return Reading(*_share(right, outcomes.n, "There are no rows."))


def _balanced_accuracy(outcomes: Outcomes) -> Reading:
    parts = [c.recall() for c in _classes(outcomes).values() if c.true]
    return Reading(*mean_of_intervals(parts))


def _by_class(name: str) -> Callable[[Outcomes], Reading]:
    """Binary: of the positive class; multiclass: the mean over classes (MOVER)."""
    undefined = {
        "precision": ("answered", "No row is predicted positive."),
        "recall": ("true", "No truth is positive."),
    }

    def read(outcomes: Outcomes) -> Reading:
        classes = _classes(outcomes)
        if outcomes.task != "binary":
            return Reading(
                *mean_of_intervals([getattr(c, name)() for c in classes.values()])
            )
        positive = classes.get(outcomes.positive or "", _Class(0, 0, 0))
        counted, reason = undefined.get(name, (None, ""))
        if counted and not getattr(positive, counted):
            raise UndefinedMetric(reason)
        if not positive.true + positive.answered:
            raise UndefinedMetric("No row is positive, neither in truth nor predicted.")
        return Reading(*getattr(positive, name)())

    return read


def _rmse(outcomes: Outcomes) -> Reading:
    """The root of the mean squared error and of its interval."""
    mean = _mean(outcomes, "squared_error")
    low = None if mean.low is None else math.sqrt(max(0.0, mean.low))
    high = None if mean.high is None else math.sqrt(mean.high)
    return Reading(math.sqrt(mean.value), low, high)


def _median_absolute_error(outcomes: Outcomes) -> Reading:
    """The middle bin, with the binomial interval of the median's rank."""
    counts = outcomes.counts["error_size"]
    half = Z / (2 * math.sqrt(outcomes.n))
    quantiles = (0.5, max(0.0, 0.5 - half), min(1.0, 0.5 + half))
    value, low, high = (ERROR_SIZE.quantile(counts, q) or 0.0 for q in quantiles)
    if value <= ERROR_SIZE.low * 1.05:  # the lowest bin is for "no error at all"
        value = low = 0.0
    width = (ERROR_SIZE.high / ERROR_SIZE.low) ** (1 / ERROR_SIZE.bins) - 1
    return Reading(value, low, high, value * width)


def _mape(outcomes: Outcomes) -> Reading:
    if zeros := int(outcomes.counts["zero_truths"][0]):
        raise UndefinedMetric(f"{zeros} of the truths are 0.")
    return _mean(outcomes, "share_error")


def _r2(outcomes: Outcomes) -> Reading:
    """The interval is the squared error's, over the truth's spread as it is."""
    truth, squared = _moments(outcomes, "truth"), _mean(outcomes, "squared_error")
    spread = truth.m2 / truth.n
    if spread <= 1e-15 * truth.mean * truth.mean:
        raise UndefinedMetric("All truths are equal.")
    low = None if squared.high is None else 1 - squared.high / spread
    high = None if squared.low is None else 1 - max(0.0, squared.low) / spread
    return Reading(1 - squared.value / spread, low, high)


def _not_below_zero(key: str) -> Callable[[Outcomes], Reading]:
    def read(outcomes: Outcomes) -> Reading:
        mean = _mean(outcomes, key)
        return mean._replace(low=None if mean.low is None else max(0.0, mean.low))

    return read


def _top_3(outcomes: Outcomes) -> Reading:
    hits = _moments(outcomes, "top_3")
    return Reading(*_share(hits.mean * hits.n, hits.n, "There are no rows."))


READERS: Mapping[str, Callable[[Outcomes], Reading]] = {
    "cost": lambda outcomes: _mean(outcomes, "cost"),
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _not_below_zero("log_loss"),
    "brier": _not_below_zero("squared_error"),
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _by_class("precision"),
    "recall": _by_class("recall"),
    "f1": _by_class("f1"),
    "ece": _ece,
    "top_3_accuracy": _top_3,
    "mae": _not_below_zero("absolute_error"),
    "rmse": _rmse,
    "median_absolute_error": _median_absolute_error,
    "mape": _mape,
    "r2": _r2,
    "bias": lambda outcomes: _mean(outcomes, "error"),
}
