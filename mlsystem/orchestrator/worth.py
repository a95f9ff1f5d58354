"""Component 6, Orchestrator: what windows are worth: two versions of one dataset, of
which one reads windows that the other does not, on the same sealed rows."""

from __future__ import annotations

from typing import Any

from mlsystem.orchestrator.work import StepWork
from monitoring.evaluator import sealed
from registry.models import ModelVersion
from registry.written import number

LOOKED_AT = 20  # newest versions among which the other one is found


def windows_bring(work: StepWork, candidate: ModelVersion) -> dict[str, Any]:
    """The paired gain of reading more windows, with its interval; {} where there is no
    version to compare with."""
    other = _other(candidate)
    if other is None:
        return {}
    more, less = (candidate, other)
    if _windows(candidate) < _windows(other):
        more, less = less, more
    found = sealed.compare_versions(ours=more, theirs=less, dataset=work.dataset)
    if found["low"] is None:
        return {}
    added = sorted(_windows(more) - _windows(less))
    work.log(
        f"{', '.join(added)}: a gain of {number(found['gain'])} ({number(found['low'])} to "
        f"{number(found['high'])}), version {more.number} against {less.number}."
    )
    numbers = {name: found[name] for name in ("gain", "low", "high", "n")}
    return {
        **numbers,
        "windows": added,
        "with": more.number,
        "without": less.number,
    }


def _windows(version: ModelVersion) -> set[str]:
    return set(version.features.get("windows", {}))


def _other(candidate: ModelVersion) -> ModelVersion | None:
    """A version of the same dataset that reads all that the candidate reads but some
    windows, or the other way round: best one with no windows at all, then the newest."""
    rivals = ModelVersion.objects.select_related("project").filter(
        project=candidate.project,
        dataset=candidate.dataset,
        kind=ModelVersion.Kind.TRAINED,
        algorithm=candidate.algorithm,  # else the families would be compared
        number__lt=candidate.number,
    )
    ours = _windows(candidate)
    fitting = [
        rival
        for rival in rivals.exclude(state=ModelVersion.State.ARCHIVED)[:LOOKED_AT]
        if _plain(rival) == _plain(candidate)
        and (_windows(rival) < ours or _windows(rival) > ours)
    ]
    return min(fitting, key=lambda rival: len(_windows(rival)), default=None)


def _plain(version: ModelVersion) -> set[str]:
    """What it reads beside windows."""
    names = {field["name"] for field in version.features.get("fields", [])}
    for window in version.features.get("windows", {}).values():
        names -= set(window["features"])
    return names
