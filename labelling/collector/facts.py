"""Component 1, Ground-truth Collector: a truth is a fact for windows too, added in the
truth's own transaction. It is known from the moment we were told, not before."""

from collections.abc import Iterable, Sequence
from typing import Any

from labelling.models import GroundTruth
from registry import facts
from registry.facts import Fact
from registry.featurizer import context
from registry.models import Project
from serving.models import Prediction

Joined = Sequence[tuple[Any, GroundTruth]]  # who was asked, and what was said of it


def add_joined(*, project: Project, joined: Joined) -> None:
    """Facts of truths that joined predictions: the columns that group them come from
    the prediction's input, else from the look-up."""
    if not joined or not facts.truth_windows(project):
        return
    asked = Prediction.objects.in_bulk({one.id for one, _ in joined})
    found = []
    for one, truth in joined:
        prediction = asked.get(one.id)
        if prediction is None or prediction.test or one.shadow_of:
            continue
        subject = prediction.entity or str(prediction.pk)
        columns = {
            **context.entity_columns(project, prediction.entity),
            **prediction.features,
            **prediction.input,
        }
        found.append(_fact(project, subject, truth, columns))
    facts.append(project=project, facts=_once(found))


def add_unasked(*, project: Project, truths: Iterable[GroundTruth]) -> None:
    """Facts of truths about entities nobody predicted, as far as a look-up knows them."""
    if not facts.truth_windows(project):
        return
    of_entities = [
        truth for truth in truths if truth.key_kind == GroundTruth.KeyKind.ENTITY
    ]
    known = facts.columns_by_lookup(project, [truth.key for truth in of_entities])
    found = [_fact(project, one.key, one, known[one.key]) for one in of_entities]
    facts.append(project=project, facts=_once(found))


def _fact(
    project: Project, subject: str, truth: GroundTruth, columns: dict[str, Any]
) -> Fact | None:
    if truth.retracted:
        return None
    return Fact(
        subject=subject,
        value=facts.number_of(project, truth.value),
        observed_at=truth.observed_at,
        known_at=max(truth.observed_at, truth.received_at),
        columns=columns,
    )


def _once(found: Iterable[Fact | None]) -> list[Fact]:
    return list({fact.event_id: fact for fact in found if fact}.values())
