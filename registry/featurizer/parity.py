"""Component 5, Featurizer: the proof that both paths compute the same features."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from registry import frames
from registry.featurizer.batch import compute_frame
from registry.featurizer.realtime import compute
from registry.featurizer.spec import Spec
from registry.models import Project

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Difference:
    """One value on which the paths disagree."""

    row: int
    feature: str
    batch: Any
    realtime: Any


@dataclass(frozen=True)
class Parity:
    """How many rows were replayed, and what differed (at most twenty of them)."""

    rows: int
    differences: list[Difference]

    @property
    def holds(self) -> bool:
        return not self.differences


def check_parity(
    *, project: Project, features: Spec, frame: pd.DataFrame, n: int = 200
) -> Parity:
    """Replay up to n rows of a table through both paths; values must be equal, not
    close: both do the same arithmetic."""
    some = frame.sample(min(n, len(frame)), random_state=0).reset_index(drop=True)
    table = compute_frame(project=project, features=features, frame=some)
    batch = frames.rows_of(features["fields"], table)
    realtime = compute(
        project=project,
        features=features,
        inputs=_inputs(project, some),
        entities=_entities(project, some),
        at=_moments(project, some),
    )
    return Parity(len(some), _compare(features, batch, realtime)[:20])


def _compare(
    features: Spec, batch: list[dict[str, Any]], realtime: list[dict[str, Any]]
) -> list[Difference]:
    found = []
    for index, (ours, theirs) in enumerate(zip(batch, realtime, strict=True)):
        for field in features["fields"]:
            name = field["name"]
            if ours[name] != theirs[name]:
                found.append(Difference(index, name, ours[name], theirs[name]))
    return found


def _inputs(project: Project, frame: pd.DataFrame) -> list[dict[str, Any]]:
    present = [field for field in project.fields if field["name"] in frame]
    return frames.rows_of(present, frame)


def _entities(project: Project, frame: pd.DataFrame) -> list[object]:
    if not project.entity or any(name not in frame for name in project.entity):
        return [None] * len(frame)
    fields = [{"name": name, "kind": "categorical"} for name in project.entity]
    rows = frames.rows_of(fields, frame)
    if len(project.entity) > 1:
        return list(rows)
    return [row[project.entity[0]] for row in rows]


def _moments(project: Project, frame: pd.DataFrame) -> list[datetime] | None:
    if not project.time_column or project.time_column not in frame:
        return None
    return frames.python_values(frame[project.time_column], "datetime")
