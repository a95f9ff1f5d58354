"""Component 2, Data Labeller: the small learner behind the order of the queue. Pure.

Logistic regression, or ridge for numbers, on stored vectors; fitted anew in seconds,
never served. It says what it expects of an item, and how unsure it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

EACH = 2  # labels that a class needs before anything is learnt
PATIENCE = 10  # times the classes: then a class nobody meets is not waited for
STRENGTH = 20.0  # C of the regression
STEPS = 200


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What the learner expects of each item of the pool."""

    expected: list[Any]  # a class, a list of classes, or a number
    probability: list[float] | None  # of that class
    margin: np.ndarray  # 0: cannot decide; 1: quite sure. Numbers: their values


def can_learn(*, task: str, answers: Sequence[Any], classes: Sequence[str]) -> bool:
    """Whether there is enough to learn from; before that, the queue is a cold start.

    >>> can_learn(task="binary", answers=["a", "a", "b"], classes=["a", "b"])
    False
    >>> can_learn(task="binary", answers=["a", "a", "b", "b"], classes=["a", "b"])
    True
    """
    if task == "regression":
        return len(answers) >= 5 * EACH
    if task == "multilabel":
        answers = [name for answer in answers for name in answer]
    counted = Counter(answers)
    enough = [name for name in classes if counted[name] >= EACH]
    if len(enough) < 2:
        return False
    return len(enough) == len(classes) or len(answers) >= PATIENCE * len(classes)


def rank(
    *, task: str, wide: Any, answers: Sequence[Any], pool: Any, classes: Sequence[str]
) -> Ranking:
    """Fit on `wide` (a row an answer), and say what is expected of `pool`."""
    wide, pool = _narrowed(wide, pool)
    if task == "regression":
        return _numbers(wide, answers, pool)
    if task == "multilabel":
        return _several(wide, answers, pool, classes)
    model = _regression().fit(wide, list(answers))
    shares = model.predict_proba(pool)
    best = shares.argmax(axis=1)
    return Ranking(
        expected=[str(model.classes_[place]) for place in best],
        probability=[
            float(row[place]) for row, place in zip(shares, best, strict=True)
        ],
        margin=_margin(shares),
    )


def _narrowed(wide: Any, pool: Any) -> tuple[Any, Any]:
    """Columns that no answer has anything in: their weights would stay 0."""
    import numpy as np

    used = np.unique(wide.indices)
    return (wide[:, used], pool[:, used]) if len(used) else (wide, pool)


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRENGTH, max_iter=STEPS)


def _margin(shares: np.ndarray) -> np.ndarray:
    """Between the first and the second class."""
    import numpy as np

    two = np.partition(shares, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def _numbers(wide: Any, answers: Sequence[Any], pool: Any) -> Ranking:
    import numpy as np
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1.0, solver="sparse_cg").fit(wide, np.array(answers, float))
    values = model.predict(pool)
    return Ranking(
        expected=[float(value) for value in values], probability=None, margin=values
    )


def _several(
    wide: Any, answers: Sequence[Any], pool: Any, classes: Sequence[str]
) -> Ranking:
    """A yes or no for each class; as unsure as the closest of them."""
    import numpy as np

    shares = np.zeros((pool.shape[0], len(classes)))
    for place, name in enumerate(classes):
        told = [name in answer for answer in answers]
        if all(told) or not any(told):
            shares[:, place] = float(told[0])
        else:
            shares[:, place] = _regression().fit(wide, told).predict_proba(pool)[:, 1]
    sure = np.abs(2 * shares - 1)
    expected = [
        [name for name, share in zip(classes, row, strict=True) if share >= 0.5]
        for row in shares
    ]
    whole = np.where(shares >= 0.5, shares, 1 - shares).prod(axis=1)
    return Ranking(
        expected=expected,
        probability=[float(share) for share in whole],
        margin=sure.min(axis=1),
    )
