"""Component 4, Monitor: one bucket's predictions whose truth is known, folded.

Metrics that are means over rows fold as moments and stay exact; ranks fold as scores by
truth, with a stated bound; classes as confusion counts. Hours merge into days.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Self

import msgspec
import numpy as np

from monitoring.evaluator.draws import Prepared
from monitoring.evaluator.economics import Economics
from monitoring.evaluator.evaluate import OwnMetrics
from monitoring.evaluator.moments import Moments
from monitoring.evaluator.own import UndefinedMetric
from monitoring.evaluator.scored import Scored
from monitoring.monitor.histograms import (
    ERROR_SIZE,
    SCORE_BINS,
    count_scores,
    score_bins,
)
from monitoring.monitor.packing import encode, is_packed, pack, unpack_into

MOST_ACTIONS = 4
Confusion = dict[str, dict[str, int]]  # true class → answered class → rows


class _Stored(msgspec.Struct):
    """A bucket as it is kept. Only histograms are packed: who reads the means of hundreds
    of hours unpacks nothing."""

    task: str
    positive: str | None
    n: int
    moments: dict[str, Moments]
    left_out: int = 0
    histograms: bytes = b""


class Histograms(msgspec.Struct):
    counts: dict[str, Any]  # arrays
    confusion: Confusion

    @classmethod
    def sum_of(cls, parts: Iterable[Self]) -> Self:
        found = cls({}, {})
        for part in parts:
            for key, more in part.counts.items():
                known = found.counts.get(key)
                found.counts[key] = more if known is None else known + more
            for true, row in part.confusion.items():
                ours = found.confusion.setdefault(true, {})
                for answered, n in row.items():
                    ours[answered] = ours.get(answered, 0) + n
        return found


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Sums over n rows with truth, enough to read every metric of the task.

    `moments` holds the numbers of rows: cost, log_loss, squared_error, absolute_error,
    error, truth, share_error (|error / truth|), top_3, and `own:<key>`; `counts` holds
    histograms: positive, negative (scores by truth), error_size; and zero_truths;
    and for each action of a cost matrix `cost:<action>`, what it would have cost the
    rows of every score bin, of the `priced` rows whose costs are all known.
    `parts`: what `counts` and `confusion` are the sum of, packed until they are read.
    `left_out`: rows of buckets that cannot be added to these.
    """

    task: str = ""
    positive: str | None = None
    n: int = 0
    moments: Mapping[str, Moments] = field(default_factory=dict)
    parts: tuple[Histograms | bytes, ...] = ()
    left_out: int = 0

    @property
    def counts(self) -> Mapping[str, np.ndarray]:
        return self._histograms.counts

    @property
    def confusion(self) -> Confusion:
        return self._histograms.confusion

    @cached_property
    def _histograms(self) -> Histograms:
        return Histograms.sum_of(
            part if isinstance(part, Histograms) else unpack_into(Histograms, part)
            for part in self.parts
        )

    def merge(self, other: "Outcomes") -> "Outcomes":
        """Of two that speak of another task or positive class the larger one stays, and
        says how many rows it left out: one odd hour takes no page down."""
        if not other.task or not self.task:
            return self if self.task else other
        left_out = self.left_out + other.left_out
        if (self.task, self.positive) != (other.task, other.positive):
            kept, odd = (self, other) if self.n >= other.n else (other, self)
            return replace(kept, left_out=left_out + odd.n)
        moments = {
            key: self.moments.get(key, Moments()).merge(
                other.moments.get(key, Moments())
            )
            for key in {**self.moments, **other.moments}
        }
        n, parts = self.n + other.n, self.parts + other.parts
        return Outcomes(self.task, self.positive, n, moments, parts, left_out)

    def pack(self) -> bytes:
        parts = pack({"counts": self.counts, "confusion": self.confusion})
        kept = _Stored(self.task, self.positive, self.n, dict(self.moments))
        kept.left_out, kept.histograms = self.left_out, parts
        return encode(kept)

    @classmethod
    def unpack(cls, blob: bytes) -> "Outcomes":
        """What was packed; an empty blob is an empty bucket."""
        if not blob:
            return cls()
        if is_packed(blob):  # as a whole, as all once were
            kept = unpack_into(_Stored, blob)
            kept.histograms = blob
        else:
            kept = msgspec.msgpack.decode(blob, type=_Stored)
        parts = (kept.histograms,)
        return cls(kept.task, kept.positive, kept.n, kept.moments, parts, kept.left_out)


