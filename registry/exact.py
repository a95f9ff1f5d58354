"""Sums that are rounded once, whatever the order of adding up. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def added(values: Sequence[float]) -> float | None:
    """The sum, rounded once; None where it is beyond every float."""
    try:
        return math.fsum(values)
    except OverflowError:
        return None


def fraction_bits(value: float) -> int:
    """How many binary places a number has behind the point.

    >>> fraction_bits(3.0), fraction_bits(0.75)
    (0, 2)
    """
    return value.as_integer_ratio()[1].bit_length() - 1


def scaled(value: float, bits: int) -> int:
    """A number times two to the power of `bits`, exactly; its own bits are no more.

    >>> scaled(0.75, 3)
    6
    """
    top, bottom = value.as_integer_ratio()
    return top << (bits + 1 - bottom.bit_length())


def deviation(n: int, total: int, squares: int, bits: int) -> float | None:
    """The sample standard deviation of `n` numbers scaled by two to the `bits`.

    >>> deviation(3, 6, 14, 0)
    1.0
    """
    try:
        return math.sqrt((n * squares - total * total) / (n * (n - 1) << 2 * bits))
    except OverflowError:
        return None
