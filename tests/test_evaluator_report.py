"""The Evaluator's report: intervals, errors, calibration, thresholds, slices."""

import json
import logging
import math
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from monitoring.evaluator.evaluate import (
    Economics,
    OwnMetric,
    evaluate,
    measure,
)
from monitoring.evaluator.scored import TASKS, Scored
from monitoring.evaluator.slices import slice_masks
from registry.catalogue import Metric
from tests.scored import binary, regression, some

CHURN = Economics(
    "USD", {"yes": {"yes": 10.0, "no": 10.0}, "no": {"yes": 60.0, "no": 0.0}}
)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_pure_parts_load_without_django_pandas_or_scikit_learn() -> None:
    code = """
import sys
for banned in ("django", "pandas", "sklearn", "celery"):
    sys.modules[banned] = None
import monitoring.evaluator.gate, monitoring.evaluator.evaluate
import monitoring.monitor.drift, monitoring.monitor.performance
import monitoring.monitor.reference, monitoring.judging.statistics
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("task", TASKS)
def test_a_report_can_be_stored_as_strict_json(task: str) -> None:
    report = evaluate(some(task), slices=["age", "plan"], rng=rng(), draws=100)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_lies_inside_its_interval(task: str) -> None:
    for seed in range(3):
        report = evaluate(some(task, 300, seed=seed), rng=rng(), draws=300)
        for key, number in report["metrics"].items():
            if number["value"] is None:
                assert key == "cost"
                continue
            assert number["low"] <= number["value"] <= number["high"], key
            assert number["low"] < number["high"], key
            assert number["n"] == 300


@pytest.mark.parametrize("key", ["roc_auc", "log_loss", "accuracy", "f1", "ece"])
def test_nineteen_of_twenty_intervals_hold_the_truth(key: str) -> None:
    exact = measure(some("binary", 200_000, seed=99), key)
    held = 0
    for seed in range(60):
        found = evaluate(some("binary", 250, seed=seed), rng=rng(), draws=200)
        number = found["metrics"][key]
        held += number["low"] <= exact <= number["high"]
    assert held >= 50  # 57 expected; fewer than 50 has a chance below 1 in 1000


def test_the_same_generator_gives_the_same_report() -> None:
    assert evaluate(some("binary"), rng=rng()) == evaluate(some("binary"), rng=rng())


def test_too_few_rows_give_no_value_and_say_how_many_are_needed() -> None:
    number = evaluate(some("binary", 12), rng=rng())["metrics"]["roc_auc"]
    assert number["value"] is None
    assert number["n"] == 12
    assert number["reason"] == "12 rows; ROC AUC needs 30."


def test_one_class_gives_no_auc_but_an_accuracy() -> None:
    report = evaluate(binary(np.linspace(0, 1, 60), np.ones(60)), rng=rng())
    assert report["metrics"]["roc_auc"]["reason"] == (
        "Only one class is among the truths."
    )
    assert report["metrics"]["accuracy"]["value"] == 0.5


def test_a_perfect_score_on_few_rows_is_no_certainty() -> None:
    scores = np.r_[np.full(20, 0.1), np.full(20, 0.9)]
    metrics = evaluate(binary(scores, scores > 0.5), rng=rng())["metrics"]
    for key in ("accuracy", "precision", "recall", "roc_auc", "average_precision"):
        assert metrics[key]["value"] == metrics[key]["high"] == 1.0
        assert 0.8 < metrics[key]["low"] < 0.95, key


def test_rows_of_one_customer_count_as_one_so_the_interval_is_wider() -> None:
    once = some("binary", 100)
    many = once.take(np.repeat(np.arange(100), 9))
    grouped = Scored(**{**many.__dict__, "unit_ids": np.repeat(np.arange(100), 9)})

    def width(scored: Scored, key: str) -> float:
        number = evaluate(scored, rng=rng())["metrics"][key]
        return number["high"] - number["low"]

    for key in ("roc_auc", "log_loss", "accuracy"):
        assert width(grouped, key) == pytest.approx(width(once, key), rel=0.15)
        assert width(many, key) == pytest.approx(width(once, key) / 3, rel=0.25)


def test_of_one_store_there_is_a_value_and_no_interval() -> None:
    one = regression(np.zeros(60), np.linspace(1, 2, 60), unit_ids=np.zeros(60))
    found = evaluate(one, rng=rng())["metrics"]["mae"]
    assert found["value"] == pytest.approx(1.5)
    assert found["low"] is found["high"] is None
    assert found["reason"] == "1 subject; an interval needs 10."


def test_an_error_too_large_to_square_leaves_no_number_rather_than_a_better_one() -> (
    None
):
    said = np.r_[np.ones(59), 1e200]
    metrics = evaluate(regression(np.zeros(60), said), rng=rng())["metrics"]
    assert metrics["rmse"]["value"] is None
    assert metrics["rmse"]["reason"] == "The numbers are too large to compute it."
    assert metrics["median_absolute_error"]["value"] == 1.0


def test_a_thousand_resamples_of_two_thousand_rows_take_about_a_second() -> None:
    scored = some("binary", 2000)
    started = time.process_time()
    evaluate(scored, economics=CHURN, slices=["age", "plan"], rng=rng(), draws=1000)
    assert time.process_time() - started < 2  # 0.4 s on a quiet machine


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"truth": np.array(["yes", None], dtype=object)}, "1 of 2 rows have no truth"),
        ({"predicted": np.array(["no", math.nan], dtype=object)}, "no predicted"),
        ({"probabilities": np.array([[0.5, 0.5], [math.nan, 1]])}, "no probabilities"),
        ({"probabilities": np.array([[0.5, 0.5]])}, "shape"),
        ({"probabilities": np.array([[-1, 2], [0, 1]])}, "between 0 and 1"),
        ({"rows": {"age": np.zeros(3)}}, "rows\\['age'\\] has 3 rows"),
        ({"positive": "maybe"}, "Positive class 'maybe'"),
        ({"task": "multilabel"}, "Task 'multilabel'"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(change: Any, says: str) -> None:
    given = binary([0.1, 0.9], [0, 1]).__dict__
    with pytest.raises(ValueError, match=says):
        Scored(**{**given, **change})


def test_missing_numbers_are_refused_too() -> None:
    with pytest.raises(ValueError, match="1 of 2 rows have no truth"):
        regression([1.0, math.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="infinite predicted"):
        regression([1.0, 2.0], [1.0, math.inf])


def test_truth_may_be_the_equal_number_or_boolean() -> None:
    scored = Scored(
        task="binary",
        classes=["0", "1"],
        positive="1",
        truth=np.array([0.0, 1.0, 1.0]),
        predicted=np.array([0, 1, 0]),
    )
    assert scored.truth.tolist() == ["0", "1", "1"]
    assert measure(scored, "accuracy") == pytest.approx(2 / 3)


def test_the_decision_counts_where_it_names_classes_and_the_prediction_else() -> None:
    scores, truth = [0.4] * 40, [1] * 40
    lowered = binary(scores, truth, decided=np.array(["yes"] * 40))
    acted = binary(scores, truth, decided=np.array(["call"] * 40))
    assert measure(lowered, "recall") == 1.0
    assert measure(acted, "recall") == 0.0


def test_errors_of_a_regression_are_spread_out_in_quantiles_and_bins() -> None:
    truth = np.zeros(1001)
    errors = evaluate(regression(truth, np.arange(1001.0) - 500), rng=rng(), draws=20)
    spread = errors["error_distribution"]
    assert spread["quantiles"]["0.5"] == 0
    assert spread["quantiles"]["0.95"] == 450
    assert sum(spread["histogram"]["counts"]) == 1001
    assert (spread["smallest"], spread["largest"]) == (-500, 500)


def test_errors_of_classes_are_counted_by_truth_and_answer() -> None:
    scored = binary([0.9, 0.9, 0.1, 0.1, 0.9], [1, 1, 1, 0, 0])
    spread = evaluate(scored, rng=rng(), draws=20)["error_distribution"]
    assert spread["confusion"] == {"labels": ["no", "yes"], "counts": [[1, 1], [1, 2]]}
    positive = spread["per_class"][1]
    assert positive["precision"]["value"] == positive["recall"]["value"] == 2 / 3
    assert positive["support"] == 3
    assert sum(spread["scores"]["positive"]) == 3
    assert sum(spread["scores"]["negative"]) == 2


def test_a_hundred_rare_classes_are_drawn_as_one() -> None:
    truth = np.array([f"c{k % 100}" for k in range(1000)])
    scored = Scored("multiclass", np.unique(truth).tolist(), None, truth, truth)
    spread = evaluate(scored, rng=rng(), draws=20)["error_distribution"]
    assert spread["confusion"]["labels"][-1] == "(51 others)"
    assert np.sum(spread["confusion"]["counts"]) == 1000
    assert len(spread["per_class"]) == 100


def test_honest_probabilities_lie_inside_the_reliability_intervals() -> None:
    honest = evaluate(some("binary", 2000), rng=rng(), draws=20)["calibration"]
    assert len(honest) == 10
    assert sum(part["n"] for part in honest) == 2000
    assert sum(p["low"] <= p["predicted"] <= p["high"] for p in honest) >= 8
    shares = np.random.default_rng(1).random(2000)
    boastful = evaluate(binary(shares, np.arange(2000) % 2), rng=rng(), draws=20)
    far = [p["low"] <= p["predicted"] <= p["high"] for p in boastful["calibration"]]
    assert sum(far) <= 4
    assert evaluate(some("multiclass"), rng=rng(), draws=20)["calibration"]
    assert evaluate(some("regression"), rng=rng(), draws=20)["calibration"] == []


def test_the_cheapest_threshold_can_be_read_off_the_curve() -> None:
    scored = some("binary", 3000)
    curve = evaluate(scored, economics=CHURN, rng=rng(), draws=20)["thresholds"]
    assert len(curve["points"]) <= 101
    assert (curve["above"], curve["below"]) == ("yes", "no")
    nobody, everybody = curve["points"][0], curve["points"][-1]
    assert nobody["cost"] == pytest.approx(60 * np.mean(scored.truth == "yes"))
    assert everybody["cost"] == pytest.approx(10)
    assert everybody["recall"] == everybody["false_positive_rate"] == 1
    best = min(curve["points"], key=lambda point: point["cost"])
    assert best["threshold"] == pytest.approx(10 / 60, abs=0.08)  # by decision theory
    assert scored.probabilities is not None
    at = scored.probabilities[:, 1] >= best["threshold"]
    acted = Scored(**{**scored.__dict__, "decided": np.where(at, "yes", "no")})
    assert measure(acted, "cost", economics=CHURN) == pytest.approx(best["cost"])


def test_the_worst_slice_comes_first_and_small_ones_are_not_judged() -> None:
    n = 400
    truth = np.zeros(n)
    plan = np.array(["gold"] * 100 + ["basic"] * 290 + ["rare"] * 10)
    wrong = np.where(plan == "gold", 9.0, 1.0)
    age = np.r_[np.full(50, np.nan), np.linspace(20, 80, n - 50)]
    scored = regression(truth, wrong, rows={"plan": plan, "age": age})
    slices = evaluate(scored, slices=["plan", "age"], rng=rng(), draws=20)["slices"]
    assert slices[0]["value"] in {"gold", "(missing)"}
    gold = next(part for part in slices if part["value"] == "gold")
    assert (gold["column"], gold["n"], gold["metric"]) == ("plan", 100, "mae")
    assert gold["value_of_metric"] == gold["low"] == gold["high"] == 9.0
    assert gold["excess"] == pytest.approx(100 * (9.0 - wrong.mean()))
    assert "rare" not in {part["value"] for part in slices}
    assert sum(part["n"] for part in slices if part["column"] == "age") == n
    with pytest.raises(ValueError, match="'colour'"):
        evaluate(scored, slices=["colour"], rng=rng())


def test_numbers_among_nulls_are_cut_into_bins_whatever_type_holds_them() -> None:
    ages = np.array([None, *range(20, 139)], dtype=object)
    names = [name for name, _ in slice_masks(ages)]
    assert names[-1] == "(missing)"
    assert len(names) == 6
    assert names[0].startswith("20 to ")
    few = [name for name, _ in slice_masks(np.array([1.0, 2.0, None], dtype=object))]
    assert few == ["1", "2", "(missing)"]


def test_actions_on_a_regression_do_not_change_what_its_errors_cost() -> None:
    acted = regression([10.0], [12.0], decided=np.array(["rebook"]))
    assert measure(acted, "cost", economics=Economics("EUR", {}, 3.0)) == 6.0


def test_slices_of_classes_are_ranked_by_cost_where_there_is_one() -> None:
    slices = evaluate(
        some("binary"), economics=CHURN, slices=["plan"], rng=rng(), draws=20
    )["slices"]
    assert [part["metric"] for part in slices] == ["cost", "cost"]
    assert slices[0]["value_of_metric"] >= slices[1]["value_of_metric"]


def test_a_projects_own_metric_is_measured_like_the_others() -> None:
    missed = OwnMetric(
        Metric("missed", "Missed connections", ("regression",), False, "money"),
        lambda truth, prediction, row: (
            250.0 * (truth > 12) * (prediction <= row["age"])
        ),
    )
    scored = some("regression")
    found = evaluate(scored, own_metrics={"missed": missed}, rng=rng())["metrics"]
    assert found["missed"]["value"] == 250 * np.mean(scored.truth > 12)
    assert found["missed"]["low"] < found["missed"]["value"]


def test_an_own_metric_that_fails_is_undefined_with_its_reason(caplog: Any) -> None:
    broken = OwnMetric(
        Metric("broken", "Broken", ("regression",), False), lambda *_: 1 / 0
    )
    nothing = OwnMetric(
        Metric("nothing", "Nothing", ("regression",), False), lambda *_: math.nan
    )
    with caplog.at_level(logging.ERROR):
        found = evaluate(
            some("regression"),
            own_metrics={"broken": broken, "nothing": nothing},
            rng=rng(),
        )["metrics"]
    assert "ZeroDivisionError" in found["broken"]["reason"]
    assert "not a finite number" in found["nothing"]["reason"]
    assert found["mae"]["value"] > 0
    assert caplog.records[0].exc_info
