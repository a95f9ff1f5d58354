"""Registry: the plan of a rollout, checked alike in a project and in its rollout. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeGuard

from registry.errors import FieldError, InvalidInput

MAX_STEPS = 20
MAX_STEP_HOURS = 24 * 90


def clean_percent(value: object, *, name: str = "percent") -> Decimal:
    """A share of 0 to 100 with at most two decimals.

    >>> clean_percent(2.5)
    Decimal('2.50')
    """
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    share = Decimal(str(value)) if number else Decimal(-1)
    if not share.is_finite() or not (0 <= share <= 100) or share != round(share, 2):
        raise _wrong(name, f"{value!r}: write a number from 0 to 100, two decimals.")
    return round(share, 2)


def clean_plan(plan: object) -> list[dict[str, Any]]:
    """Steps as they are stored: a share that grows, how long, and how many at least."""
    if not isinstance(plan, list) or len(plan) > MAX_STEPS:
        raise _wrong("plan", f"Give a list of at most {MAX_STEPS} steps.")
    steps = [_step(step, f"plan[{i}]") for i, step in enumerate(plan)]
    for i, (step, following) in enumerate(pairwise(steps), 1):
        if following["percent"] <= step["percent"]:
            raise _wrong(
                f"plan[{i}].percent", f"Must be more than the {step['percent']} before."
            )
    return steps


def _step(step: object, place: str) -> dict[str, Any]:
    if not isinstance(step, Mapping):
        raise _wrong(
            place, 'Give an object: {"percent": 5, "hours": 24, "min_n": 200}.'
        )
    unknown = set(step) - {"percent", "hours", "min_n"}
    if unknown:
        raise _wrong(f"{place}.{min(unknown)}", "Not part of a step.")
    share = clean_percent(step.get("percent"), name=f"{place}.percent")
    if share == 0:
        raise _wrong(f"{place}.percent", "A step gives the candidate some traffic.")
    hours, least = step.get("hours"), step.get("min_n", 0)
    if not _number(hours) or not 0 < hours <= MAX_STEP_HOURS:
        raise _wrong(f"{place}.hours", f"Give hours, above 0, up to {MAX_STEP_HOURS}.")
    if not isinstance(least, int) or isinstance(least, bool) or not 0 <= least < 10**9:
        raise _wrong(f"{place}.min_n", "Give a whole number of predictions.")
    return {"percent": float(share), "hours": hours, "min_n": least}


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput(
        f"{name}: {message}", errors=[FieldError(field=name, message=message)]
    )
