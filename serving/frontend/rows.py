"""Component 9, Front-end: answers as rows of the log."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from registry.actors import Actor
from registry.answering import Answer
from registry.identifiers import uuid7
from registry.schema import json_value
from serving.frontend.asking import Work
from serving.model_server.states import State
from serving.models import Prediction
from serving.variants import CANARY, LIVE

Body = dict[str, Any]


def reason_of(work: Work) -> str:
    """Why somebody else answered, "" where nobody had to."""
    return "; ".join(f"version {number} {why}" for number, why in work.failures)[:300]


def rows_of(
    works: Sequence[Work], state: State, *, actor: Actor, now: datetime
) -> Iterator[Prediction]:
    """The rows of what was answered, each followed by the failure of whoever should have."""
    key_id = actor.key.pk if actor.key else None
    for work in works:
        if work.answer is None:
            continue
        yield row_of(
            work,
            role=work.variant,
            state=state,
            now=now,
            latency_ms=work.took,
            explanation=work.explanation,
            warnings=work.warnings,
            fallback=reason_of(work),
            key_id=key_id,
        )
        if work.route in {CANARY, LIVE} and work.failures:
            yield from _failure(work, state, now=now)


def row_of(
    work: Work, *, role: str, state: State, now: datetime, **more: Any
) -> Prediction:
    said, version, sent = work.answer, work.version, plain(work.clean)
    if said is not None and version is not None:
        more |= {
            "version": version.version,
            "features": _added(sent, plain(work.row)),
            "output": said.said(),
            "score": scored(said),
            "decision": said.decision,
        }
    return Prediction(
        id=work.id,
        project_id=state.project.pk,
        role=role,
        reference=work.ask.reference,
        unit=work.unit[:200],
        entity=work.ask.entity,
        at=work.ask.at,
        received_at=now,
        input=sent,
        test=work.ask.test,
        **more,
    )


def _failure(work: Work, state: State, *, now: datetime) -> Iterator[Prediction]:
    """A failure is its own row, so that it counts against its version: live's too, or
    inputs that no version can read would count against the candidate alone."""
    place = state.chains[work.route][0]
    if place.loaded is None:
        return
    failed = Work(ask=work.ask, id=uuid7(now), unit=work.unit, clean=work.clean)
    yield row_of(
        failed,
        role=work.route,
        state=state,
        now=now,
        version=place.loaded.version,
        shadow_of=work.id,
        error=work.failures[0][1][:500],
        latency_ms=work.lost,
    )


def _added(sent: Body, seen: Body) -> Body:
    """What the Featurizer added to the input, or changed in it."""
    return {name: value for name, value in seen.items() if sent.get(name) != value}


def scored(said: Answer) -> float | None:
    """The number histograms are made of: probability of the positive class, or value."""
    if said.score is not None:
        return said.score
    return said.prediction if isinstance(said.prediction, float) else None


def plain(row: Mapping[str, Any]) -> Body:
    """A row as JSON: what is missing is left out."""
    return {
        name: json_value(value)
        for name, value in row.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }
