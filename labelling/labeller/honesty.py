"""Component 2, Data Labeller: how good the learner is, asked only of cards that were
drawn at random and shown without its suggestion; and when more labels bring no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from labelling.models import Annotation
from registry.intervals import wilson
from registry.models import Project

WINDOW = 200  # newest answers
ENOUGH = 30
STEADY = 0.005  # half a point
LOOKED_AT = 4  # refreshes: three moves


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of `n` random cards the learner knew `right`; `error` where a number is asked."""

    n: int
    right: int
    error: float | None = None

    @property
    def share(self) -> float | None:
        return self.right / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.right, self.n)


def estimate(project: Project) -> Estimate:
    """From the newest answers to random cards that the learner had an opinion on."""
    rows = Annotation.objects.filter(
        example__project=project,
        state=Annotation.State.SUBMITTED,
        reason="random",
        cannot_tell=False,
        predicted__isnull=False,
    ).order_by("-pk")
    pairs: list[tuple[Any, Any]] = list(rows.values_list("predicted", "value")[:WINDOW])
    if project.is_classification:
        right = sum(predicted["value"] == value for predicted, value in pairs)
        return Estimate(n=len(pairs), right=right)
    errors = [abs(predicted["value"] - value) for predicted, value in pairs]
    mean = sum(errors) / len(errors) if errors else None
    return Estimate(n=len(pairs), right=0, error=mean)


def step(labels: int) -> int:
    """With so many labels there are, how many new ones may have changed something.

    >>> step(20), step(1_000)
    (10, 100)
    """
    return max(10, ceil(labels / 10))


def advice(history: Sequence[Mapping[str, Any]]) -> str:
    """Whether to go on: three refreshes that moved the estimate by less than half a
    point say that more labels of the same kind bring no more. A refresh with hardly a
    label since the one before, as an import makes it, moves nothing and says nothing.

    >>> steady = [{"n": 100, "right": 90, "labels": n} for n in (100, 120, 140, 160)]
    >>> advice(steady)[:20]
    'The last three refre'
    >>> advice(steady[:2])
    ''
    >>> advice(steady[:1] * 4)
    ''
    """
    last = _apart([entry for entry in history if entry["n"] >= ENOUGH])[-LOOKED_AT:]
    if len(last) < LOOKED_AT or any("right" not in entry for entry in last):
        return ""
    shares = [entry["right"] / entry["n"] for entry in last]
    if max(shares) == 0 or max(shares) - min(shares) >= STEADY:
        return ""
    grown = last[-1]["labels"] - last[0]["labels"]
    return (
        f"The last three refreshes, {grown} labels, moved the accuracy on random cards "
        "by less than half a point: more labels of this kind will bring little."
    )


def _apart(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The newest, and before it those with enough labels to the next one."""
    kept: list[Mapping[str, Any]] = []
    for entry in reversed(history):
        if not kept or kept[0]["labels"] - entry["labels"] >= step(entry["labels"]):
            kept.insert(0, entry)
    return kept
