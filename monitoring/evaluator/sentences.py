"""Component 3, Evaluator: numbers and comparisons in words a project's owner reads."""

from collections.abc import Mapping
from typing import Any

from registry.catalogue import Metric
from registry.written import number


def gained(
    metric: Metric,
    gain: Mapping[str, Any],
    *,
    rival: str,
    margin: float | None,
    currency: str = "",
) -> str:
    """One comparison as a sentence, its interval and n with it.

    With a margin it also says whether the gain is sure to exceed it, and if not why.
    """
    size, low, high = gain["gain"], gain["low"], gain["high"]
    if not any((size, low, high)):
        return f"{metric.label} equals that of {rival} ({number(gain['n'])} rows)."
    better = size >= 0
    if not better:
        size = -size
        low, high = (None, None) if low is None else (-high, -low)
    words = _difference(
        metric, number(size), better=better, rival=rival, money=currency
    )
    interval = "" if low is None else f"{number(low)} to {number(high)}, "
    text = f"{words} ({interval}{number(gain['n'])} rows)"
    if margin is None or gain["low"] > margin:
        return f"{text}."
    if not better and gain["high"] <= margin:
        return f"{text}."
    if margin > 0:
        return f"{text}, not surely more than the {number(margin)} asked for."
    return f"{text}: the difference may be chance."


def _difference(
    metric: Metric, size: str, *, better: bool, rival: str, money: str
) -> str:
    if metric.unit == "money":
        unit = f" {money}" if money else ""
        return f"Loses {size}{unit} a row {'less' if better else 'more'} than {rival}"
    if metric.best_at_zero:
        word = "nearer to" if better else "farther from"
        return f"{metric.label} is {size} {word} 0 than that of {rival}"
    word = "higher" if better == metric.larger_is_better else "lower"
    return f"{metric.label} is {size} {word} than that of {rival}"
