"""Two models on the same rows: which is better, by how much, how surely."""

import numpy as np
import pytest

from monitoring.evaluator.evaluate import Economics, compare, evaluate
from registry.catalogue import METRICS
from tests.scored import binary, multiclass, regression, some


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_a_gain_is_positive_where_ours_is_better_whatever_the_direction() -> None:
    truth = np.random.default_rng(0).normal(10, 3, 200)
    good = regression(truth, truth + 0.5)
    bad = regression(truth, truth - 2.0)
    for metric in ("mae", "rmse", "r2", "bias"):
        assert compare(good, bad, metric=metric, rng=rng())["low"] > 0
        assert compare(bad, good, metric=metric, rng=rng())["high"] < 0


def test_a_paired_comparison_is_surer_than_two_intervals_apart() -> None:
    some_noise = np.random.default_rng(3).normal(0, 20, 300)
    truth = np.zeros(300)
    ours, theirs = regression(truth, some_noise), regression(truth, some_noise * 1.1)
    found = compare(ours, theirs, metric="mae", rng=rng())
    assert found["low"] > 0
    one = evaluate(ours, rng=rng())["metrics"]["mae"]
    other = evaluate(theirs, rng=rng())["metrics"]["mae"]
    assert one["high"] > other["low"]


def test_a_comparison_leaves_out_rows_that_one_side_cannot_price() -> None:
    money = Economics(
        "USD", {"yes": {"yes": 10, "no": 10}, "no": {"yes": {"field": "fee"}, "no": 0}}
    )
    fee = np.where(np.arange(100) < 40, np.nan, 50.0)
    rows = {"fee": fee}
    ours = binary(np.ones(100), np.ones(100), rows=rows)
    theirs = binary(np.zeros(100), np.ones(100), rows=rows)
    found = compare(ours, theirs, metric="cost", economics=money, rng=rng())
    assert (found["n"], found["gain"], found["ours"]) == (60, 40.0, 10.0)


def test_only_the_same_rows_can_be_compared() -> None:
    with pytest.raises(ValueError, match="same rows"):
        compare(some("binary", seed=1), some("binary", seed=2), metric="f1", rng=rng())
    with pytest.raises(ValueError, match="'speed' is unknown"):
        compare(some("binary"), some("binary"), metric="speed", rng=rng())


def test_an_undefined_comparison_says_why() -> None:
    one_class = binary(np.linspace(0, 1, 50), np.ones(50))
    found = compare(one_class, one_class, metric="roc_auc", rng=rng())
    assert found["gain"] is found["low"] is None
    assert found["reason"] == "Only one class is among the truths."
    few = multiclass([[0.5, 0.5]] * 3, ["a"] * 3)
    assert "3 rows" in compare(few, few, metric="f1", rng=rng())["reason"]


def test_the_catalogue_judges_a_mean_error_by_its_distance_from_zero() -> None:
    assert METRICS["bias"].beats(-1.0, 3.0)
    assert not METRICS["bias"].beats(-5.0, 3.0)
