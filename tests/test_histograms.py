"""Folded counts: the same whatever the order, and as exact as they claim to be."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from monitoring.evaluator.moments import Moments
from monitoring.monitor.histograms import LATENCY, Bounded, ScoresByTruth, count_scores
from monitoring.monitor.inputs import Inputs, fold_inputs
from monitoring.monitor.outcomes import Outcomes, fold_outcomes
from monitoring.monitor.packing import pack
from monitoring.monitor.reference import build_reference
from tests.scored import binary, regression, some

KINDS = {"age": "numeric", "plan": "categorical", "note": "text", "born": "datetime"}


def rare(n: int, share: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a model for a rare class, and the truth."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < share
    logits = rng.normal(np.where(positive, -4.0, -6.5), 1.5)
    return 1 / (1 + np.exp(-logits)), positive


def auc(counts: ScoresByTruth) -> Bounded:
    found = counts.roc_auc()
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.3, 0.002])
def test_metrics_from_a_thousand_bins_are_off_by_less_than_their_bound(
    share: float,
) -> None:
    scores, positive = rare(60_000, share)
    counts = ScoresByTruth.of(scores, positive)
    exact = {
        "roc_auc": sk.roc_auc_score(positive, scores),
        "average_precision": sk.average_precision_score(positive, scores),
        "log_loss": sk.log_loss(positive, scores),
        "brier": sk.brier_score_loss(positive, scores),
    }
    for name, value in exact.items():
        found = getattr(counts, name)()
        assert abs(found.value - value) <= found.bound, name
    assert abs(auc(counts).value - exact["roc_auc"]) < 1e-4
    assert auc(counts).bound < 0.003
    accuracy = counts.accuracy_at(0.5)
    assert accuracy is not None
    assert abs(accuracy.value - np.mean((scores >= 0.5) == positive)) <= accuracy.bound


def test_delongs_variance_is_the_spread_of_the_auc_over_samples() -> None:
    found = [
        auc(ScoresByTruth.of(*rare(2000, 0.2, seed=seed))).value for seed in range(200)
    ]
    stated = ScoresByTruth.of(*rare(2000, 0.2, seed=0)).roc_auc_variance()
    assert stated is not None
    assert math.sqrt(stated) == pytest.approx(np.std(found), rel=0.2)


def test_scores_of_zero_and_one_and_no_scores_at_all_are_counted_too() -> None:
    counts = ScoresByTruth.of([0.0, 1.0, 0.5], [False, True, True])
    assert counts.n == 3
    assert auc(counts).value == 1.0
    nothing = ScoresByTruth(count_scores([]), count_scores([]))
    assert (
        nothing.roc_auc() is nothing.log_loss() is nothing.average_precision() is None
    )
    assert nothing.equal_mass(10) == []


def test_variance_survives_a_mean_that_is_large_against_it() -> None:
    """NIST's NumAcc4: mean 10000000.2, standard deviation 0.1."""
    values = np.r_[10_000_000.2, np.tile([10_000_000.1, 10_000_000.3], 500)]
    merged = Moments()
    for part in np.array_split(values, 37):
        merged = merged.merge(Moments.of(part))
    assert merged.n == 1001
    assert merged.mean == pytest.approx(10_000_000.2, rel=1e-15)
    assert math.sqrt(merged.variance) == pytest.approx(0.1, abs=1e-8)


numbers = st.lists(st.floats(-1e6, 1e6), max_size=30)


@settings(max_examples=60, deadline=None)
@given(a=numbers, b=numbers)
def test_merged_moments_are_those_of_all_values(a: list[float], b: list[float]) -> None:
    merged, whole = Moments.of(a).merge(Moments.of(b)), Moments.of(a + b)
    assert merged.n == whole.n
    assert merged.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9)
    assert merged.m2 == pytest.approx(whole.m2, rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(latencies=st.lists(st.floats(0.05, 5e4), min_size=1, max_size=200))
def test_a_latency_quantile_is_off_by_one_bin_at_most(latencies: list[float]) -> None:
    counts = LATENCY.count(latencies)
    for q in (0.5, 0.95, 1.0):
        exact = np.quantile(latencies, q, method="inverted_cdf")
        found = LATENCY.quantile(counts, q)
        assert found is not None
        assert exact / 1.066 <= found <= exact * 1.066
    assert LATENCY.above(counts, 0.01) == len(latencies)
    assert LATENCY.above(counts, 1e5) == 0


def test_latencies_beyond_the_bins_stay_countable() -> None:
    counts = LATENCY.count([0.0, -1.0, 1e9])
    assert counts.sum() == 3
    assert LATENCY.quantile(np.zeros(256), 0.5) is None


values = st.one_of(
    st.none(),
    st.floats(-100, 200),
    st.sampled_from(["", "basic", "gold", "new", "12.5", "x"]),
    st.booleans(),
    st.just(math.nan),
    st.just(math.inf),
)
rows = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(KINDS, values)), max_size=25
)
PROFILE = build_reference(
    {
        "age": np.random.default_rng(0).normal(40, 10, 500).tolist(),
        "plan": ["basic", "gold", None, "basic"] * 125,
        "note": ["a" * (k % 60) for k in range(500)],
        "born": ["2020-01-01T00:00:00Z"] * 500,
    },
    KINDS,
    prediction=np.linspace(0, 1, 500),
)


