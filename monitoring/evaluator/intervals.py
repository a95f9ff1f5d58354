"""Component 3, Evaluator: 95 % intervals, by resampling rows or by formula."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

BLOCK = 2_000_000  # weights held at once: 16 MB


def resampled_weights(
    *, n: int, unit_ids: np.ndarray | None, rng: np.random.Generator, draws: int
) -> Iterator[np.ndarray]:
    """Blocks of (d, n) weights: how often each row is in a bootstrap sample.

    Rows of one unit are drawn together (cluster bootstrap). Source: Efron &
    Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 8.
    """
    if unit_ids is None:
        units, of_row = n, None
    else:
        _, of_row = np.unique(unit_ids, return_inverse=True)
        units = int(of_row.max()) + 1 if n else 0
    size = max(1, BLOCK // max(n, 1))
    for first in range(0, draws, size):
        d = min(size, draws - first)
        picks = rng.integers(0, units, size=(d, units))
        picks += np.arange(d)[:, None] * units
        counts = np.bincount(picks.ravel(), minlength=d * units).reshape(d, units)
        weights = counts if of_row is None else counts[:, of_row]
        yield weights.astype(float)


def percentiles(
    draws: np.ndarray, *, level: float = 0.95
) -> tuple[float, float] | None:
    """The percentile interval of bootstrap draws; undefined draws (NaN) are left out.

    None where fewer than half of them are defined, or one is infinite: an extreme.
    """
    defined = draws[~np.isnan(draws)]
    if len(defined) * 2 < max(len(draws), 1) or np.isinf(defined).any():
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def raised_interval(
    value: float, draws: np.ndarray, deviations: np.ndarray, *, level: float = 0.95
) -> tuple[float, float]:
    """For a statistic ≥ 0 that noise raises: down as far as noise alone may have done it
    (`deviations`), up by the spread of the draws around their own mean."""
    below = float(np.quantile(deviations, level))
    above = float(np.quantile(draws, (1 + level) / 2) - draws.mean())
    return max(0.0, value - below), value + above


def mean_of_intervals(
    parts: Sequence[tuple[float, float, float]],
) -> tuple[float, float, float]:
    """The mean of independent estimates (value, low, high), with its interval.

    Square-and-add (MOVER): Zou & Donner, Statistics in Medicine 27, 2008.
    """
    values, lows, highs = (np.array(column) for column in zip(*parts, strict=True))
    mean = float(values.mean())
    below = math.sqrt(float(((values - lows) ** 2).sum())) / len(values)
    above = math.sqrt(float(((highs - values) ** 2).sum())) / len(values)
    return mean, mean - below, mean + above
