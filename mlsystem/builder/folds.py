"""How rows part into training and judging, so that no trial is judged by what it saw."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsystem.builder.plan import BuildError

Rows = NDArray[np.intp]
SMALL, LARGE = 300, 50_000  # rows: outside of these three folds, else five


@dataclass(frozen=True)
class Fold:
    """Row numbers to train on, and to judge on."""

    train: Rows
    judge: Rows


def make_folds(
    *,
    truth: NDArray[Any],
    is_class: bool,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Folds in time order, by group, stratified by class, or plain; in that order.

    With times, a fold trains on what came before it, and the first block is only trained
    on. With groups, rows of one group never part. A fold whose training rows hold one
    class is left out. Raises BuildError when nothing is left to judge by.
    """
    n = len(truth)
    k = 5 if SMALL <= n <= LARGE else 3
    rng = np.random.default_rng(seed)
    if times is not None:
        folds = _by_time(times, k)
        if groups is not None:
            folds = [_without_groups_of_judge(fold, groups) for fold in folds]
    elif groups is not None:
        folds = _complements(_group_parts(groups, k, rng), k)
    elif is_class:
        folds = _complements(_class_parts(truth, k, rng), k)
    else:
        folds = _complements(rng.permutation(np.arange(n) % k), k)
    folds = [fold for fold in folds if _can_teach(fold, truth, is_class)]
    if not folds:
        raise BuildError(
            "The rows cannot be parted into training and judging: every fold lacks "
            "rows, groups or a second class. Add rows of the rarer class."
        )
    return folds


def _can_teach(fold: Fold, truth: NDArray[Any], is_class: bool) -> bool:
    if not len(fold.train) or not len(fold.judge):
        return False
    return not is_class or len(np.unique(truth[fold.train])) > 1


def _complements(parts: Rows, k: int) -> list[Fold]:
    return [
        Fold(train=np.flatnonzero(parts != i), judge=np.flatnonzero(parts == i))
        for i in range(k)
    ]


def _by_time(times: NDArray[Any], k: int) -> list[Fold]:
    blocks = np.array_split(np.argsort(times, kind="stable"), k + 1)
    return [
        Fold(train=np.sort(np.concatenate(blocks[: i + 1])), judge=np.sort(block))
        for i, block in enumerate(blocks[1:])
    ]


def _without_groups_of_judge(fold: Fold, groups: NDArray[Any]) -> Fold:
    judged = np.isin(groups[fold.train], groups[fold.judge])
    return Fold(train=fold.train[~judged], judge=fold.judge)


def _group_parts(groups: NDArray[Any], k: int, rng: np.random.Generator) -> Rows:
    """A part for each row: groups, the largest first, go to the smallest part."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    part_of = np.zeros(len(sizes), dtype=np.intp)
    filled = np.zeros(k, dtype=np.intp)
    shuffled = rng.permutation(len(sizes))
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        part_of[group] = filled.argmin()
        filled[part_of[group]] += sizes[group]
    return part_of[codes]


def _class_parts(truth: NDArray[Any], k: int, rng: np.random.Generator) -> Rows:
    """A part for each row: the members of each class are dealt out in turn."""
    parts = np.empty(len(truth), dtype=np.intp)
    dealt = 0
    for name in np.unique(truth):
        members = rng.permutation(np.flatnonzero(truth == name))
        parts[members] = (np.arange(len(members)) + dealt) % k
        dealt += len(members)
    return parts
