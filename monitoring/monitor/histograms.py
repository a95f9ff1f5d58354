"""Component 4, Monitor: histograms with fixed bins, so that hours add up to days.

Scores lie in 1000 bins that are even in logits, because that is where rare classes
live; latencies and sizes of errors in bins that are even in logarithms.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import special

SCORE_BINS = 1000
LOGIT_LIMIT = 12.0
WIDTH = 2 * LOGIT_LIMIT / SCORE_BINS
# The probability in the middle of each bin, the lowest first.
CENTRES = special.expit(-LOGIT_LIMIT + WIDTH * (np.arange(SCORE_BINS) + 0.5))


class Bounded(NamedTuple):
    """A value read from bins, and how far off the exact one can be."""

    value: float
    bound: float


def score_bins(scores: Any) -> np.ndarray:
    """The bin of each probability; beyond logits of ±12 the outermost.

    >>> score_bins([0.0, 0.5, 1.0]).tolist()
    [0, 500, 999]
    """
    logits = special.logit(np.asarray(scores, dtype=float))
    places = np.floor((logits + LOGIT_LIMIT) / WIDTH)
    return np.clip(places, 0, SCORE_BINS - 1).astype(int)


def count_scores(scores: Any) -> np.ndarray:
    """(1000,) counts of probabilities."""
    return np.bincount(score_bins(scores), minlength=SCORE_BINS)


@dataclass(frozen=True, eq=False)
class ScoresByTruth:
    """Scores of the positive class, counted apart for positive and other truths.

    What it reads is exact up to the order of rows inside one bin; each number comes
    with that bound. Below 50 000 rows, read rows instead.
    """

    positive: np.ndarray
    negative: np.ndarray

    @classmethod
    def of(cls, scores: Any, is_positive: Any) -> "ScoresByTruth":
        scores, is_positive = np.asarray(scores, float), np.asarray(is_positive, bool)
        return cls(
            count_scores(scores[is_positive]), count_scores(scores[~is_positive])
        )

    def merge(self, other: "ScoresByTruth") -> "ScoresByTruth":
        return ScoresByTruth(
            self.positive + other.positive, self.negative + other.negative
        )

    @property
    def n(self) -> int:
        return int(self.positive.sum() + self.negative.sum())

    def roc_auc(self) -> Bounded | None:
        """Pairs inside one bin count half: off by at most ½ Σ pᵢnᵢ / (PN)."""
        pairs = float(self.positive.sum()) * float(self.negative.sum())
        if not pairs:
            return None
        below = np.cumsum(self.negative) - self.negative / 2
        inside = float((self.positive.astype(float) * self.negative).sum())
        return Bounded(float((self.positive * below).sum() / pairs), inside / 2 / pairs)

    def roc_auc_variance(self) -> float | None:
        """DeLong's variance (Biometrics 44, 1988), rows of one bin being ties."""
        auc = self.roc_auc()
        true, other = float(self.positive.sum()), float(self.negative.sum())
        if auc is None or true < 2 or other < 2:
            return None
        of_true = (np.cumsum(self.negative) - self.negative / 2) / other
        of_other = 1 - (np.cumsum(self.positive) - self.positive / 2) / true
        spread_true = (self.positive * (of_true - auc.value) ** 2).sum() / (true - 1)
        spread_other = (self.negative * (of_other - auc.value) ** 2).sum() / (other - 1)
        return float(spread_true / true + spread_other / other)

    def average_precision(self) -> Bounded | None:
        """The bound is the way from all positives of a bin first to all last."""
        positive, negative = self.positive[::-1], self.negative[::-1]
        total = float(positive.sum())
        if not total:
            return None
        some = positive > 0
        hits, misses = np.cumsum(positive)[some], np.cumsum(negative)[some]
        p, n = positive[some], negative[some]
        best = hits / (hits + misses - n)
        worst = (hits - p + 1) / (hits - p + 1 + misses)
        value = float((p * hits / (hits + misses)).sum() / total)
        return Bounded(value, float((p * (best - worst)).sum() / total))

    def log_loss(self) -> Bounded | None:
        """From the middle of each bin: the loss moves by 1 − p(truth) a logit."""
        if not self.n:
            return None
        loss = -(self.positive * np.log(CENTRES)).sum()
        loss -= (self.negative * np.log1p(-CENTRES)).sum()
        moves = (self.positive * (1 - CENTRES) + self.negative * CENTRES).sum()
        return Bounded(float(loss / self.n), float(moves * WIDTH / 2 / self.n))

    def brier(self) -> Bounded | None:
        """From the middle of each bin: an error e moves by p (1 − p) a logit."""
        if not self.n:
            return None
        errors = self.positive * (1 - CENTRES) ** 2 + self.negative * CENTRES**2
        away = self.positive * (1 - CENTRES) + self.negative * CENTRES
        moves = (2 * away * CENTRES * (1 - CENTRES)).sum()
        return Bounded(float(errors.sum() / self.n), float(moves * WIDTH / 2 / self.n))

    def confusion_at(self, threshold: float) -> dict[str, int]:
        """tp, fp, fn, tn when scores from the bin of `threshold` on are positive."""
        cut = int(score_bins([threshold])[0])
        tp, fp = int(self.positive[cut:].sum()), int(self.negative[cut:].sum())
        fn, tn = int(self.positive[:cut].sum()), int(self.negative[:cut].sum())
        return {"tp": tp, "fp": fp, "fn": fn, "tn": tn}

    def accuracy_at(self, threshold: float) -> Bounded | None:
        """The bound is the share of rows in the bin that the threshold cuts."""
        if not self.n:
            return None
        cells = self.confusion_at(threshold)
        cut = int(score_bins([threshold])[0])
        unsure = int(self.positive[cut] + self.negative[cut])
        return Bounded((cells["tp"] + cells["tn"]) / self.n, unsure / self.n)

    def equal_mass(self, bins: int) -> list[tuple[int, int, float]]:
        """(rows, positives, Σ score) of at most `bins` groups of about equal size."""
        rows = self.positive + self.negative
        if not self.n:
            return []
        middle = (np.cumsum(rows) - rows / 2) / self.n
        group = np.minimum((middle * bins).astype(int), bins - 1)
        counts = np.bincount(group, rows, bins).astype(int)
        hits = np.bincount(group, self.positive, bins).astype(int)
        scores = np.bincount(group, rows * CENTRES, bins)
        return [
            (int(n), int(h), float(s))
            for n, h, s in zip(counts, hits, scores, strict=True)
            if n
        ]


