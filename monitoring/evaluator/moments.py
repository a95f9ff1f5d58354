"""Component 3, Evaluator: n, mean and spread of numbers, kept so that they merge."""

import math
from typing import Any, Self

import msgspec
import numpy as np
from scipy import special


class Moments(msgspec.Struct, frozen=True, array_like=True):
    """n, mean and Σ (x − mean)² of numbers that are not kept. Stored as `[n, mean, m2]`.

    Merged by Chan, Golub & LeVeque (1979): Σx and Σx² would lose every digit where the
    mean is large against the spread (they give 0.0 on NIST's NumAcc4).
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: Any) -> Self:
        """
        >>> Moments.of([1.0, 2.0, 3.0])
        Moments(n=3, mean=2.0, m2=2.0)
        """
        array = np.asarray(values, dtype=float)
        if not len(array):
            return cls()
        mean = float(array.mean())
        return cls(len(array), mean, float(((array - mean) ** 2).sum()))

    @classmethod
    def of_sums(cls, n: int, total: float, squares: float) -> Self:
        """From Σx and Σx², where somebody else kept only those."""
        if n == 0:
            return cls()
        return cls(n, total / n, max(0.0, squares - total * total / n))

    @classmethod
    def of_counts(cls, successes: int, n: int) -> Self:
        """Of `successes` ones among n zeros and ones."""
        if n == 0:
            return cls()
        return cls(n, successes / n, successes * (n - successes) / n)

    def merge(self, other: "Moments") -> "Moments":
        """
        >>> Moments.of([1.0, 2.0]).merge(Moments.of([3.0]))
        Moments(n=3, mean=2.0, m2=2.0)
        """
        if not other.n:
            return self
        if not self.n:
            return other
        n = self.n + other.n
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.n / n)
        m2 = self.m2 + other.m2 + apart * apart * (self.n * other.n / n)
        return Moments(n, mean, m2)

    @property
    def variance(self) -> float:
        """The unbiased sample variance; 0 below two values."""
        return self.m2 / (self.n - 1) if self.n > 1 else 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """Student's t interval of the mean; None below two values.

        >>> [round(bound, 4) for bound in Moments.of([1.0, 2.0, 3.0]).interval()]
        [-0.4841, 4.4841]
        """
        if self.n < 2:
            return None
        spans = float(special.stdtrit(self.n - 1, (1 + level) / 2))
        half = spans * math.sqrt(self.variance / self.n)
        return self.mean - half, self.mean + half
