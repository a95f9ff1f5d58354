"""What a build is after: trials judged by the Evaluator's own metrics and decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsystem.builder.plan import Plan
from monitoring.evaluator.draws import Draws, Prepared
from monitoring.evaluator.economics import Economics
from monitoring.evaluator.metrics import METRIC_FUNCTIONS
from monitoring.evaluator.own import UndefinedMetric
from monitoring.evaluator.scored import Scored
from registry import decision as decisions
from registry.catalogue import metrics_for

Floats = NDArray[np.float64]
BY_LABEL = {  # metrics of what is said, and what their threshold is tuned for
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1": "f1",
    "precision": "f1",  # alone they are best at a threshold of 1 or 0
    "recall": "f1",
}


@dataclass(frozen=True)
class Judged:
    """Out-of-fold outputs, judged; `undefined` says why there is no score."""

    score: float | None
    fold_scores: list[float | None]
    metrics: dict[str, float]
    threshold: float | None
    undefined: str = ""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The metric of a build with all it needs: classes, costs, decision."""

    task: str
    metric: str
    classes: list[str] = field(default_factory=list)  # in the order of probabilities
    positive: str = ""
    costs: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> "Goal":
        return cls(
            task=plan.task,
            metric=plan.metric,
            classes=plan.ordered_classes,
            positive=plan.positive,
            costs=plan.costs,
            decision=plan.decision,
        )

    def judge(
        self,
        *,
        outputs: Floats,
        truth: NDArray[Any],
        rows: Mapping[str, NDArray[Any]],
        folds: NDArray[np.intp],
    ) -> Judged:
        """Judge probabilities (n, k) or values (n,); `rows` are what costs multiply by.

        The score is of all rows together; each fold's own is shown beside it.
        """
        threshold = self.threshold(outputs=outputs, truth=truth, rows=rows)
        scored = self._scored(outputs, truth, rows, threshold)
        undefined, found = "", {}
        for metric in metrics_for(self.task):
            value, why = self._value(metric.key, scored)
            if value is not None:
                found[metric.key] = value
            elif metric.key == self.metric:
                undefined = why
        return Judged(
            score=found.get(self.metric),
            fold_scores=[
                self._value(self.metric, scored.take(folds == fold))[0]
                for fold in np.unique(folds)
            ],
            metrics=found,
            threshold=threshold,
            undefined=undefined,
        )

    def decided(self, threshold: float | None) -> dict[str, Any]:
        """The decision a model of this build carries: the project's, or one fitting it.

        >>> Goal(task="binary", metric="roc_auc").decided(0.4)
        {'kind': 'threshold', 'threshold': 0.4}
        """
        given = dict(self.decision)
        if self.task == "regression":
            return {}
        if given.get("kind") == "cost" or (not given and self.costs.get("matrix")):
            return {"kind": "cost"} | given
        if self.task != "binary":
            return given
        return {"kind": "threshold", "threshold": threshold} | given

    def threshold(
        self, *, outputs: Floats, truth: NDArray[Any], rows: Mapping[str, NDArray[Any]]
    ) -> float | None:
        """The probability from which the positive class is said; binary only.

        The project's own where it names one; tuned for metrics of labels, and for the
        cost of a threshold decision; else one half, the more likely class.
        """
        if self.task != "binary":
            return None
        if "threshold" in self.decision:
            return float(self.decision["threshold"])
        scores = outputs[:, self.classes.index(self.positive)]
        is_positive = truth == self.positive
        if self.metric == "cost" and self.decided(None)["kind"] == "threshold":
            below, above = decisions.actions_of(
                self.decision, classes=self.classes, positive=self.positive
            )
            money = Economics.from_costs(self.costs)
            if money is None:
                return 0.5
            costs = [
                np.nan_to_num(money.row_costs(truth, np.full(len(truth), said), rows))
                for said in (below, above)
            ]
            return cheapest_threshold(scores, below=costs[0], above=costs[1])
        if self.metric in BY_LABEL:
            return best_threshold(scores, is_positive, BY_LABEL[self.metric])
        return 0.5

    def _scored(
        self,
        outputs: Floats,
        truth: NDArray[Any],
        rows: Mapping[str, NDArray[Any]],
        threshold: float | None,
    ) -> Scored:
        if self.task == "regression":
            return Scored(self.task, [], None, truth, outputs, rows=rows)
        names = np.array(self.classes, dtype=object)
        if threshold is None:
            said = names[outputs.argmax(axis=1)]
        else:
            at = self.classes.index(self.positive)
            other = names[1 - at]
            said = np.where(outputs[:, at] >= threshold, self.positive, other)
        actions = decisions.decide_many(
            probabilities=outputs,
            classes=self.classes,
            decision=self.decided(threshold),
            costs=self.costs,
            positive=self.positive,
            rows=_as_rows(rows, len(outputs)),
        )
        return Scored(
            self.task,
            self.classes,
            self.positive or None,
            truth,
            said,
            probabilities=outputs,
            decided=actions,
            rows=rows,
        )

    def _value(self, key: str, scored: Scored) -> tuple[float | None, str]:
        money = Economics.from_costs(self.costs)
        try:
            drawn = Draws(Prepared(scored, economics=money), np.ones((1, scored.n)))
            value = float(METRIC_FUNCTIONS[key](drawn)[0])
        except UndefinedMetric as why:
            return None, str(why)
        return (value, "") if np.isfinite(value) else (None, "The value is not finite.")


def _as_rows(columns: Mapping[str, NDArray[Any]], n: int) -> Any:
    from registry.estimators.table import Table

    return Table(n, dict(columns))


def cheapest_threshold(scores: Floats, *, below: Floats, above: Floats) -> float:
    """The threshold with the least total cost, given each row's cost on either side.

    >>> cheapest_threshold(np.array([.1, .4, .6]), below=np.array([0, 5, 5]),
    ...                    above=np.array([1, 1, 1]))
    0.25
    """
    cuts, thresholds, order = _cuts(scores)
    spent = np.concatenate([[0.0], np.cumsum(above[order])])
    saved = below.sum() - np.concatenate([[0.0], np.cumsum(below[order])])
    return float(thresholds[np.argmin((spent + saved)[cuts])])


def best_threshold(
    scores: Floats, is_positive: NDArray[np.bool_], metric: str
) -> float:
    """The threshold at which accuracy, balanced_accuracy or f1 is largest."""
    cuts, thresholds, order = _cuts(scores)
    hits = np.concatenate([[0], np.cumsum(is_positive[order])])[cuts]
    said, n, positives = cuts, len(scores), int(is_positive.sum())
    negatives = n - positives
    rejected = negatives - (said - hits)
    if metric == "accuracy":
        value = (hits + rejected) / n
    elif metric == "f1":
        value = 2 * hits / np.maximum(said + positives, 1)
    else:
        value = hits / max(positives, 1) + rejected / max(negatives, 1)
    return float(thresholds[np.argmax(value)])


def _cuts(scores: Floats) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """How many rows may lie above a threshold, that threshold, and rows by score."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    inner = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    between = (ranked[inner - 1] + ranked[inner]) / 2
    cuts = np.concatenate([[0], inner, [len(scores)]])
    thresholds = np.concatenate([[1.0], between, [0.0]])
    reachable = slice(int(ranked[0] >= 1.0), None)  # a certain row is above any of them
    return cuts[reachable], thresholds[reachable], order