def folded(rows: list[dict[str, Any]]) -> Inputs:
    scores = [(len(str(row)) % 50) / 50 for row in rows]
    return fold_inputs(
        PROFILE, rows, predictions=scores, scores=scores, latencies_ms=scores
    )


@settings(max_examples=60, deadline=None)
@given(a=rows, b=rows)
def test_hours_merge_into_what_folding_the_day_would_give(a: Any, b: Any) -> None:
    whole = folded(a + b).pack()
    assert folded(a).merge(folded(b)).pack() == whole
    assert folded(b).merge(folded(a)).pack() == whole
    assert Inputs().merge(folded(a + b)).pack() == whole
    assert Inputs.unpack(whole).pack() == whole


@settings(max_examples=30, deadline=None)
@given(part=rows)
def test_every_value_is_counted_once(part: list[dict[str, Any]]) -> None:
    found = folded(part)
    assert {counts.n for counts in found.features.values()} == {len(part)}
    assert found.n == found.scores.sum() == found.latency.sum() == len(part)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_outcomes_merge_in_any_order_and_survive_packing(task: str) -> None:
    scored = some(task, 200)
    a, b = (fold_outcomes(scored.take(np.arange(200) % 3 == k)) for k in (0, 1))
    c = fold_outcomes(scored.take(np.arange(200) % 3 == 2))
    one = a.merge(b).merge(c)
    other = Outcomes.unpack(Outcomes().merge(c).merge(a).pack()).merge(b)
    assert one.n == other.n == 200
    assert one.confusion == other.confusion
    for key, counts in one.counts.items():
        assert np.array_equal(counts, other.counts[key])
    for key, moments in one.moments.items():
        assert other.moments[key].mean == pytest.approx(moments.mean)
        assert other.moments[key].m2 == pytest.approx(moments.m2)
    assert Outcomes.unpack(b"").n == Inputs.unpack(b"").n == 0


@pytest.mark.parametrize("turned", [False, True])
def test_outcomes_of_different_tasks_are_not_mixed_but_counted(turned: bool) -> None:
    many = fold_outcomes(binary([0.5, 0.4], [1, 0]))
    few = fold_outcomes(regression([1.0], [1.0]))
    both = few.merge(many) if turned else many.merge(few)
    assert (both.task, both.n, both.left_out) == ("binary", 2, 1)
    assert Outcomes.unpack(both.pack()).merge(few).left_out == 2
    assert Outcomes.unpack(both.pack()).left_out == 1


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_outcomes_that_were_packed_as_a_whole_are_still_read(task: str) -> None:
    scored = some(task, 200)
    found = fold_outcomes(scored.take(np.arange(200) < 100))
    more = fold_outcomes(scored.take(np.arange(200) >= 100))
    moments = {key: [m.n, m.mean, m.m2] for key, m in found.moments.items()}
    old = pack(
        {"v": 1, "task": found.task, "positive": found.positive, "n": found.n}
        | {"moments": moments, "counts": found.counts, "confusion": found.confusion}
        | {"left_out": 3}
    )

    read = Outcomes.unpack(old)

    assert read.left_out == 3
    assert replace(read, left_out=0).pack() == found.pack()
    assert read.merge(more).confusion == found.merge(more).confusion


def test_an_hour_of_twenty_features_fits_in_a_few_kilobytes() -> None:
    rng = np.random.default_rng(0)
    names = [f"f{k}" for k in range(20)]
    columns = {name: rng.normal(size=2000) for name in names}
    profile = build_reference(columns, dict.fromkeys(names, "numeric"))
    hour = [{name: float(rng.normal()) for name in names} for _ in range(300)]
    assert len(fold_inputs(profile, hour).pack()) < 6000
