"""Component 4, Monitor: what days of a model are usually like, and so what a bad day is.

Rows of one day are bad together: a storm makes every flight hard to tell. An interval
over rows knows nothing of that and takes each storm for a broken model. Here the day is
the unit, so a limit allows for the differences between days. Pure.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from monitoring.monitor.performance import Z
from registry.catalogue import Metric

ENOUGH_DAYS, MOST_DAYS = 7, 28  # from every weekday once, to four weeks
SURE = 0.999  # a limit is passed by one day in a thousand
BARELY = 0.99  # what is hardly better than no skill has to be less rare
BACK = 0.9  # and what fired is over when a day is again as nine in ten are
BY_TWOS = 2  # bad days come in a row: a week is worth about half as many
SMALLEST = 0.01
DAY = timedelta(days=1)


class Scale(NamedTuple):
    """On what days are compared: there, back, and how steep it is."""

    to: Callable[[Any], Any]
    back: Callable[[float], float]
    slope: Callable[[Any], Any]


PLAIN = Scale(lambda value: value, lambda value: value, np.ones_like)
LOGS = Scale(np.log, math.exp, lambda value: 1 / value)
LOGITS = Scale(special.logit, special.expit, lambda value: 1 / value / (1 - value))


@dataclass(frozen=True, kw_only=True)
class Usual:
    """So many days' values of a metric: their middle, by how much they differ beyond
    what their few rows explain, and how well the middle is known. Errors and costs are
    compared as ratios, because a bad day multiplies them; shares by their odds, because
    no day is below 0 or above 1."""

    days: int
    mean: float
    spread: float
    error: float
    scale: Scale
    larger_is_better: bool

    @property
    def middle(self) -> float:
        return float(self.scale.back(self.mean))

    def limit(self, *, level: float, lasting: timedelta = DAY) -> float:
        """The value that a stretch as long passes, in the bad direction, in 1 − level
        of the cases: a one-sided prediction bound by Student's t, over days."""
        worth = max(1.0, lasting / DAY / BY_TWOS)
        error = math.hypot(self.spread / math.sqrt(worth), self.error)
        far = float(special.stdtrit(self.days - 1, level)) * error
        sign = -1 if self.larger_is_better else 1
        return float(self.scale.back(self.mean + sign * far))

    def barely(self, nothing: float, *, lasting: timedelta = DAY) -> float:
        """Half way from the middle to `nothing`, which takes no skill: a model that has
        lost half of what it could is broken, however much days differ. But no limit that
        one stretch in a hundred passes anyway."""
        half = (self.middle + nothing) / 2
        further = min if self.larger_is_better else max
        return further(half, self.limit(level=BARELY, lasting=lasting))


def hardly_passed(
    sizes: Sequence[float], *, is_share: bool, beyond: float = 0.5
) -> float | None:
    """What one day in a thousand exceeds, by the sizes that some days had; None below a
    week of days. Sizes below the smallest worth speaking of count as that.

    Never much more than the worst of these days: by `beyond` as much again, and of a
    share at most half of what is left of the whole. Few days, or two kinds of them (weekends),
    spread so widely that the bound alone would lie beyond everything that can happen.

    >>> week = [0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2]
    >>> round(hardly_passed(week, is_share=True), 2)
    0.3
    >>> [round(hardly_passed([x] * 7, is_share=True), 2) for x in (0.001, 0.9)]
    [0.01, 0.9]
    """
    if len(sizes) < ENOUGH_DAYS:
        return None
    logs = np.log(np.maximum(sizes, SMALLEST))
    spread = float(logs.std(ddof=1))
    bound = Usual(
        days=len(logs),
        mean=float(logs.mean()),
        spread=spread,
        error=spread / math.sqrt(len(logs)),
        scale=LOGS,
        larger_is_better=False,
    ).limit(level=SURE)
    worst = max(SMALLEST, *sizes)
    more = beyond * worst
    return min(bound, worst + (min(more, (1 - worst) / 2) if is_share else more))


def usual_days(readings: Sequence[Mapping[str, Any]], metric: Metric) -> Usual | None:
    """Of one reading a day, {"value", "low", "high", "n"}; None below a week of days.

    The spread between days is what is left of their variance when the mean variance
    that their rows explain is taken away (Hedges & Olkin, Statistical Methods for
    Meta-Analysis, 1985, chapter 9). It is not weighted: days of a low error
    would seem the sure ones.

    >>> from registry.catalogue import METRICS
    >>> week = [{"value": v, "low": v - 1, "high": v + 1} for v in (9, 10, 11) * 3]
    >>> found = usual_days(week, METRICS["mae"])
    >>> round(found.middle, 1), round(found.limit(level=0.999), 1)
    (10.0, 14.0)
    """
    known = [r for r in readings if r["value"] is not None and r["low"] is not None]
    if len(known) < ENOUGH_DAYS:
        return None
    values = np.array([reading["value"] for reading in known])
    errors = np.array([(r["high"] - r["low"]) / (2 * Z) for r in known])
    if metric.best_at_zero:
        values = np.abs(values)
    scale = _scale(metric, values)
    if scale is LOGITS:  # nothing and all have no odds; so many rows hint at some
        rows = np.array([reading["n"] for reading in known])
        values = (values * rows + 0.5) / (rows + 1)
    values, errors = scale.to(values), errors * scale.slope(values)
    variance = float(values.var(ddof=1))
    return Usual(
        days=len(known),
        mean=float(values.mean()),
        spread=math.sqrt(max(0.0, variance - float((errors**2).mean()))),
        error=math.sqrt(variance / len(known)),
        scale=scale,
        larger_is_better=metric.larger_is_better,
    )


def _scale(metric: Metric, values: np.ndarray) -> Scale:
    if metric.larger_is_better:
        return LOGITS if metric.unit == "share" and (values >= 0).all() else PLAIN
    return LOGS if (values > 0).all() else PLAIN
