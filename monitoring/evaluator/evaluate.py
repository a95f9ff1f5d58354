"""Component 3, Evaluator: one function that judges predictions, offline and online.

Arrays and a random generator in, a JSON-ready dict out: no NaN, no numpy, no Django.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monitoring.evaluator.calibration import reliability, thresholds
from monitoring.evaluator.distribution import error_distribution
from monitoring.evaluator.draws import Draws, Prepared
from monitoring.evaluator.economics import Economics
from monitoring.evaluator.intervals import (
    percentiles,
    raised_interval,
    resampled_weights,
)
from monitoring.evaluator.metrics import (
    METRIC_FUNCTIONS,
    RAISED_BY_NOISE,
    successes,
)
from monitoring.evaluator.own import OwnMetric, UndefinedMetric
from monitoring.evaluator.scored import Scored
from monitoring.evaluator.slices import ranked_slices
from registry.catalogue import METRICS, Metric, metrics_for
from registry.intervals import wilson

__all__ = [
    "Economics",
    "OwnMetric",
    "Scored",
    "compare",
    "evaluate",
    "measure",
    "metric_named",
]

FEWEST_UNITS = 10  # subjects, whose rows are drawn together
UNDEFINED = "Too few resamples define it for an interval."
OwnMetrics = Mapping[str, OwnMetric] | None


def evaluate(
    scored: Scored,
    *,
    economics: Economics | None = None,
    slices: Sequence[str] = (),
    rng: np.random.Generator,
    draws: int = 1000,
    own_metrics: OwnMetrics = None,
) -> dict[str, Any]:
    """Metrics with 95 % intervals, error distribution, calibration, ranked slices."""
    rows = Prepared(scored, economics=economics, own_metrics=own_metrics)
    metrics = [*metrics_for(scored.task), *_own(own_metrics)]
    return {
        "n": scored.n,
        "task": scored.task,
        "currency": economics.currency if economics else "",
        "metrics": _with_intervals(rows, metrics, rng=rng, draws=draws),
        "error_distribution": error_distribution(rows),
        "calibration": reliability(rows),
        "thresholds": thresholds(rows),
        "slices": ranked_slices(rows, slices),
    }


def measure(
    scored: Scored,
    metric: str,
    *,
    economics: Economics | None = None,
    own_metrics: OwnMetrics = None,
) -> float | None:
    """One metric without an interval, on any n; None where it is undefined."""
    rows = Prepared(scored, economics=economics, own_metrics=own_metrics)
    try:
        return float(_values(Draws(rows, np.ones((1, scored.n))), metric)[0])
    except UndefinedMetric:
        return None


def compare(
    ours: Scored,
    theirs: Scored,
    *,
    metric: str,
    economics: Economics | None = None,
    rng: np.random.Generator,
    draws: int = 1000,
    own_metrics: OwnMetrics = None,
    minimum_n: int | None = None,
) -> dict[str, Any]:
    """The gain of `ours` over `theirs` on the same rows, positive where ours is better.

    Paired percentile bootstrap: both are measured on the same resampled rows, 95 %.
    """
    if ours.task != theirs.task or not np.array_equal(ours.truth, theirs.truth):
        raise ValueError("Both sides must be scored on the same rows, in one order.")
    known = metric_named(metric, own_metrics)
    least = known.minimum_n if minimum_n is None else minimum_n
    sides = [
        Prepared(side, economics=economics, own_metrics=own_metrics)
        for side in (ours, theirs)
    ]
    answer: dict[str, Any] = {"metric": metric, "gain": None, "low": None, "high": None}
    answer |= {"n": ours.n, "ours": None, "theirs": None}
    try:
        if metric == "cost":
            sides = _both_priced(sides)
            answer["n"] = sides[0].scored.n
        if answer["n"] < max(least, 1):
            return answer | {"reason": too_few(known, answer["n"], least)}
        plain = np.ones((1, answer["n"]))
        values = [_values(Draws(side, plain), metric)[0] for side in sides]
        few = too_few_units(sides[0].scored)
        gains = None if few else _paired_gains(sides, known, rng=rng, draws=draws)
    except UndefinedMetric as undefined:
        return answer | {"reason": str(undefined)}
    answer["ours"], answer["theirs"] = (float(value) for value in values)
    answer["gain"] = known.gain(answer["ours"], answer["theirs"])
    bounds = None if gains is None else percentiles(gains)
    if bounds is None:
        return answer | {"reason": few or UNDEFINED}
    return answer | {"low": bounds[0], "high": bounds[1]}


def _both_priced(sides: list[Prepared]) -> list[Prepared]:
    """Only the rows whose cost both sides know: a pair is compared or left out."""
    counted = ~np.logical_or(*(np.isnan(side.costs) for side in sides))
    if counted.all():
        return sides
    return [
        Prepared(
            side.scored.take(counted),
            economics=side.economics,
            own_metrics=side.own_metrics,
        )
        for side in sides
    ]


def metric_named(key: str, own_metrics: OwnMetrics = None) -> Metric:
    """The catalogue's metric of this key, or the project's own."""
    if own_metrics and key in own_metrics:
        return own_metrics[key].metric
    if key not in METRICS:
        known = ", ".join([*METRICS, *(own_metrics or {})])
        raise ValueError(f"Metric {key!r} is unknown; known are {known}.")
    return METRICS[key]


def too_few(metric: Metric, n: int, least: int) -> str:
    """Why a metric has no value on so few rows."""
    if n == 0:
        return "There are no rows."
    return f"{n} {'row' if n == 1 else 'rows'}; {metric.label} needs {least}."


def too_few_units(scored: Scored) -> str:
    """Why resampling so few subjects says nothing of others; empty where it does.

    Of one subject every resample is the same; of three, equal models differ "surely" in
    an eighth of all cases instead of a fortieth.
    """
    if scored.units >= FEWEST_UNITS:
        return ""
    what = "row" if scored.unit_ids is None else "subject"
    if scored.units != 1:
        what += "s"
    if scored.unit_ids is not None and scored.unit:
        what += f" ({scored.unit})"
    return f"{scored.units} {what}; an interval needs {FEWEST_UNITS}."


def _own(own_metrics: OwnMetrics) -> Iterable[Metric]:
    return (own.metric for own in (own_metrics or {}).values())


def _values(draws: Draws, key: str) -> np.ndarray:
    """The metric under every weighting; raises where it is undefined on the rows."""
    if draws.rows.scored.n == 0:
        raise UndefinedMetric("There are no rows.")
    with np.errstate(all="ignore"):
        if key in draws.rows.own_metrics:
            values = draws.mean(draws.rows.own(key))
        else:
            values = METRIC_FUNCTIONS[key](draws)
    if len(values) == 1 and not np.isfinite(values[0]):
        raise UndefinedMetric("The numbers are too large to compute it.")
    return values


def _with_intervals(
    rows: Prepared, metrics: list[Metric], *, rng: np.random.Generator, draws: int
) -> dict[str, Any]:
    plain = Draws(rows, np.ones((1, rows.scored.n)))
    answers: dict[str, dict[str, Any]] = {}
    values: dict[str, float] = {}
    for metric in metrics:
        answers[metric.key] = {"value": None, "low": None, "high": None}
        answers[metric.key]["n"] = rows.scored.n
        try:
            if rows.scored.n < metric.minimum_n:
                raise UndefinedMetric(too_few(metric, rows.scored.n, metric.minimum_n))
            values[metric.key] = float(_values(plain, metric.key)[0])
            if metric.key == "cost":  # rows without the field it needs are left out
                answers["cost"]["n"] = int((~np.isnan(rows.costs)).sum())
        except UndefinedMetric as undefined:
            answers[metric.key]["reason"] = str(undefined)
    shares = _share_intervals(plain, values)
    resampled = {key: value for key, value in values.items() if key not in shares}
    few = too_few_units(rows.scored)
    bounds = shares | (
        dict.fromkeys(resampled)
        if few
        else _bootstrap(rows, resampled, rng=rng, draws=draws)
    )
    for key, value in values.items():
        answers[key]["value"] = value
        if pair := bounds[key]:
            answers[key]["low"], answers[key]["high"] = pair
        else:
            answers[key]["reason"] = few or UNDEFINED
    return answers


def _share_intervals(
    plain: Draws, values: dict[str, float]
) -> dict[str, tuple[float, float] | None]:
    """Wilson's interval for plain shares of independent rows: right near 0 and 1 too."""
    if plain.rows.scored.unit_ids is not None:
        return {}
    counts = {key: successes(plain, key) for key in values}
    return {key: wilson(*pair) for key, pair in counts.items() if pair is not None}


