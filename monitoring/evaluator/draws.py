"""Component 3, Evaluator: rows seen through one or many weightings, prepared once.

A metric is written once, over (d, n) weights: with one row of ones it is the plain
value, with a thousand rows of multiplicities it is a thousand bootstrap samples.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from scipy import sparse

from monitoring.evaluator.economics import Economics
from monitoring.evaluator.own import OwnMetric, UndefinedMetric, row_values
from monitoring.evaluator.scored import Scored

SMALLEST = 1e-15  # probabilities are kept this far from 0 and 1 in the log loss
CALIBRATION_BINS = 10


class Prepared:
    """What metrics need of the rows; each part is computed at most once."""

    def __init__(
        self,
        scored: Scored,
        *,
        economics: Economics | None = None,
        own_metrics: Mapping[str, OwnMetric] | None = None,
    ) -> None:
        self.scored = scored
        self.economics = economics
        self.own_metrics = own_metrics or {}
        self._own: dict[str, np.ndarray] = {}

    @cached_property
    def labels(self) -> list[str]:
        """The classes in the model's order, then those only the data knows, sorted."""
        scored = self.scored
        known = set(scored.classes)
        seen = {str(c) for c in scored.truth} | {str(c) for c in scored.answered}
        return [*scored.classes, *sorted(seen - known)]

    @cached_property
    def truth_codes(self) -> np.ndarray:
        return self._codes(self.scored.truth)

    @cached_property
    def answer_codes(self) -> np.ndarray:
        return self._codes(self.scored.answered)

    def _codes(self, values: np.ndarray) -> np.ndarray:
        place = {label: index for index, label in enumerate(self.labels)}
        return np.fromiter(
            (place[str(v)] for v in values), dtype=int, count=len(values)
        )

    @cached_property
    def correct(self) -> np.ndarray:
        return self.truth_codes == self.answer_codes

    @cached_property
    def is_positive(self) -> np.ndarray:
        return self.scored.truth == self.scored.positive

    @cached_property
    def answered_positive(self) -> np.ndarray:
        return self.scored.answered == self.scored.positive

    @cached_property
    def probabilities(self) -> np.ndarray:
        if self.scored.probabilities is None:
            raise UndefinedMetric("The model gives no probabilities.")
        return self.scored.probabilities

    @cached_property
    def score(self) -> np.ndarray:
        """The probability of the positive class."""
        assert self.scored.positive is not None  # Scored demands it of binary tasks
        return self.probabilities[:, self.scored.classes.index(self.scored.positive)]

    @cached_property
    def log_losses(self) -> np.ndarray:
        """−log of the probability of the true class; a class unknown to the model: 0."""
        codes = self.truth_codes
        known = codes < len(self.scored.classes)
        of_truth = np.zeros(len(codes))
        of_truth[known] = self.probabilities[np.flatnonzero(known), codes[known]]
        return -np.log(np.clip(of_truth, SMALLEST, 1.0))

    @cached_property
    def top_3_hits(self) -> np.ndarray:
        """1 where the true class is among the three most probable, else 0.

        Equal probabilities are ordered by chance: a row counts with its chance to be in.
        """
        known = self.truth_codes < len(self.scored.classes)
        codes = np.where(known, self.truth_codes, 0)
        of_truth = self.probabilities[np.arange(len(codes)), codes][:, None]
        above = (self.probabilities > of_truth).sum(axis=1)
        tied = (self.probabilities == of_truth).sum(axis=1)
        return known * np.clip((3 - above) / tied, 0.0, 1.0)

    @cached_property
    def squared_errors(self) -> np.ndarray:
        """Binary: of the positive class's probability; regression: of the prediction."""
        if self.scored.task == "regression":
            return self.errors**2
        return (self.score - self.is_positive) ** 2

    @cached_property
    def descending(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows from the highest score down, and where each run of equal scores starts."""
        order = np.argsort(-self.score, kind="stable")
        ranked = self.score[order]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        return order, starts

    @cached_property
    def calibration_bin(self) -> np.ndarray:
        """The equal-mass bin of each row's score; equal scores share a bin."""
        return equal_mass_bins(self.score, CALIBRATION_BINS)

    @cached_property
    def errors(self) -> np.ndarray:
        with np.errstate(over="ignore"):  # an infinite error makes a metric undefined
            return self.scored.predicted - self.scored.truth

    @cached_property
    def costs(self) -> np.ndarray:
        """Money lost in every row; NaN in rows that lack the field their cost needs."""
        known, scored = self.known_costs, self.scored
        if scored.task == "regression" or self.economics is None:
            return known
        if missing := self.economics.missing_cells(scored.truth, self._done):
            action, true = missing[0]
            raise UndefinedMetric(
                f"The project gives no cost for {action!r} where the truth is {true!r}."
            )
        return known

    @cached_property
    def known_costs(self) -> np.ndarray:
        """The same, where a row whose action nobody priced is NaN and stops no other."""
        scored, economics = self.scored, self.economics
        if economics is None:
            raise UndefinedMetric("The project gives no costs.")
        if scored.task == "regression" and economics.error_value is None:
            raise UndefinedMetric("The project gives no value of an error.")
        return economics.row_costs(scored.truth, self._done, scored.rows)

    @property
    def _done(self) -> np.ndarray:
        scored = self.scored
        if scored.task == "regression" or scored.decided is None:
            return scored.predicted
        return scored.decided

    def own(self, key: str) -> np.ndarray:
        if key not in self._own:
            self._own[key] = row_values(self.own_metrics[key], self.scored)
        return self._own[key]


class Draws:
    """Prepared rows under (d, n) weights."""

    def __init__(self, rows: Prepared, weights: np.ndarray) -> None:
        self.rows = rows
        self.weights = weights

    @cached_property
    def total(self) -> np.ndarray:
        return self.weights.sum(axis=1)

    def sum(self, values: np.ndarray) -> np.ndarray:
        return self.weights @ values.astype(float)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The weighted mean of (n,) values in every draw; NaN rows do not count. Too
        large a number counts: without it the worst answer would make a model better."""
        counted = ~np.isnan(values)
        if counted.all():
            return ratio(self.sum(values), self.total)
        if not counted.any():
            raise UndefinedMetric("No row has the fields that the cost needs.")
        return ratio(self.sum(np.where(counted, values, 0.0)), self.sum(counted))

    def by_group(self, codes: np.ndarray, groups: int, of: np.ndarray) -> np.ndarray:
        """Σ weight × `of` for each group: (d, groups)."""
        place = np.arange(len(codes))
        spread = sparse.csr_matrix(
            (of.astype(float), (place, codes)), shape=(len(codes), groups)
        )
        return np.asarray(self.weights @ spread)

    @cached_property
    def by_class(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hits, true rows and answered rows of every label: three times (d, k)."""
        rows, groups = self.rows, len(self.rows.labels)
        one = np.ones(rows.scored.n)
        return (
            self.by_group(rows.truth_codes, groups, rows.correct),
            self.by_group(rows.truth_codes, groups, one),
            self.by_group(rows.answer_codes, groups, one),
        )

    @cached_property
    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """Positives and negatives at each distinct score, the highest first: (d, u)."""
        order, starts = self.rows.descending
        weights = self.weights[:, order]
        positive = weights * self.rows.is_positive[order]
        if len(starts) == len(order):
            return positive, weights - positive
        positive = np.add.reduceat(positive, starts, axis=1)
        return positive, np.add.reduceat(weights, starts, axis=1) - positive


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Elementwise division; NaN where there is nothing to divide by."""
    whole = np.full(np.broadcast(over, under).shape, np.nan)
    return np.divide(over, under, out=whole, where=under != 0)


def equal_mass_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """The number of the quantile bin of each value, from 0; ties stay together.

    >>> equal_mass_bins(np.array([0.1, 0.2, 0.3, 0.4]), 2).tolist()
    [0, 0, 1, 1]
    """
    if not len(values):
        return np.zeros(0, dtype=int)
    inner = np.quantile(values, np.arange(1, bins) / bins)
    return np.searchsorted(np.unique(inner), values, side="left")
