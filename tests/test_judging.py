"""Judging a rollout: published numbers, and few false calls however often one looks."""

import math

import numpy as np
import pytest

from monitoring.evaluator.moments import Moments
from monitoring.judging.statistics import (
    Difference,
    confidence_sequence,
    difference,
    goodness_of_fit,
    newcombe,
    one_sided_sequence,
    sample_ratio_mismatch,
    share_arm,
    welch,
)

LOOKS = 720  # every hour for thirty days


def test_welchs_test_gives_growthbooks_numbers() -> None:
    ours = Moments.of_sums(3461, 2422.7, 134698.29)
    theirs = Moments.of_sums(3407, 1396.87, 52377.9767)
    found = welch(ours, theirs)
    assert found is not None
    assert found.value == pytest.approx(0.29, abs=5e-4)
    assert found.p == pytest.approx(0.02016, abs=5e-6)
    gap = difference(ours, theirs)
    assert gap is not None
    assert gap.standard_error == pytest.approx(0.12478, abs=5e-6)


def test_the_other_published_numbers_come_out() -> None:
    assert goodness_of_fit([44000, 45000], [1, 1]) == pytest.approx(0.0008, abs=5e-5)
    observed, expected = [16, 16, 16, 16, 16, 8], [16, 18, 16, 14, 12, 12]
    assert goodness_of_fit(observed, expected) == pytest.approx(0.67309, abs=5e-6)
    found = newcombe(56, 70, 48, 80)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_split_unlike_the_plan_is_noticed_and_chance_is_not() -> None:
    assert sample_ratio_mismatch([44000, 45000], [1, 1])
    assert not sample_ratio_mismatch([440, 450], [1, 1])
    assert not sample_ratio_mismatch([5, 95], [0.05, 0.95])
    assert sample_ratio_mismatch([5, 95], [1, 1])
    assert sample_ratio_mismatch([10, 0], [0, 1])
    assert not sample_ratio_mismatch([0, 0], [1, 1])


def test_arms_too_small_for_a_variance_give_no_verdict() -> None:
    one, many = Moments.of([1.0]), Moments.of([1.0, 2.0])
    assert difference(one, many) is None
    assert welch(one, many) is None
    assert newcombe(0, 0, 1, 2) is None


def test_arms_without_spread_are_told_apart_without_a_division_by_zero() -> None:
    same = welch(Moments.of([1.0, 1.0]), Moments.of([1.0, 1.0]))
    other = welch(Moments.of([1.0, 1.0]), Moments.of([2.0, 2.0]))
    assert same is not None
    assert other is not None
    assert (same.p, other.p) == (1.0, 0.0)


def arms_over_time(runs: int, gap: float = 0.0) -> tuple[np.ndarray, ...]:
    """Sums and squares of two arms of 20 units an hour, for every run and look."""
    rng = np.random.default_rng(11)
    each = 20
    parts = []
    for shift in (gap, 0.0):
        # Bernoulli units: their sum says everything
        hits = rng.binomial(each, 0.3 + shift, size=(runs, LOOKS)).cumsum(axis=1)
        parts.append(hits)
    return (*parts, each * np.arange(1, LOOKS + 1))


def ever_different(runs: int, *, sequential: bool, gap: float = 0.0) -> float:
    """The share of runs in which some look calls the arms different."""
    ours, theirs, n = arms_over_time(runs, gap)
    called = 0
    for one, other in zip(ours, theirs, strict=True):
        p, q = one / n, other / n
        errors = np.sqrt((p * (1 - p) + q * (1 - q)) / (n - 1))
        half = 1.96 * errors
        if sequential:
            factor = [
                confidence_sequence(Difference(0.0, 1.0, int(2 * k))).high for k in n
            ]
            half = np.array(factor) * errors
        called += bool((np.abs(p - q) > half).any())
    return called / runs


def test_looking_every_hour_for_a_month_calls_equal_models_different_in_1_of_20() -> (
    None
):
    assert ever_different(60, sequential=True) <= 0.05
    assert ever_different(60, sequential=False) > 0.28  # the plain z test


def test_a_real_difference_is_still_found() -> None:
    assert ever_different(20, sequential=True, gap=0.05) == 1.0


def test_a_sequence_is_wider_than_one_look_and_narrows_with_n() -> None:
    wide, narrow = (
        confidence_sequence(Difference(0.1, 1 / math.sqrt(n), n)) for n in (500, 50_000)
    )
    assert narrow.high - narrow.low < (wide.high - wide.low) / 5
    at_tuned = confidence_sequence(Difference(0.0, 1.0, 5000))
    assert 2.5 < at_tuned.high < 3.3  # standard errors; 1.96 for one look
    assert at_tuned.low == -at_tuned.high


def test_a_one_sided_guardrail_is_narrower_than_both_sides() -> None:
    gap = Difference(0.02, 0.005, 4000)
    one, two = one_sided_sequence(gap), confidence_sequence(gap)
    assert two.low < one.low < gap.value < one.high < two.high


def test_a_guardrail_breaks_falsely_in_fewer_than_1_of_20_months() -> None:
    ours, theirs, n = arms_over_time(60)
    factor = np.array(
        [one_sided_sequence(Difference(0.0, 1.0, int(2 * k))).high for k in n]
    )
    broken = 0
    for one, other in zip(ours, theirs, strict=True):
        p, q = one / n, other / n
        errors = np.sqrt((p * (1 - p) + q * (1 - q)) / (n - 1))
        broken += bool((p - q - factor * errors > 0).any())
    assert broken / 60 <= 0.05


def test_five_rows_without_an_error_do_not_prove_safety() -> None:
    few = difference(share_arm(0, 5), share_arm(0, 5))
    many = difference(share_arm(0, 50_000), share_arm(0, 50_000))
    assert few is not None
    assert many is not None
    assert one_sided_sequence(few).high > 0.3
    assert one_sided_sequence(many).high < 0.001
