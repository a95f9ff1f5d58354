"""Component 1, Ground-truth Collector: which truth counts for a prediction. Pure.

The order in which truths and predictions arrive plays no part in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from registry.precedence import SOURCES, complete

# A truth about this one prediction says more than one about its subject.
CLOSENESS = {"prediction": 0, "reference": 1, "entity": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A prediction, as far as truth is concerned."""

    id: UUID
    at: datetime
    shadow_of: UUID | None = None
    reference: str = ""
    entity: str = ""
    test: bool = False

    def heard_under(self) -> list[tuple[str, str]]:
        """Under which keys its truth may have been said, the closest first.

        A shadow's truth is that of the answer it shadows; a test prediction takes
        part in nothing, so only its own id reaches it.
        """
        found = [("prediction", str(self.id))]
        if self.shadow_of:
            found.append(("prediction", str(self.shadow_of)))
        if self.reference and not self.test:
            found.append(("reference", self.reference))
        if self.entity and not self.test:
            found.append(("entity", self.entity))
        return found


class Said(Protocol):
    """A truth, as far as choosing is concerned: a row of GroundTruth."""

    pk: int
    key_kind: str
    key: str
    at: datetime | None
    source: str
    version: int
    observed_at: datetime
    retracted: bool


Truth = TypeVar("Truth", bound=Said)


def applies(truth: Said, asked: Asked, *, horizon: timedelta | None) -> bool:
    """Whether a truth under one of the prediction's keys is about this prediction.

    An entity's truth with `at` picks the prediction for that moment; without, those
    with `at` in (observed_at - horizon, observed_at]. Without a horizon an entity is
    predicted once, so its truth is always meant.
    """
    if truth.key_kind != "entity":
        return True
    if truth.at is not None:
        return truth.at == asked.at
    if horizon is None:
        return True
    return truth.observed_at - horizon < asked.at <= truth.observed_at


def choose(
    truths: Iterable[Truth], *, precedence: Sequence[str] = SOURCES
) -> Truth | None:
    """Of the truths that apply to one prediction the one that counts, if any.

    The strongest source, then the closest key, then the latest observation; of two of
    the same moment the later version. What its own source took back does not count.
    """
    ranks = {source: rank for rank, source in enumerate(complete(precedence))}

    def weight(truth: Truth) -> tuple[int, int, datetime, int, int]:
        return (
            -ranks[truth.source],
            -CLOSENESS[truth.key_kind],
            truth.observed_at,
            truth.version,
            truth.pk,
        )

    taken_back = set()
    for truth in sorted(truths, key=weight, reverse=True):
        voice = (truth.key_kind, truth.key, truth.at, truth.source)
        if truth.retracted:
            taken_back.add(voice)
        elif voice not in taken_back:
            return truth
    return None
