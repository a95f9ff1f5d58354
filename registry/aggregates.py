"""Component 5, Featurizer: the closed set of what is said of the facts in a window, each
in two spellings. Pure.

`of_values` answers one request from the values a window holds, `of_windows` a whole
table at once; a test replays random facts through both. Sums are rounded once, as
`math.fsum` does, so that the order of adding up plays no part and both agree exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from registry.exact import added, deviation, fraction_bits, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from registry.ranges import Ranges

Values = Sequence[float]  # in the order they became known; those of a moment ascending


@dataclass(frozen=True)
class Global:
    """In place of an empty window: the same said of all keys' facts in that time."""


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """`default` is said where the window holds no value: a number, or Global()."""

    default: float | Global | None = None
    kind: ClassVar[str] = "numeric"

    @property
    def falls_back(self) -> bool:
        return isinstance(self.default, Global)

    @property
    def text(self) -> str:
        """What it is, as it is compared and shown."""
        told = type(self).__name__.lower()
        if self.default is None:
            return told
        return f"{told}, else {'global' if self.falls_back else self.default}"

    def of_values(self, values: Values, facts: int) -> float | None:
        """Of the values of a window with so many facts; None: nothing can be said."""
        raise NotImplementedError

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        """The same of many windows; NaN where nothing can be said."""
        raise NotImplementedError


class Count(Aggregate):
    """How many facts, with or without a value."""

    kind = "integer"

    def of_values(self, values: Values, facts: int) -> int:
        return facts

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.facts


class Sum(Aggregate):
    """The values added up; 0 of none."""

    def of_values(self, values: Values, facts: int) -> float | None:
        return added(values)

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.sums()


class Mean(Aggregate):
    """The values' mean."""

    def of_values(self, values: Values, facts: int) -> float | None:
        total = added(values) if values else None
        return None if total is None else total / len(values)

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.means()


class Std(Aggregate):
    """The sample standard deviation, of at least two values."""

    def of_values(self, values: Values, facts: int) -> float | None:
        if len(values) < 2:
            return None
        scale = max(map(fraction_bits, values))
        whole = [scaled(value, scale) for value in values]
        squares = sum(one * one for one in whole)
        return deviation(len(whole), sum(whole), squares, scale)

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.deviations()


class Min(Aggregate):
    """The smallest value."""

    def of_values(self, values: Values, facts: int) -> float | None:
        return min(values, default=None)

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return -ranges.largest(negative=True)


class Max(Aggregate):
    """The largest value."""

    def of_values(self, values: Values, facts: int) -> float | None:
        return max(values, default=None)

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.largest()


class Last(Aggregate):
    """The value known last; of several of one moment the largest."""

    def of_values(self, values: Values, facts: int) -> float | None:
        return values[-1] if values else None

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.last()


class NUnique(Aggregate):
    """How many different values."""

    kind = "integer"

    def of_values(self, values: Values, facts: int) -> int:
        return len(set(values))

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.each(lambda values: self.of_values(values, 0))


@dataclass(frozen=True)
class Quantile(Aggregate):
    """The smallest value that at least this share of the values do not exceed."""

    share: float

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and self.thousandths == self.share * 1000):
            raise ValueError(f"{self.share}: write a share such as 0.9 or 0.995.")

    @property
    def thousandths(self) -> int:
        return round(self.share * 1000)

    @property
    def text(self) -> str:
        return f"{super().text.replace('quantile', f'quantile {self.share:g}', 1)}"

    def of_values(self, values: Values, facts: int) -> float | None:
        if not values:
            return None
        place = -(-self.thousandths * len(values) // 1000)
        return sorted(values)[place - 1]

    def of_windows(self, ranges: Ranges) -> NDArray[Any]:
        return ranges.each(lambda values: self.of_values(values, 0))


AGGREGATES: tuple[type[Aggregate], ...] = (
    Count, Sum, Mean, Std, Min, Max, Last, NUnique, Quantile,
)  # fmt: skip
