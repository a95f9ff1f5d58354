"""Component 6, Orchestrator: what windows are worth: two versions of one dataset, one
with windows and one without, on the same sealed rows."""

from __future__ import annotations

from typing import Any

from mlsystem.orchestrator.work import StepWork
from monitoring.evaluator import sealed
from registry.models import ModelVersion

LOOKED_AT = 20  # newest versions among which the other one is found


def windows_bring(work: StepWork, candidate: ModelVersion) -> dict[str, Any]:
    """The paired gain of having windows, with its interval; {} where there is no version
    to compare with."""
    other = _other(candidate)
    if other is None:
        return {}
    pair = (candidate, other) if _has(candidate) else (other, candidate)
    found = sealed.compare_versions(ours=pair[0], theirs=pair[1], dataset=work.dataset)
    if found["low"] is None:
        return {}
    work.log(
        f"Windows bring {found['gain']:.3g} ({found['low']:.3g} to {found['high']:.3g}): "
        f"version {pair[0].number} against {pair[1].number}."
    )
    numbers = {name: found[name] for name in ("gain", "low", "high", "n")}
    return {**numbers, "with": pair[0].number, "without": pair[1].number}


def _has(version: ModelVersion) -> bool:
    return bool(version.features.get("windows"))


def _other(candidate: ModelVersion) -> ModelVersion | None:
    """The nearest version of the same dataset: it reads all that the candidate reads but
    windows, or the other way round."""
    rivals = ModelVersion.objects.select_related("project").filter(
        project=candidate.project,
        dataset=candidate.dataset,
        kind=ModelVersion.Kind.TRAINED,
        number__lt=candidate.number,
    )
    for rival in rivals.exclude(state=ModelVersion.State.ARCHIVED)[:LOOKED_AT]:
        if _has(rival) != _has(candidate) and _plain(rival) == _plain(candidate):
            return rival
    return None


def _plain(version: ModelVersion) -> set[str]:
    """What it reads beside windows."""
    names = {field["name"] for field in version.features.get("fields", [])}
    for window in version.features.get("windows", {}).values():
        names -= set(window["features"])
    return names
