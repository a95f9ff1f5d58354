"""Registry: intervals that are a formula, for every floor that tells a share. Pure."""

import math
from statistics import NormalDist


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


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided interval of this level spans, each way.

    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    return NormalDist().inv_cdf((1 + level) / 2)
