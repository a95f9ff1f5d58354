"""Component 3, Evaluator: 95 % intervals, by resampling rows or by formula."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import special

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

    None where fewer than half of them are defined.
    """
    defined = draws[np.isfinite(draws)]
    if not len(defined) or len(defined) * 2 < len(draws):
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


def wilson(
    successes: float, n: float, *, level: float = 0.95
) -> tuple[float, float] | None:
    """Wilson's score interval of a share (JASA 22, 1927); None where n is 0.

    >>> [round(bound, 4) for bound in wilson(56, 70)]
    [0.6918, 0.877]
    """
    if n <= 0:
        return None
    z = normal_quantile(level)
    share = min(max(successes / n, 0.0), 1.0)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = share * (1 - share) / n + z * z / (4 * n * n)
    half = z * math.sqrt(spread) / (1 + z * z / n)
    low = 0.0 if share == 0 else max(0.0, middle - half)  # exact at the ends
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return low, high


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


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided interval of this level spans, each way.

    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    return float(special.ndtri((1 + level) / 2))
