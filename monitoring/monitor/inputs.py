"""Component 4, Monitor: one bucket's inputs, folded once; hours merge into days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from monitoring.monitor.features import FeatureCounts, Values
from monitoring.monitor.histograms import LATENCY, SCORE_BINS, count_scores
from monitoring.monitor.packing import pack, unpack, unpack_into


def _no_latency() -> np.ndarray:
    return np.zeros(LATENCY.bins, dtype=np.int64)


def _no_scores() -> np.ndarray:
    return np.zeros(SCORE_BINS, dtype=np.int64)


class _Latency(msgspec.Struct):
    """The part of a packed bucket that tells how quick its answers were."""

    latency: Any


@dataclass(frozen=True, eq=False)
class Inputs:
    """Counts of every feature, of what was predicted, and of latencies, of n rows."""

    n: int = 0
    features: Mapping[str, FeatureCounts] = field(default_factory=dict)
    prediction: FeatureCounts | None = None
    scores: np.ndarray = field(default_factory=_no_scores)  # binary: positive class
    latency: np.ndarray = field(default_factory=_no_latency)  # ms, in LATENCY's bins

    def merge(self, other: "Inputs") -> "Inputs":
        names = [*self.features, *(k for k in other.features if k not in self.features)]
        return Inputs(
            self.n + other.n,
            {n: _sum(self.features.get(n), other.features.get(n)) for n in names},
            _merged(self.prediction, other.prediction),
            self.scores + other.scores,
            self.latency + other.latency,
        )

    def pack(self) -> bytes:
        return pack(
            {
                "v": 1,
                "n": self.n,
                "features": {k: c.as_parts() for k, c in self.features.items()},
                "prediction": self.prediction and self.prediction.as_parts(),
                "scores": self.scores,
                "latency": self.latency,
            }
        )

    @classmethod
    def unpack(cls, blob: bytes) -> "Inputs":
        """What was packed; an empty blob is an empty bucket."""
        parts = unpack(blob)
        if not parts:
            return cls()
        answered = parts["prediction"]
        return cls(
            parts["n"],
            {k: FeatureCounts.from_json(c) for k, c in parts["features"].items()},
            None if answered is None else FeatureCounts.from_json(answered),
            parts["scores"],
            parts["latency"],
        )


def latency_of(blobs: Iterable[bytes]) -> np.ndarray:
    """Counts in LATENCY's bins, of packed buckets: ten times as quick as all of them."""
    found = _no_latency()
    for blob in filter(None, blobs):
        found += unpack_into(_Latency, blob).latency
    return found


def fold_inputs(
    profile: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    predictions: Values = (),
    scores: Values = (),
    latencies_ms: Values = (),
) -> Inputs:
    """Count rows in the bins of their version's reference profile.

    `predictions` are what the profile's `prediction` was built of; `scores` are given
    for binary tasks; a field that a row lacks is missing. Features that the profile does
    not know are left out.
    """
    features = {
        name: FeatureCounts.empty(part).add(part, [row.get(name) for row in rows])
        for name, part in profile["features"].items()
    }
    answered = profile.get("prediction")
    counts = None
    if answered is not None:
        counts = FeatureCounts.empty(answered).add(answered, predictions)
    return Inputs(
        len(rows),
        features,
        counts,
        count_scores(scores) if len(scores) else _no_scores(),
        LATENCY.count(latencies_ms) if len(latencies_ms) else _no_latency(),
    )


def _sum(ours: FeatureCounts | None, theirs: FeatureCounts | None) -> FeatureCounts:
    both = _merged(ours, theirs)
    assert both is not None  # the name came from one of them
    return both


def _merged(
    ours: FeatureCounts | None, theirs: FeatureCounts | None
) -> FeatureCounts | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return ours.merge(theirs)