@dataclass(frozen=True)
class LogBins:
    """Fixed bins even in logarithms between two sizes; outside, the outermost."""

    low: float
    high: float
    bins: int

    def count(self, values: Any) -> np.ndarray:
        """(bins,) counts."""
        sizes = np.maximum(np.asarray(values, dtype=float), self.low)
        places = np.log(sizes / self.low) / self._step
        places = np.clip(places, 0, self.bins - 1).astype(int)
        return np.bincount(places, minlength=self.bins)

    def quantile(self, counts: np.ndarray, q: float) -> float | None:
        """The q-quantile, even in logarithms inside its bin; None of no values.

        Off by less than one bin: a factor of `high / low` ** (1 / bins).
        """
        total = int(counts.sum())
        if not total:
            return None
        wanted = q * total
        reached = np.cumsum(counts)
        place = int(np.searchsorted(reached, wanted, side="left"))
        place = int(np.flatnonzero(counts)[0]) if wanted == 0 else place
        inside = (wanted - (reached[place] - counts[place])) / counts[place]
        return self.low * math.exp(self._step * (place + float(inside)))

    def above(self, counts: np.ndarray, limit: float) -> int:
        """How many values lie in bins that start at or above `limit`."""
        edges = self.low * np.exp(self._step * np.arange(self.bins))
        return int(counts[edges >= limit * (1 - 1e-12)].sum())

    @property
    def _step(self) -> float:
        return math.log(self.high / self.low) / self.bins


LATENCY = LogBins(low=0.01, high=100_000.0, bins=256)  # ms; 6.5 % a bin
ERROR_SIZE = LogBins(low=1e-9, high=1e12, bins=1024)  # 4.8 % a bin
