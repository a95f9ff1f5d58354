"""Builds of small tables, for the builder's tests."""

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from mlsystem.builder.build import Slot, build
from mlsystem.builder.plan import BuildResult, Plan, TrialResult, TrialSpec
from registry import artefact
from registry.estimators.base import Servable
from tests.small_tables import CLASSES, FIELDS, TEXT, make_rows, truth_of

LONG = 300  # seconds, for builds that end by themselves, also on a busy machine


def plan_in(folder: Path, task: str = "binary", n: int = 120, **changes: Any) -> Plan:
    frame = make_rows(n)
    frame["target"] = truth_of(frame, task)
    frame.to_parquet(folder / "train.parquet")
    given = {
        "train": str(folder / "train.parquet"),
        "target": "target",
        "task": task,
        "fields": [*FIELDS, TEXT],
        "metric": "mae" if task == "regression" else "log_loss",
        "classes": CLASSES[task],
        "positive": "yes" if task == "binary" else "",
    }
    return Plan(**given | changes)


def run(
    plan: Plan, tmp_path: Path, *, seconds: float = LONG, trials: int = 3
) -> BuildResult:
    """A build that somebody stops after so many trials, if time does not."""
    told: list[TrialResult] = []
    return build(
        plan=plan,
        workdir=tmp_path / "work",
        deadline=time.time() + seconds,
        on_trial=told.append,
        should_stop=lambda: len(told) >= trials,
    )


def following(slot: Slot, *before: TrialResult) -> TrialSpec:
    spec = slot.next_spec([result.row for result in before])
    assert spec is not None
    return spec


def loaded(path: str, **options: Any) -> Servable:
    data = Path(path).read_bytes()
    return artefact.loads(data, sha256=sha256(data).hexdigest(), **options)


def waits(slot: Slot) -> list[float]:
    """Until when the slot waits for its child's answers, one after the other."""
    until: list[float] = []
    ask = slot.child.ask

    def asked(request: dict[str, Any], *, deadline: float) -> dict[str, Any]:
        until.append(deadline)
        return ask(request, deadline=deadline)

    slot.child.ask = asked  # type: ignore[method-assign]
    return until


class Clock:
    """The real clock, until a test turns it forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def leave(self, seconds: float, *, before: float) -> None:
        self.ahead = before - seconds - time.time()
