"""Component 4, Monitor: how far ordinary days lie from a version's reference. Pure.

The reference is of a few days, and no day is like another: the weather of any Tuesday is
surely and greatly another than that of the three days before. Only what changes by more
than days of the same data do is drift.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.monitor.drift import PREDICTION, sizes
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.usual import hardly_passed

NARROWLY, WIDELY = 0.5, 2.0  # times the worst day, beyond it


def ordinary(
    profile: Mapping[str, Any], days: Sequence[Inputs], *, of_days: int
) -> dict[str, dict[str, float]]:
    """Feature → measure → what hardly one of these days exceeds; empty below a week.

    `days` are folded in the profile's bins. Each stands for the shortest time that drift
    is looked for in: of longer ones even less is passed. The profile is `of_days` days.

    What the model said of rows that it learnt from is closer to the truth than what it
    says of others. So a day's predictions are compared with those of as many days
    beside it, which it learnt from too, and not with the profile's: else the gap would
    pass for how days differ, and hide as much.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for place, day in enumerate(days):
        measured = sizes(profile, day)
        if PREDICTION in measured:
            beside = _beside(days, place, most=of_days)
            measured[PREDICTION] = sizes(profile, day, against=beside)[PREDICTION]
        for feature, of in measured.items():
            for name, size in of.items():
                found.setdefault(feature, {}).setdefault(name, []).append(size)
    limits = {
        feature: {name: _limit(name, of) for name, of in parts.items()}
        for feature, parts in found.items()
    }
    return {
        feature: {name: limit for name, limit in of.items() if limit is not None}
        for feature, of in limits.items()
    }


def _limit(measure: str, sizes: Sequence[float]) -> float | None:
    """Values move with the weather, and one day much further than another; that they
    come at all does not."""
    beyond = WIDELY if measure in {"psi", "ks", "outside"} else NARROWLY
    return hardly_passed(sizes, is_share=measure != "psi", beyond=beyond)


def _beside(days: Sequence[Inputs], place: int, *, most: int) -> Inputs:
    """The days that follow this one, the first ones again after the last; one at least."""
    merged = Inputs()
    for step in range(1, min(max(most, 1), len(days) - 1) + 1):
        merged = merged.merge(days[(place + step) % len(days)])
    return merged
