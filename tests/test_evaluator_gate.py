"""The gate: a candidate passes only where it is surely better, and says why or why not."""

import json
from typing import Any

import numpy as np
import pytest

from monitoring.evaluator.evaluate import Economics
from monitoring.evaluator.gate import Verdict, judge
from monitoring.evaluator.scored import Scored
from tests.scored import binary, regression, some

N = 1409
MONEY = Economics(
    "USD", {"yes": {"yes": 10.0, "no": 10.0}, "no": {"yes": 60.0, "no": 0.0}}
)


def at_cost(gain: float) -> tuple[Scored, Scored]:
    """A candidate whose mean absolute error is about `gain` below the baseline's."""
    rng = np.random.default_rng(5)
    truth = np.zeros(N)
    noise = np.abs(rng.normal(20, 4, N))
    rows = {"plan": rng.choice(["basic", "gold"], N)}
    better = noise - gain + rng.normal(0, 1, N)
    return regression(truth, better, rows=rows), regression(truth, noise, rows=rows)


def verdict(candidate: Scored, baseline: Scored, **more: Any) -> Verdict:
    given: dict[str, Any] = {"metric": "mae", "rng": np.random.default_rng(1)}
    return judge(candidate=candidate, baseline=baseline, **(given | more))


def reason(found: Verdict, rule: str) -> dict[str, Any]:
    return next(part for part in found.reasons if part["rule"] == rule)


def test_a_surely_better_model_is_accepted_with_every_rule_named() -> None:
    found = verdict(*at_cost(3.0))
    assert found.accepted
    assert [part["rule"] for part in found.reasons] == [
        "enough rows",
        "better than baseline",
        "same answers",
    ]
    assert all(part["passed"] for part in found.reasons)
    json.dumps(found.reasons, allow_nan=False)


def test_the_reason_is_a_sentence_with_money_interval_and_rows() -> None:
    scores = np.r_[np.full(400, 0.9), np.full(1009, 0.1)]
    candidate = binary(scores, scores > 0.5)
    baseline = binary(np.full(N, 0.1), scores > 0.5)
    found = verdict(candidate, baseline, metric="cost", economics=MONEY)
    text = reason(found, "better than baseline")["text"]
    assert text == (
        "Loses 14.2 USD a row less than the baseline (13.1 to 15.4, 1\u202f409 rows)."
    )


def test_the_same_model_again_is_not_accepted() -> None:
    candidate, _ = at_cost(3.0)
    found = verdict(candidate, candidate)
    assert not found.accepted
    assert reason(found, "better than baseline")["text"] == (
        "Mean absolute error equals that of the baseline (1\u202f409 rows)."
    )


def test_a_gain_that_may_be_chance_is_rejected_and_called_that() -> None:
    found = verdict(*at_cost(0.02))
    assert not found.accepted
    assert "may be chance" in reason(found, "better than baseline")["text"]


def test_a_worse_model_is_told_by_how_much() -> None:
    candidate, baseline = at_cost(3.0)
    found = verdict(baseline, candidate)
    text = reason(found, "better than baseline")["text"]
    assert text == (
        "Mean absolute error is 2.98 higher than that of the baseline "
        "(2.93 to 3.04, 1\u202f409 rows)."
    )


def test_a_sure_gain_below_the_margin_is_rejected() -> None:
    found = verdict(*at_cost(3.0), margin=5.0)
    assert not found.accepted
    text = reason(found, "better than baseline")["text"]
    assert text.endswith("not surely more than the 5 asked for.")
    assert verdict(*at_cost(3.0), margin=2.0).accepted


def test_the_live_model_must_be_beaten_too_where_it_is_another() -> None:
    candidate, baseline = at_cost(3.0)
    live, _ = at_cost(6.0)
    found = verdict(candidate, baseline, live=live)
    assert not found.accepted
    assert reason(found, "better than baseline")["passed"]
    assert not reason(found, "better than live")["passed"]
    assert "that of the live model" in reason(found, "better than live")["text"]


def test_too_few_rows_reject_with_that_reason_and_no_guess() -> None:
    candidate, baseline = at_cost(3.0)
    few = np.arange(12)
    found = verdict(candidate.take(few), baseline.take(few))
    assert not found.accepted
    assert found.reasons[0]["text"] == (
        "Too few test rows: 12 rows; Mean absolute error needs 30."
    )
    assert "better than baseline" not in {part["rule"] for part in found.reasons}
    assert verdict(candidate.take(few), baseline.take(few), minimum_n=10).accepted


def test_an_undefined_metric_rejects_with_its_reason() -> None:
    one_class = binary(np.linspace(0, 1, 50), np.ones(50))
    found = verdict(one_class, one_class, metric="roc_auc")
    assert not found.accepted
    text = reason(found, "better than baseline")["text"]
    assert "Only one class is among the truths." in text


