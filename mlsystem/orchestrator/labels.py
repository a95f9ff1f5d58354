"""Component 6, Orchestrator: what experts labelled becomes rows to learn from.

Labels of items that were chosen because they teach most only train: judged on them, a
model would look worse than it is. Those drawn at random may test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from labelling.labeller.drawn import at_random
from labelling.models import Example, GroundTruth
from mlsystem.orchestrator.rows import Row, completed
from registry.models import Project

CHUNK = 2_000


def labelled(project: Project, columns: Sequence[str]) -> Iterator[tuple[Row, bool]]:
    """A row for each labelled item that nobody predicted, and whether it was drawn at
    random. Predicted ones come in by their predictions."""
    values = _current(project)
    keys = sorted(values)
    for start in range(0, len(keys), CHUNK):
        found = list(
            Example.objects.filter(project=project, key__in=keys[start : start + CHUNK])
            .select_related("payload")
            .order_by("pk")
        )
        drawn = at_random(found)
        for example in found:
            row = _row(project, columns, example, values[example.key])
            yield row, example.pk in drawn


def _current(project: Project) -> dict[str, Any]:
    """What the experts say now, by the item's key; the latest word counts."""
    said = GroundTruth.objects.filter(
        project=project,
        key_kind=GroundTruth.KeyKind.EXAMPLE,
        source=GroundTruth.Source.EXPERT,
    ).order_by("observed_at", "version")
    values: dict[str, Any] = {}
    for key, value, retracted in said.values_list("key", "value", "retracted"):
        values[key] = None if retracted else value
    return {key: value for key, value in values.items() if value is not None}


def _row(project: Project, columns: Sequence[str], example: Example, value: Any) -> Row:
    payload = dict(example.payload.data)
    if len(project.entity) == 1:  # an item that names no subject is its own
        payload.setdefault(project.entity[0], example.key)
    return completed(project, columns, payload) | {project.target: value}
