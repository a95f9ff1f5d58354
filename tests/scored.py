"""Small scored samples for the tests of Evaluator and Monitor."""

from typing import Any

import numpy as np

from monitoring.evaluator.scored import Scored


def binary(
    scores: Any, is_positive: Any, *, threshold: float = 0.5, **more: Any
) -> Scored:
    """Churn-like: classes no and yes, the answer by threshold."""
    scores = np.asarray(scores, dtype=float)
    return Scored(
        task="binary",
        classes=["no", "yes"],
        positive="yes",
        truth=np.where(np.asarray(is_positive, dtype=bool), "yes", "no"),
        predicted=np.where(scores >= threshold, "yes", "no"),
        probabilities=np.column_stack([1 - scores, scores]),
        **more,
    )


def multiclass(probabilities: Any, truth: Any, **more: Any) -> Scored:
    probabilities = np.asarray(probabilities, dtype=float)
    classes = [chr(ord("a") + k) for k in range(probabilities.shape[1])]
    best = probabilities.argmax(axis=1)
    return Scored(
        task="multiclass",
        classes=classes,
        positive=None,
        truth=np.asarray(truth),
        predicted=np.array(classes)[best] if len(best) else np.array([], dtype=str),
        probabilities=probabilities,
        **more,
    )


def regression(truth: Any, predicted: Any, **more: Any) -> Scored:
    return Scored(
        task="regression",
        classes=[],
        positive=None,
        truth=np.asarray(truth),
        predicted=np.asarray(predicted),
        **more,
    )


def some(task: str, n: int = 400, *, seed: int = 0) -> Scored:
    """n plausible rows of a task, with a numeric and a categorical column."""
    rng = np.random.default_rng(seed)
    rows = {"age": rng.normal(40, 10, n), "plan": rng.choice(["basic", "gold"], n)}
    if task == "binary":
        scores = rng.random(n).round(2)  # with ties
        return binary(scores, rng.random(n) < scores, rows=rows)
    if task == "multiclass":
        shares = rng.dirichlet(np.ones(5), n)
        truth = np.array(list("abcde"))[[rng.choice(5, p=row) for row in shares]]
        return multiclass(shares, truth, rows=rows)
    truth = rng.normal(10, 3, n)
    return regression(truth, truth + rng.normal(0.5, 1, n), rows=rows)