def test_a_model_that_is_worse_for_some_customers_is_stopped_by_its_slice() -> None:
    candidate, baseline = at_cost(3.0)
    gold = candidate.rows["plan"] == "gold"
    spoilt = Scored(
        **{
            **candidate.__dict__,
            "predicted": candidate.predicted + np.where(gold, 5, 0),
        }
    )
    found = verdict(spoilt, baseline, slices=["plan"])
    assert reason(found, "better than baseline")["passed"]
    text = reason(found, "no slice worse")["text"]
    assert text.startswith("Worst slice, plan = gold: Mean absolute error is 1.98")
    assert text.endswith("At most 0 worse is allowed.")
    assert not found.accepted
    assert verdict(spoilt, baseline, slices=["plan"], worst_slice_margin=3).accepted
    assert verdict(candidate, baseline, slices=["plan"]).accepted


def test_a_slice_that_no_column_has_rejects_rather_than_passes() -> None:
    found = verdict(*at_cost(3.0), slices=["colour"])
    assert not found.accepted
    assert "'colour'" in reason(found, "no slice worse")["text"]


@pytest.mark.parametrize(
    ("measured", "accepted", "says"),
    [
        (90.0, True, "Latency is 90\xa0µs for one row; 5\xa0ms is allowed."),
        (5_340.4, False, "Latency is 5.34\xa0ms for one row; 5\xa0ms is allowed."),
        (None, False, "Latency was not measured; at most 5\xa0ms for one row is"),
    ],
)
def test_limits_of_latency_and_size_are_kept(
    measured: float | None, accepted: bool, says: str
) -> None:
    found = verdict(
        *at_cost(3.0),
        limits={"max_latency_us": 5_000.0, "max_artifact_mb": None},
        measured={"latency_us": measured, "artifact_mb": 3.0},
    )
    assert found.accepted is accepted
    assert says in reason(found, "latency")["text"]
    assert "size" not in {part["rule"] for part in found.reasons}


def test_a_size_is_told_in_its_unit() -> None:
    found = verdict(
        *at_cost(3.0),
        limits={"max_artifact_mb": 2.5},
        measured={"artifact_mb": 1_026.0},
    )
    text = reason(found, "size")["text"]
    assert text == "Size is 1\u202f026\xa0MB; 2.5\xa0MB is allowed."


def test_a_model_that_answers_otherwise_once_stored_is_rejected() -> None:
    found = verdict(*at_cost(3.0), proof_ok=False)
    assert not found.accepted
    assert not reason(found, "same answers")["passed"]


def test_equal_models_pass_by_chance_in_one_of_forty_cases_at_most() -> None:
    """The lower bound of a 95 % interval: 2.5 % of no gain at all look like one."""
    passed = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        one, two = (regression(np.zeros(120), rng.normal(0, 1, 120)) for _ in "ab")
        passed += verdict(one, two, draws=200, rng=rng).accepted
    assert passed <= 10  # 3.75 expected


def test_judging_classes_reads_only_what_it_is_given() -> None:
    scored = some("binary")
    assert not verdict(scored, scored, metric="log_loss").accepted


def test_an_answer_too_large_to_square_is_no_reason_to_accept() -> None:
    candidate, baseline = at_cost(3.0)
    predicted = np.r_[candidate.predicted[:-1], 1e200]
    odd = Scored(**{**candidate.__dict__, "predicted": predicted})
    found = verdict(odd, baseline, metric="rmse")
    assert not found.accepted
    assert "too large" in reason(found, "better than baseline")["text"]


def test_a_row_that_costs_too_much_to_count_is_not_left_out() -> None:
    money = Economics(
        "USD",
        {
            "yes": {"yes": 0.0, "no": {"field": "price", "times": 1e200}},
            "no": {"yes": 5.0, "no": 0.0},
        },
    )
    rows, true = {"price": np.full(100, 1e200)}, np.arange(100) > 0
    candidate = binary(np.ones(100), true, rows=rows)
    baseline = binary(np.zeros(100), true, rows=rows)
    found = verdict(candidate, baseline, metric="cost", economics=money)
    assert not found.accepted
    assert "too large" in reason(found, "better than baseline")["text"]


def of_stores(n: int, seed: int) -> tuple[Scored, Scored]:
    """Two models that are equally good, on thirty days of each of n stores, of which
    some suit the one and some the other."""
    rng = np.random.default_rng(seed)
    stores = np.repeat(np.arange(n), 30)
    one, two = (
        regression(
            np.zeros(30 * n), rng.normal(0, 1, n)[stores], unit_ids=stores, unit="store"
        )
        for _ in "ab"
    )
    return one, two


@pytest.mark.parametrize(
    ("n", "says"), [(1, "1 subject (store)"), (3, "3 subjects (store)")]
)
def test_rows_of_a_few_stores_are_too_few_to_be_sure(n: int, says: str) -> None:
    for seed in range(20):
        found = verdict(*of_stores(n, seed), minimum_n=10)
        assert not found.accepted
        text = reason(found, "better than baseline")["text"]
        assert text == (
            f"Cannot be compared with the baseline: {says}; an interval needs 10."
        )


def test_equal_models_on_ten_stores_seldom_pass_by_chance() -> None:
    passed = sum(
        verdict(*of_stores(10, seed), minimum_n=10, draws=200).accepted
        for seed in range(100)
    )
    assert passed <= 12  # about 5 expected
