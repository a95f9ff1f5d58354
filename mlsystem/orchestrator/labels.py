"""Component 6, Orchestrator: what experts labelled becomes rows to learn from.

Labels of items that were chosen because they teach most only train: judged on them, a
model would look worse than it is. Those drawn at random may test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from labelling.models import Annotation, Example, GroundTruth
from mlsystem.orchestrator.rows import Row, completed
from registry.models import Project

CHUNK = 2_000
AT_RANDOM = "random"


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
        drawn = _drawn({example.duplicate_of_id or example.pk for example in found})
        for example in found:
            row = _row(project, columns, example, values[example.key])
            yield row, (example.duplicate_of_id or example.pk) in drawn


def chosen(project: Project, predictions: Iterable[Any]) -> set[Any]:
    """Those of these predictions that experts were asked about for a reason."""
    asked = dict(
        Example.objects.filter(
            project=project, prediction_id__in=list(predictions)
        ).values_list("prediction_id", "pk")
    )
    drawn = _drawn(set(asked.values()))
    return {prediction for prediction, example in asked.items() if example not in drawn}


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


def _drawn(examples: set[int]) -> set[int]:
    """Items whose first answer was asked for at random."""
    first: dict[int, str] = {}
    answers = Annotation.objects.filter(
        example_id__in=examples, state=Annotation.State.SUBMITTED
    ).order_by("pk")
    for example, reason in answers.values_list("example_id", "reason"):
        first.setdefault(example, reason)
    return {example for example, reason in first.items() if reason == AT_RANDOM}


def _row(project: Project, columns: Sequence[str], example: Example, value: Any) -> Row:
    payload = dict(example.payload.data)
    if len(project.entity) == 1:  # an item that names no subject is its own
        payload.setdefault(project.entity[0], example.key)
    return completed(project, columns, payload) | {project.target: value}
