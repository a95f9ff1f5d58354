"""Moves of a rollout, as an administrator makes them; for beats, which happen once."""

from typing import Any

from mlsystem.demo.story import Telling
from registry.models import ModelVersion
from serving import rollout as rollouts
from serving.models import Rollout


def start_canary(
    telling: Telling,
    version: ModelVersion | None,
    *,
    percent: float,
    reason: str,
    **more: Any,
) -> None:
    """Nothing happens where the run found no version worth it."""
    if version is not None:
        rollout = rollouts.of_project(telling.project)
        rollouts.start(
            rollout=rollout,
            candidate=version,
            mode=Rollout.Mode.CANARY,
            percent=percent,
            **more,
            **_edit(telling, rollout, reason),
        )


def set_percent(telling: Telling, *, percent: float, reason: str) -> None:
    rollout = rollouts.of_project(telling.project)
    if rollout.candidate is not None:
        edit = _edit(telling, rollout, reason)
        rollouts.set_percent(rollout=rollout, percent=percent, **edit)


def promote(telling: Telling, *, reason: str) -> None:
    rollout = rollouts.of_project(telling.project)
    if rollout.candidate is not None:
        rollouts.promote(rollout=rollout, **_edit(telling, rollout, reason))


def go_live(telling: Telling, version: ModelVersion | None, *, reason: str) -> None:
    rollout = rollouts.of_project(telling.project)
    if version is not None and rollout.live_id != version.pk:
        edit = _edit(telling, rollout, reason)
        rollouts.go_live(rollout=rollout, version=version, **edit)


def _edit(telling: Telling, rollout: Rollout, reason: str) -> dict[str, Any]:
    return {
        "by": telling.actor("admin"),
        "revision": rollout.revision,
        "reason": reason,
    }
