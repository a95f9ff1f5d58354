"""What a build is asked for, and what a trial is and gives back: plain data."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from registry.catalogue import METRICS

FINISHED = "finished"
FAILED = "failed"
RUNNING = "running"


class BuildError(Exception):
    """The build cannot be done with this data or time; the message names the cure."""


def loss(metric: str, score: float) -> float:
    """A score as something to minimise; a bias is bad on either side of 0.

    >>> loss("roc_auc", 0.8), loss("mae", 2.0), loss("bias", -3.0)
    (-0.8, 2.0, 3.0)
    """
    if metric == "bias":
        return abs(score)
    return -score if METRICS[metric].larger_is_better else score


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a trial needs but its parameters; travels to the child as JSON.

    `train` and `validation` are Parquet files holding fields, target and, where
    named, the group and time columns. Without `validation` trials are judged
    out of fold. The sealed test set has no place here.
    """

    train: str
    target: str
    task: str  # binary, multiclass, regression
    fields: list[dict[str, Any]]
    metric: str  # a key of registry.catalogue.METRICS
    classes: list[str] = field(default_factory=list)
    positive: str = ""
    costs: dict[str, Any] = field(default_factory=dict)  # as Project.costs
    decision: dict[str, Any] = field(default_factory=dict)  # as Project.decision
    validation: str = ""
    group: str = ""  # rows that share it never part
    time: str = ""  # folds follow it
    families: list[str] = field(default_factory=list)  # empty: all
    extra_families: str = ""  # "module:NAME" of a further dict of families
    seed: int = 0
    # Featurizer parameters in the same study: {name: {"low", "high", "log", "start"}}
    lengths: dict[str, dict[str, Any]] = field(default_factory=dict)
    memory_mb: int = 4096  # of a trial's process

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    @property
    def ordered_classes(self) -> list[str]:
        """Classes in the order of probabilities: the positive one last."""
        if not self.positive:
            return list(self.classes)
        return [c for c in self.classes if c != self.positive] + [self.positive]


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """What to try next: a family with parameters, under a number and its seed."""

    number: int
    family: str
    params: dict[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """A trial as the study reads it back; mirrors the columns of registry.Trial."""

    number: int
    family: str
    params: dict[str, Any]
    state: str  # running, finished, failed
    score: float | None = None  # of the plan's metric, in the metric's own direction
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """How a trial ended. Paths are files in the slot's working directory."""

    spec: TrialSpec
    state: str  # finished, failed
    score: float | None = None
    fold_scores: list[float | None] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)  # out of fold
    threshold: float | None = None  # binary: tuned out of fold for the metric
    name: str = ""  # "LightGBM, 200 trees of 15 leaves"
    seconds: float = 0.0
    refit_seconds: float = 0.0  # what training on all rows should take
    out_of_fold: str = ""  # .npz: rows, folds, outputs (n,) or (n, k)
    model: str = ""  # .skops: the first fold's model, servable at once
    error: str = ""

    @property
    def row(self) -> TrialRow:
        return TrialRow(
            number=self.spec.number,
            family=self.spec.family,
            params=self.spec.params,
            state=self.state,
            score=self.score,
            seconds=self.seconds,
        )


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """What came out: the best trial and a model file that serves."""

    best: TrialResult
    model: str  # .skops
    refitted: bool  # False: the fold model took the refit's place
    decision: dict[str, Any]  # for registry.decision; {} for regression
    leaderboard: list[TrialResult]  # best first, the failed last
    seconds: float
    stopped: str  # "time", "patience", "cancelled" or "done"
