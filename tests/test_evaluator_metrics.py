"""Every metric: the value others compute, and a reason where there is none."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from monitoring.evaluator.draws import Draws, Prepared
from monitoring.evaluator.evaluate import Economics, evaluate, measure
from monitoring.evaluator.metrics import METRIC_FUNCTIONS
from monitoring.evaluator.scored import CLASSES, TASKS, Scored
from monitoring.monitor.outcomes import Outcomes, fold_outcomes
from monitoring.monitor.performance import READERS, read_metric
from registry.catalogue import METRICS, metrics_for
from tests.scored import binary, multiclass, regression, some

MONEY = {
    "regression": Economics("EUR", {}, 2.0),
    "binary": Economics(
        "EUR", {"yes": {"yes": 5.0, "no": 20.0}, "no": {"yes": 100.0, "no": 0.0}}
    ),
    "multiclass": Economics("EUR", {p: dict.fromkeys("abcdez", 1.0) for p in "abcdez"}),
}


def test_the_catalogue_the_evaluator_and_the_monitor_know_the_same_metrics() -> None:
    assert set(METRIC_FUNCTIONS) == set(READERS) == set(METRICS)
    assert all(set(metric.tasks) <= set(TASKS) for metric in METRICS.values())


def expected(scored: Scored, key: str) -> float:
    """The same metric by scikit-learn."""
    truth, predicted = scored.truth, scored.predicted
    if scored.task == "regression":
        return {
            "mae": sk.mean_absolute_error,
            "rmse": sk.root_mean_squared_error,
            "median_absolute_error": sk.median_absolute_error,
            "mape": sk.mean_absolute_percentage_error,
            "r2": sk.r2_score,
            "bias": lambda t, p: float(np.mean(p - t)),
        }[key](truth, predicted)
    assert scored.probabilities is not None
    named = {"pos_label": "yes"} if scored.task == "binary" else {"average": "macro"}
    if key in {"precision", "recall", "f1"}:
        return getattr(sk, f"{key}_score")(truth, predicted, zero_division=0, **named)
    if key in {"accuracy", "balanced_accuracy"}:
        return getattr(sk, f"{key}_score")(truth, predicted)
    if key == "log_loss":
        return sk.log_loss(truth, scored.probabilities, labels=scored.classes)
    if key == "top_3_accuracy":
        return sk.top_k_accuracy_score(
            truth, scored.probabilities, k=3, labels=scored.classes
        )
    score = scored.probabilities[:, 1]
    return {
        "roc_auc": sk.roc_auc_score,
        "average_precision": sk.average_precision_score,
        "brier": sk.brier_score_loss,
    }[key](truth == "yes", score)


@pytest.mark.parametrize(
    ("task", "key"),
    [
        (task, metric.key)
        for task in TASKS
        for metric in metrics_for(task)
        if metric.key not in {"cost", "ece"}
    ],
)
def test_a_metric_has_the_value_scikit_learn_gives_it(task: str, key: str) -> None:
    for seed in range(3):
        scored = some(task, 101 + seed, seed=seed)
        assert measure(scored, key) == pytest.approx(expected(scored, key), rel=1e-9)


def test_the_numbers_scikit_learn_documents_come_out() -> None:
    scores = binary([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    assert measure(scores, "roc_auc") == pytest.approx(0.75)
    assert measure(scores, "average_precision") == pytest.approx(0.8333, abs=5e-5)
    spam = binary([0.1, 0.9, 0.8, 0.35], [0, 1, 1, 0])
    assert measure(spam, "log_loss") == pytest.approx(0.21616, abs=5e-6)
    rain = binary([0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0])
    assert measure(rain, "brier") == pytest.approx(0.0375)
    values = regression([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    assert measure(values, "r2") == pytest.approx(0.948608, abs=5e-7)


def test_the_positive_class_is_the_one_named_not_the_last() -> None:
    scored = some("binary")
    assert scored.probabilities is not None
    turned = Scored(
        task="binary",
        classes=["yes", "no"],
        positive="yes",
        truth=scored.truth,
        predicted=scored.predicted,
        probabilities=scored.probabilities[:, ::-1],
    )
    for key in ("roc_auc", "average_precision", "brier", "precision", "log_loss"):
        assert measure(turned, key) == pytest.approx(measure(scored, key))


def test_calibration_error_is_the_mean_gap_of_ten_equal_groups() -> None:
    scores = np.repeat(np.arange(10) / 10 + 0.05, 20)
    hits = np.tile(np.arange(20) < 10, 10)  # half of each group, whatever its score
    gap = np.abs(np.arange(10) / 10 + 0.05 - 0.5).mean()
    assert measure(binary(scores, hits), "ece") == pytest.approx(gap)


def test_cost_reads_the_matrix_the_decision_and_the_fields_of_the_row() -> None:
    costs = {
        "currency": "USD",
        "matrix": {
            "offer": {"yes": 10, "no": 10},
            "nothing": {"yes": {"field": "fee", "times": 6}, "no": 0},
        },
    }
    scored = binary(
        [0.9, 0.2, 0.1],
        [1, 1, 0],
        decided=np.array(["offer", "nothing", "nothing"]),
        rows={"fee": np.array([70.0, 50.0, 30.0])},
    )
    money = Economics.from_costs(costs)
    assert measure(scored, "cost", economics=money) == pytest.approx((10 + 300 + 0) / 3)


def test_a_row_without_the_field_its_cost_needs_is_left_out_and_counted() -> None:
    money = Economics("USD", {"no": {"yes": {"field": "fee"}, "no": 0}})
    fee = np.array([50.0, np.nan] * 20)
    scored = binary(np.zeros(40), np.ones(40), rows={"fee": fee})
    assert measure(scored, "cost", economics=money) == 50.0
    report = evaluate(
        binary(np.zeros(80), np.ones(80), rows={"fee": np.tile(fee, 2)}),
        economics=money,
        rng=np.random.default_rng(0),
    )
    assert report["metrics"]["cost"]["n"] == 40


def test_rows_handed_to_a_person_cost_what_is_said_or_do_not_count() -> None:
    matrix = {"no": {"yes": 100, "no": 0}, "yes": {"yes": 10, "no": 10}}
    scored = binary(np.zeros(80), np.ones(80), decided=np.array(["no", "abstain"] * 40))

    def cost(**more: Any) -> dict[str, Any]:
        money, rng = Economics("USD", matrix | more), np.random.default_rng(0)
        return evaluate(scored, economics=money, rng=rng)["metrics"]["cost"]

    assert (cost()["value"], cost()["n"]) == (100.0, 40)
    priced = cost(abstain={"yes": 4, "no": 4})
    assert (priced["value"], priced["n"]) == (52.0, 80)


def test_a_cost_that_was_never_given_is_named_not_taken_for_nothing() -> None:
    money = Economics("USD", {"yes": {"yes": 1.0, "no": 1.0}})
    report = evaluate(
        some("binary"), economics=money, rng=np.random.default_rng(0), draws=20
    )
    assert report["metrics"]["cost"]["value"] is None
    assert "no cost for 'no'" in report["metrics"]["cost"]["reason"]


def test_equal_probabilities_are_in_the_top_three_only_by_chance() -> None:
    scored = multiclass(np.full((40, 6), 1 / 6), ["a"] * 40)
    assert measure(scored, "top_3_accuracy") == pytest.approx(0.5)


HOSTILE: dict[str, Any] = {
    "no rows": lambda: [
        binary([], []),
        multiclass(np.zeros((0, 3)), np.array([], dtype=str)),
        regression(np.zeros(0), np.zeros(0)),
    ],
    "one row": lambda: [
        binary([0.3], [1]),
        multiclass([[0.2, 0.8]], ["a"]),
        regression([1.0], [2.0]),
    ],
    "one class, one value": lambda: [
        binary(np.linspace(0, 1, 50), np.ones(50)),
        binary(np.linspace(0, 1, 50), np.zeros(50)),
        multiclass(np.full((50, 2), 0.5), ["a"] * 50),
        regression(np.full(50, 3.0), np.arange(50.0)),
    ],
    "the same answer to all": lambda: [
        binary(np.zeros(50), np.arange(50) % 2),
        binary(np.ones(50), np.arange(50) % 2),
        binary(np.full(50, 0.5), np.arange(50) % 2),
        multiclass(np.tile([1.0, 0.0, 0.0], (50, 1)), ["b"] * 25 + ["c"] * 25),
        regression(np.arange(50.0), np.full(50, 3.0)),
    ],
    "perfect": lambda: [
        binary(np.arange(50) % 2, np.arange(50) % 2),
        multiclass(np.tile(np.eye(2), (25, 1)), ["a", "b"] * 25),
        regression(np.arange(50.0), np.arange(50.0)),
    ],
    "a class nobody knew": lambda: [
        multiclass(np.full((50, 3), 1 / 3), ["a", "z"] * 25),
        multiclass(np.full((50, 3), 1 / 3), ["z"] * 50),
        Scored(
            "binary", ["no", "yes"], "yes", np.array(["?"] * 50), np.array(["no"] * 50)
        ),
    ],
    "without probabilities": lambda: [
        Scored(
            "multiclass",
            ["a", "b"],
            None,
            np.array(["a", "b"] * 25),
            np.array(["a"] * 50),
        )
    ],
    "huge and tiny": lambda: [
        regression(np.linspace(-1e300, 1e300, 50), np.zeros(50)),
        regression(np.array([1.7e308, -1.7e308] * 25), np.array([-1.7e308] * 50)),
        regression(np.full(50, 1e-300), np.zeros(50)),
        regression(np.array([5e-324] * 49 + [1.0]), np.full(50, 1e200)),
    ],
}


def read_all(outcomes: Outcomes) -> dict[str, dict[str, Any]]:
    keys = [metric.key for metric in metrics_for(outcomes.task)]
    return {key: read_metric(outcomes, key) for key in keys}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_rows_however_odd_make_it_fail_or_answer_nan(case: str) -> None:
    for scored in HOSTILE[case]():
        money = MONEY[scored.task]
        report = evaluate(
            scored, economics=money, rng=np.random.default_rng(0), draws=50
        )
        folded = read_all(fold_outcomes(scored, economics=money))
        json.dumps([report, folded], allow_nan=False)
        for part in (report["metrics"], folded):
            assert set(part) == {metric.key for metric in metrics_for(scored.task)}
            for number in part.values():
                assert number["value"] is not None or number["reason"]


@pytest.mark.parametrize("task", TASKS)
def test_folded_outcomes_give_the_same_metrics_as_the_rows(task: str) -> None:
    """In any order and any parts: hours add up to the day."""
    scored, money = some(task, 600), MONEY[task]
    report = evaluate(scored, economics=money, rng=np.random.default_rng(0), draws=400)
    parts = [
        fold_outcomes(scored.take(np.arange(600) % 5 == hour), economics=money)
        for hour in range(5)
    ]
    folded = type(parts[0])()
    for part in reversed(parts):
        folded = folded.merge(type(part).unpack(part.pack()))
    read = read_all(folded)
    for key, exact in report["metrics"].items():
        slack = 0.01 if read[key]["bound"] is None else read[key]["bound"]
        assert read[key]["value"] == pytest.approx(
            exact["value"], rel=1e-9, abs=slack + 1e-12
        ), key
        assert (read[key]["low"], read[key]["high"]) == pytest.approx(
            (exact["low"], exact["high"]),
            rel=0.05,
            abs=0.4 * (exact["high"] - exact["low"]) + 1e-9,
        ), key


@settings(max_examples=25, deadline=None)
@given(data=st.data(), task=st.sampled_from(TASKS))
def test_a_weight_of_two_is_the_row_written_twice(data: Any, task: str) -> None:
    scored = some(task, 60, seed=data.draw(st.integers(0, 99)))
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=60, max_size=60)))
    # ece and r2 fix their bins and their centre on all rows, draws only weigh them
    for metric in metrics_for(task):
        if metric.key in {"cost", "ece"}:
            continue
        weighted = Draws(Prepared(scored), times[None, :].astype(float))
        with np.errstate(all="ignore"):
            got = METRIC_FUNCTIONS[metric.key](weighted)[0]
        want = measure(scored.take(np.repeat(np.arange(60), times)), metric.key)
        if want is not None and np.isfinite(got):
            assert got == pytest.approx(want, abs=1e-9), metric.key


def test_every_class_task_names_a_class_the_model_never_learned() -> None:
    scored = multiclass(np.full((50, 2), 0.5), ["a"] * 40 + ["new"] * 10)
    report = evaluate(scored, rng=np.random.default_rng(0), draws=50)
    confusion = report["error_distribution"]["confusion"]
    assert confusion["labels"] == ["a", "b", "new"]
    assert confusion["counts"][2] == [10, 0, 0]
    assert set(CLASSES) < set(TASKS)