def fold_outcomes(
    scored: Scored,
    *,
    economics: Economics | None = None,
    own_metrics: OwnMetrics = None,
) -> Outcomes:
    """The sums of some rows; a part that is undefined on them is left out."""
    rows = Prepared(scored, economics=economics, own_metrics=own_metrics)
    fold = _fold_regression if scored.task == "regression" else _fold_classes
    with np.errstate(all="ignore"):  # too large a number is read as undefined
        moments = dict(_moments(rows))
        counts, confusion = fold(rows)
    parts = (Histograms(counts, confusion),)
    return Outcomes(scored.task, scored.positive, scored.n, moments, parts)


def _moments(rows: Prepared) -> Iterator[tuple[str, Moments]]:
    parts: dict[str, Callable[[], np.ndarray]] = {"cost": lambda: rows.known_costs}
    if rows.scored.task == "regression":
        parts |= {
            "error": lambda: rows.errors,
            "absolute_error": lambda: np.abs(rows.errors),
            "squared_error": lambda: rows.squared_errors,
            "truth": lambda: rows.scored.truth,
            "share_error": lambda: _share_errors(rows),
        }
    else:
        parts["log_loss"] = lambda: rows.log_losses
    if rows.scored.task == "binary":
        parts["squared_error"] = lambda: rows.squared_errors
    if rows.scored.task == "multiclass":
        parts["top_3"] = lambda: rows.top_3_hits
    for key in rows.own_metrics:
        parts[f"own:{key}"] = partial(rows.own, key)
    for key, read in parts.items():
        try:
            values = read()
        except UndefinedMetric:
            continue
        yield key, Moments.of(values[~np.isnan(values)])


def _share_errors(rows: Prepared) -> np.ndarray:
    used = rows.scored.truth != 0
    return np.abs(rows.errors[used] / rows.scored.truth[used])


def _fold_regression(rows: Prepared) -> tuple[dict[str, np.ndarray], Confusion]:
    zeros = int((rows.scored.truth == 0).sum())
    counts = {"error_size": ERROR_SIZE.count(np.abs(rows.errors))}
    return counts | {"zero_truths": np.array([zeros])}, {}


def _fold_classes(rows: Prepared) -> tuple[dict[str, np.ndarray], Confusion]:
    confusion: Confusion = {}
    for true, answered in zip(
        rows.scored.truth.tolist(), rows.scored.answered.tolist(), strict=True
    ):
        row = confusion.setdefault(true, {})
        row[answered] = row.get(answered, 0) + 1
    if rows.scored.task != "binary" or rows.scored.probabilities is None:
        return {}, confusion
    score = rows.score
    counts = {
        "positive": count_scores(score[rows.is_positive]),
        "negative": count_scores(score[~rows.is_positive]),
    }
    return counts | _costs_of_actions(rows), confusion


def _costs_of_actions(rows: Prepared) -> dict[str, np.ndarray]:
    """So that any other threshold can be priced later, without the rows."""
    matrix = rows.economics.matrix if rows.economics else {}
    if not 2 <= len(matrix) <= MOST_ACTIONS:
        return {}
    assert rows.economics is not None
    truth, n = rows.scored.truth, rows.scored.n
    costs = {
        action: rows.economics.row_costs(
            truth, np.full(n, action, dtype=object), rows.scored.rows
        )
        for action in sorted(matrix)
    }
    known = np.isfinite(np.array(list(costs.values()))).all(axis=0)
    places = score_bins(rows.score[known])
    return {"priced": np.bincount(places, minlength=SCORE_BINS)} | {
        f"cost:{action}": np.bincount(places, values[known], SCORE_BINS)
        for action, values in costs.items()
    }
