"""Predictions made elsewhere, by a version's downloaded file: stored and monitored like
our own, with the file's hash as the proof of which model answered."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from registry.actors import Actor
from registry.classes import by_class, find_class
from registry.decision import decide
from registry.errors import DomainError, FieldError, InvalidInput, NotFound, TooLarge
from registry.identifiers import uuid7
from registry.models import ModelVersion, Project
from registry.schema import check_row
from serving import predictions
from serving.frontend import asks
from serving.frontend.rows import plain
from serving.models import Prediction, Rollout

LARGEST_BATCH = 10_000
SAID = ("prediction", "score", "probabilities", "latency_ms")
TOLERANCE = 1e-3  # probabilities come from somebody else's floats
SOURCE = "external"
Stored = UUID | DomainError


def store(
    *,
    project: Project,
    model: int,
    sha256: str,
    items: Sequence[Any],
    actor: Actor,
    now: datetime,
    commit: Callable[[list[Stored]], None] = lambda results: None,
) -> list[Stored]:
    """An id, or an error in its place, for each item; `commit` runs in the same
    transaction."""
    if len(items) > LARGEST_BATCH:
        raise TooLarge(f"{len(items)} predictions; send at most {LARGEST_BATCH}.")
    version = _version(project, model, sha256)
    role = _role(project, version)
    results: list[Stored] = []
    rows = []
    for item in items:
        try:
            row = _row(project, version, item, now=now)
        except DomainError as error:
            results.append(error)
            continue
        row.role = role
        row.key_id = actor.key.pk if actor.key else None
        rows.append(row)
        results.append(row.pk)
    predictions.store(rows, also=lambda: commit(results))
    return results


def _version(project: Project, number: int, sha256: str) -> ModelVersion:
    version = ModelVersion.objects.filter(project=project, number=number).first()
    if version is None:
        raise NotFound(f"There is no model {number} in this project.")
    if not version.sha256:
        raise _wrong("model", f"Model {number} is a function: it has no file.")
    if sha256.lower() != version.sha256:
        raise _wrong(
            "sha256", f"This is not the file of model {number}; download it again."
        )
    return version


def _role(project: Project, version: ModelVersion) -> str:
    """As which variant a client's own copy counts."""
    rollout = Rollout.objects.filter(project=project).first()
    if rollout and version.pk == rollout.candidate_id:
        return Prediction.Role.CANARY
    if rollout and version.pk == rollout.baseline_id != rollout.live_id:
        return Prediction.Role.BASELINE
    return Prediction.Role.LIVE


def _row(
    project: Project, version: ModelVersion, item: Any, *, now: datetime
) -> Prediction:
    if not isinstance(item, Mapping):
        raise InvalidInput("Send objects such as {'input': {…}, 'prediction': …}.")
    asked = {name: value for name, value in item.items() if name not in SAID}
    ask = asks.read(asked, project=project, fields=version.fields, now=now)
    clean, warnings, errors = check_row(
        version.fields, ask.input, project.strict_inputs
    )
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.field}: {first.message}", errors=errors)
    output = _output(project, version, item)
    score = output.get("score", output["prediction"])
    decision = decide(
        probabilities=output.get("probabilities", {}),
        decision=version.decision,
        costs=version.costs,
        positive=project.positive_class,
        row=clean,
    )
    identity = uuid7(now)
    return Prediction(
        id=identity,
        project=project,
        version=version,
        reference=ask.reference,
        unit=(ask.user or ask.entity or str(identity))[:200],
        entity=ask.entity,
        at=ask.at,
        received_at=now,
        input=plain(clean),
        output=output,
        score=score if isinstance(score, float) else None,
        decision=decision and {"action": decision.action, "reason": decision.reason},
        warnings=warnings,
        latency_ms=_number(item.get("latency_ms", 0.0), "latency_ms", low=0.0),
        test=ask.test,
        source=SOURCE,
    )


def _output(
    project: Project, version: ModelVersion, item: Mapping[str, Any]
) -> dict[str, Any]:
    """What the model said, as our own would have said it."""
    said = item.get("prediction")
    if project.task == Project.Task.REGRESSION:
        return {"prediction": _number(said, "prediction")}
    if project.task == Project.Task.MULTILABEL and isinstance(said, list):
        named = [find_class(version.classes, one) for one in said]
        if None in named:
            raise _wrong("prediction", f"Write classes of {version.classes}.")
        return {"prediction": [c for c in version.classes if c in named]}
    predicted = find_class(version.classes, said)
    if predicted is None or isinstance(said, list):
        raise _wrong("prediction", f"Write one of {', '.join(version.classes)}.")
    output: dict[str, Any] = {"prediction": predicted}
    shares = _shares(project, version, item)
    if shares:
        output["probabilities"] = shares
        if project.positive_class in shares:
            output["score"] = shares[project.positive_class]
    return output


def _shares(
    project: Project, version: ModelVersion, item: Mapping[str, Any]
) -> dict[str, float]:
    """Probabilities by class, of which a binary score is enough."""
    given, score = item.get("probabilities"), item.get("score")
    if given is None and score is not None and project.positive_class:
        share = _number(score, "score", low=0.0, high=1.0)
        return {
            name: share if name == project.positive_class else 1.0 - share
            for name in version.classes
        }
    if given is None:
        return {}
    named = by_class(version.classes, given) if isinstance(given, Mapping) else None
    if named is None or len(named) != len(version.classes):
        raise _wrong("probabilities", f"Name exactly {', '.join(version.classes)}.")
    shares = {
        name: _number(named[name], "probabilities", low=0.0, high=1.0)
        for name in version.classes
    }
    total = sum(shares.values())
    if abs(total - 1.0) > TOLERANCE:
        raise _wrong("probabilities", f"They add up to {total:.4f}, not 1.")
    return shares


def _number(
    value: Any, field: str, *, low: float = -math.inf, high: float = math.inf
) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(field, "Write a number.")
    if not math.isfinite(value) or not low <= value <= high:
        raise _wrong(field, f"Write a finite number from {low:g} to {high:g}.")
    return float(value)


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])
