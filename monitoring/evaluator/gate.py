"""Component 3, Evaluator: the gate between a built model and the users.

A candidate passes if it is surely better than the baseline, and than what is live where
that is another model; every rule answers with a sentence and the numbers behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring.evaluator.economics import Economics
from monitoring.evaluator.evaluate import OwnMetrics, compare, metric_named, too_few
from monitoring.evaluator.scored import Scored
from monitoring.evaluator.sentences import gained
from monitoring.evaluator.slices import SMALLEST_SLICE, slice_masks
from registry.catalogue import Metric
from registry.written import latency, megabytes, number

Reason = dict[str, Any]  # {"rule", "passed", "text", "numbers"}
LIMITS = (
    ("max_latency_us", "latency_us", latency, " for one row", "Latency"),
    ("max_artifact_mb", "artifact_mb", megabytes, "", "Size"),
)


@dataclass(frozen=True)
class Verdict:
    """Accepted only if every rule passed; `reasons` holds them all, in order."""

    accepted: bool
    reasons: list[Reason]


@dataclass(frozen=True)
class _Case:
    metric: Metric
    economics: Economics | None
    own_metrics: OwnMetrics
    rng: np.random.Generator
    draws: int

    @property
    def currency(self) -> str:
        return self.economics.currency if self.economics else ""

    def compare(self, ours: Scored, theirs: Scored, *, least: int) -> dict[str, Any]:
        return compare(
            ours,
            theirs,
            metric=self.metric.key,
            economics=self.economics,
            rng=self.rng,
            draws=self.draws,
            own_metrics=self.own_metrics,
            minimum_n=least,
        )


def judge(
    *,
    candidate: Scored,
    baseline: Scored,
    live: Scored | None = None,
    metric: str,
    rng: np.random.Generator,
    economics: Economics | None = None,
    own_metrics: OwnMetrics = None,
    margin: float = 0.0,
    minimum_n: int | None = None,
    slices: Sequence[str] = (),
    worst_slice_margin: float = 0.0,
    limits: Mapping[str, float | None] | None = None,
    measured: Mapping[str, float | None] | None = None,
    proof_ok: bool = True,
    draws: int = 1000,
) -> Verdict:
    """Judge a candidate on the sealed test set.

    `live` is None where the baseline is what is live. `margin` and `worst_slice_margin`
    are in the metric's unit; `minimum_n` overrides the metric's own. `limits` may hold
    `max_latency_us` and `max_artifact_mb`, `measured` holds `latency_us` and
    `artifact_mb`. `proof_ok`: the stored model answers as the built one did.
    """
    known = metric_named(metric, own_metrics)
    case = _Case(known, economics, own_metrics, rng, draws)
    least = known.minimum_n if minimum_n is None else minimum_n
    reasons = [_enough_rows(known, candidate.n, least)]
    if reasons[0]["passed"]:
        rivals = {"baseline": baseline} | ({} if live is None else {"live": live})
        reasons += [
            _better_than(name, case, candidate, rival, margin=margin, least=least)
            for name, rival in rivals.items()
        ]
        if slices:
            name, rival = ("live", live) if live is not None else ("baseline", baseline)
            reasons.append(
                _slices(name, case, candidate, rival, slices, worst_slice_margin)
            )
    reasons += _limits(limits or {}, measured or {})
    reasons.append(_proof(proof_ok))
    return Verdict(all(reason["passed"] for reason in reasons), reasons)


def _enough_rows(metric: Metric, n: int, least: int) -> Reason:
    passed = n >= max(least, 1)
    text = f"{number(n)} test rows; {metric.label} needs {number(least)}."
    if not passed:
        text = f"Too few test rows: {too_few(metric, n, least)}"
    return _reason("enough rows", passed, text, n=n, minimum_n=least)


def _better_than(
    name: str, case: _Case, ours: Scored, theirs: Scored, *, margin: float, least: int
) -> Reason:
    rule = f"better than {name}"
    gain = case.compare(ours, theirs, least=least)
    if gain["gain"] is None or gain["low"] is None:
        text = f"Cannot be compared with {_the(name)}: {gain['reason']}"
        return _reason(rule, False, text, **gain, margin=margin)
    passed = gain["low"] > margin
    text = gained(
        case.metric, gain, rival=_the(name), margin=margin, currency=case.currency
    )
    return _reason(rule, passed, text, **gain, margin=margin)


def _slices(
    name: str,
    case: _Case,
    ours: Scored,
    theirs: Scored,
    columns: Sequence[str],
    margin: float,
) -> Reason:
    """No slice of at least 30 rows may be worse than the rival's by more than margin."""
    found = []
    for column in columns:
        if column not in ours.rows:
            text = f"The slice {column!r} is no column of the test rows."
            return _reason("no slice worse", False, text, columns=list(columns))
        for value, mask in slice_masks(ours.rows[column]):
            if mask.sum() < SMALLEST_SLICE:
                continue
            gain = case.compare(ours.take(mask), theirs.take(mask), least=1)
            if gain["gain"] is not None:
                found.append({"column": column, "value": value, **gain})
    if not found:
        text = f"No slice has the {SMALLEST_SLICE} rows that judging it needs."
        return _reason("no slice worse", True, text, slices=[], margin=margin)
    found.sort(key=lambda part: part["gain"])
    worst = found[0]
    passed = worst["gain"] >= -margin
    text = f"Worst slice, {worst['column']} = {worst['value']}: " + gained(
        case.metric, worst, rival=_the(name), margin=None, currency=case.currency
    )
    if not passed:
        text += f" At most {number(margin)} worse is allowed."
    return _reason("no slice worse", passed, text, slices=found, margin=margin)


def _limits(
    limits: Mapping[str, float | None], measured: Mapping[str, float | None]
) -> list[Reason]:
    reasons = []
    for limit_key, key, words, of, label in LIMITS:
        limit = limits.get(limit_key)
        if limit is None:
            continue
        value = measured.get(key)
        numbers = {key: value, limit_key: limit}
        if value is None:
            text = f"{label} was not measured; at most {words(limit)}{of} is allowed."
            reasons.append(_reason(label.lower(), False, text, **numbers))
            continue
        passed = value <= limit
        text = f"{label} is {words(value)}{of}; {words(limit)} is allowed."
        reasons.append(_reason(label.lower(), passed, text, **numbers))
    return reasons


def _proof(proof_ok: bool) -> Reason:
    text = "The stored model answers as the built one did."
    if not proof_ok:
        text = "The stored model answers otherwise than the built one did."
    return _reason("same answers", proof_ok, text)


def _the(name: str) -> str:
    return {"live": "the live model"}.get(name, f"the {name}")


def _reason(rule: str, passed: bool, text: str, **numbers: Any) -> Reason:
    return {"rule": rule, "passed": bool(passed), "text": text, "numbers": numbers}
