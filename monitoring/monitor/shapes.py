"""Component 4, Monitor: a change of distribution in words anybody understands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.written import number

Bins = NDArray[np.int64]


def told(part: Mapping[str, Any], *, now: Bins, before: Bins) -> str:
    """What moved, with the numbers: the middle value, or, where that stayed, the
    category or the range whose share changed most.

    `part` is a feature's profile; both histograms are in its bins and not empty.

    >>> told({"categories": ["a", "b"]}, now=np.array([3, 7]), before=np.array([6, 4]))
    'b rose from 40 % to 70 % of the rows'
    >>> part = {"edges": [10, 20], "range": [0, 30]}
    >>> told(part, now=np.array([1, 2, 7]), before=np.array([7, 2, 1]))
    'the middle value went from about 10 to about 30'
    >>> told(part, now=np.array([4, 2, 4]), before=np.array([1, 8, 1]))
    'values of 10 to 20 fell from 80 % to 20 % of the rows'
    """
    if "edges" not in part:
        return _most_changed([*map(str, part["categories"])], now, before)
    tops = [*part["edges"], part["range"][1]]
    then, today = (number(_middle(tops, bins)) for bins in (before, now))
    if then != today:
        return f"the middle value went from about {then} to about {today}"
    lows = [part["range"][0], *part["edges"]]
    ranges = [
        f"values of {number(low)} to {number(top)}"
        for low, top in zip(lows, tops, strict=True)
    ]
    return _most_changed(ranges, now, before)


def _middle(tops: list[float], bins: Bins) -> float:
    """The upper end of the bin in which the median lies."""
    return tops[int(np.searchsorted(np.cumsum(bins), bins.sum() / 2))]


def _most_changed(names: list[str], now: Bins, before: Bins) -> str:
    ours, theirs = now / now.sum(), before / before.sum()
    change = np.round(ours - theirs, 9)
    index = int(np.lexsort((change, np.abs(change)))[-1])  # of two alike, what rose
    name = names[index] if index < len(names) else "every other value"
    verb = "rose" if ours[index] > theirs[index] else "fell"
    was, became = _percent(theirs[index]), _percent(ours[index])
    return f"{name} {verb} from {was} to {became} of the rows"


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if 0 < share < 0.1 else 0}f} %"