def _bootstrap(
    rows: Prepared, values: dict[str, float], *, rng: np.random.Generator, draws: int
) -> dict[str, tuple[float, float] | None]:
    if not values:
        return {}
    collected: dict[str, list[np.ndarray]] = {key: [] for key in values}
    deviations: dict[str, list[np.ndarray]] = {
        key: [] for key in values if key in RAISED_BY_NOISE
    }
    for weights in resampled_weights(
        n=rows.scored.n, unit_ids=rows.scored.unit_ids, rng=rng, draws=draws
    ):
        block = Draws(rows, weights)
        for key in values:
            collected[key].append(_resampled(block, key))
        for key, parts in deviations.items():
            parts.append(RAISED_BY_NOISE[key](block))
    bounds = {
        key: percentiles(np.concatenate(parts)) for key, parts in collected.items()
    }
    return bounds | {
        key: raised_interval(
            values[key], np.concatenate(collected[key]), np.concatenate(parts)
        )
        for key, parts in deviations.items()
    }


def _resampled(block: Draws, key: str) -> np.ndarray:
    try:
        return _values(block, key)
    except UndefinedMetric:  # a block of one draw that leaves it undefined
        return np.full(len(block.weights), np.nan)


def _paired_gains(
    sides: list[Prepared], metric: Metric, *, rng: np.random.Generator, draws: int
) -> np.ndarray:
    scored = sides[0].scored
    gains: list[np.ndarray] = []
    for weights in resampled_weights(
        n=scored.n, unit_ids=scored.unit_ids, rng=rng, draws=draws
    ):
        pair: list[Any] = [_resampled(Draws(s, weights), metric.key) for s in sides]
        gain: Any = metric.gain(*pair)  # its arithmetic holds for arrays too
        gains.append(gain)
    return np.concatenate(gains)
