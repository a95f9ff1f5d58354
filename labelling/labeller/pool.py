"""Component 2, Data Labeller: what may be asked and what was answered, read for the
ranker in bounded pieces: never a row of every example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from labelling.labeller import vectors
from labelling.models import Example, ExamplePayload, ExampleVector
from registry.models import Project

if TYPE_CHECKING:
    import numpy as np

LARGEST = 50_000  # of a larger pool, a fresh random part is looked at
MOST_ANSWERS = 5_000  # the newest ones
PIECE = 2_000
LARGEST_SHUFFLE = 2**31
State = Example.State


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Cards that wait, and cards that are answered, with their vectors in one list."""

    open_ids: list[int]
    labelled_ids: list[int]
    answers: list[Any]
    blobs: list[bytes]  # of the labelled, then of the open ones
    widths: list[tuple[str, int]]


def read(project: Project, *, rng: np.random.Generator) -> Pool:
    """A random part of what is open, and the newest answers."""
    fields = vectors.known_fields(project.fields, target=project.target)
    layout = vectors.layout_of(fields)
    answered = list(
        Example.objects.filter(
            project=project,
            state=State.LABELLED,
            duplicate_of=None,
            answer__isnull=False,
        )
        .order_by("-pk")
        .values_list("pk", "answer")[:MOST_ANSWERS]
    )
    waiting = _open(project, rng)
    ids = [pk for pk, _ in answered] + waiting
    found = _vectors(ids, layout=layout, fields=fields)
    kept = [(pk, answer) for pk, answer in answered if pk in found]
    open_ids = [pk for pk in waiting if pk in found]
    order = [pk for pk, _ in kept] + open_ids
    return Pool(
        open_ids=open_ids,
        labelled_ids=[pk for pk, _ in kept],
        answers=[answer for _, answer in kept],
        blobs=[found[pk] for pk in order],
        widths=vectors.widths(fields),
    )


def waiting(project: Project) -> QuerySet[Example]:
    """Cards with a free slot. What was reported wrong comes before every head."""
    return Example.objects.filter(
        project=project, open_slots__gt=0, priority__lte=0
    ).exclude(state=State.DISPUTED)


def _open(project: Project, rng: np.random.Generator) -> list[int]:
    rows = waiting(project).filter(gold__isnull=True)
    start = int(rng.integers(LARGEST_SHUFFLE))
    ordered = rows.order_by("shuffle").values_list("pk", flat=True)
    found = list(ordered.filter(shuffle__gte=start)[:LARGEST])
    if len(found) < LARGEST:
        found += ordered.filter(shuffle__lt=start)[: LARGEST - len(found)]
    return found


def _vectors(
    ids: Sequence[int], *, layout: str, fields: Sequence[vectors.Field]
) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for piece in _pieces(ids):
        rows = ExampleVector.objects.filter(example_id__in=piece, layout=layout)
        found.update(
            (pk, bytes(data)) for pk, data in rows.values_list("example_id", "data")
        )
        missing = [pk for pk in piece if pk not in found]
        if missing:
            found |= _compute(missing, layout=layout, fields=fields)
    return found


def _compute(
    ids: Sequence[int], *, layout: str, fields: Sequence[vectors.Field]
) -> dict[int, bytes]:
    """Vectors of what was here before the schema was as it is now."""
    payloads = ExamplePayload.objects.filter(example_id__in=ids)
    made = {
        pk: vectors.pack(data, fields)
        for pk, data in payloads.values_list("example_id", "data")
    }
    ExampleVector.objects.bulk_create(
        [
            ExampleVector(example_id=pk, layout=layout, data=data)
            for pk, data in made.items()
        ],
        update_conflicts=True,
        unique_fields=["example"],
        update_fields=["layout", "data"],
        batch_size=500,
    )
    return made


def _pieces(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + PIECE] for start in range(0, len(ids), PIECE))


def gold(project: Project, count: int) -> list[int]:
    """Cards whose answer is known, to see how people do."""
    rows = waiting(project).filter(gold__isnull=False).order_by("shuffle")
    return list(rows.values_list("pk", flat=True)[:count])


def from_production(project: Project, count: int) -> list[tuple[int, str]]:
    """Cards that production asked for, the newest first, with the reason."""
    rows = waiting(project).filter(prediction_id__isnull=False)
    return list(rows.order_by("-pk").values_list("pk", "reason")[:count])
