"""The drawings of a version's report: the same curves as scikit-learn's, made of
aggregates alone, valid for every task, and none where there is nothing to draw."""

import json
from typing import Any

import numpy as np
import pytest

from monitoring.evaluator.economics import Economics
from monitoring.evaluator.evaluate import evaluate
from monitoring.verdicts.terms import Terms
from monitoring.versions.curves import CURVES, FOR_TWO, curve, drawn
from monitoring.versions.told import TITLES, Told
from registry.catalogue import METRICS
from registry.web.charts import as_csv, as_json
from tests.scored import binary, regression, some

COSTS = Economics(
    "USD", {"yes": {"yes": 10.0, "no": 10.0}, "no": {"yes": 60.0, "no": 0.0}}
)
TASKS: dict[str, tuple[str, set[str]]] = {
    "binary": (
        "cost",
        {"cost", "roc", "gain", "calibration", "scores", "confusion", "slices"},
    ),
    "multiclass": ("log_loss", {"calibration", "confusion", "slices"}),
    "regression": ("mae", {"errors", "residuals", "slices"}),
}
EVERY_TASK = pytest.mark.parametrize("task", TASKS)


def report_of(task: str, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"slices": ["plan"], "rng": np.random.default_rng(1)}
    given |= {"draws": 20, "economics": COSTS if task == "binary" else None}
    return evaluate(some(task), **(given | more))


def told(task: str, name: str = "Version 2", **more: Any) -> Told:
    return Told(name=name, role="live", report=report_of(task, **more))


def terms(task: str) -> Terms:
    return Terms(metric=METRICS[TASKS[task][0]], money="USD", target_unit="minutes")


@EVERY_TASK
def test_a_report_is_drawn_as_its_task_asks(task: str) -> None:
    assert set(drawn([told(task)])) == TASKS[task][1]
    assert set(drawn([told(task), told(task)])) == TASKS[task][1] & FOR_TWO


@EVERY_TASK
def test_plotly_accepts_every_drawing_and_the_table_is_whole(task: str) -> None:
    from plotly.graph_objects import Figure

    for several in ([told(task)], [told(task), told(task, "Version 5")]):
        for name in drawn(several):
            chart = curve(name, several, terms=terms(task))
            answer = json.loads(as_json(chart))
            assert len(Figure(answer["figure"]).data) == len(answer["figure"]["data"])
            assert all(len(row) == len(chart.head) for row in chart.rows), name
            assert chart.rows, name
            assert chart.title, name
            assert as_csv(chart)


def test_every_drawing_has_a_title_before_it_is_there() -> None:
    assert set(TITLES) == set(CURVES)


def test_the_curve_is_scikit_learns() -> None:
    from sklearn.metrics import roc_curve

    generator = np.random.default_rng(3)
    scores = generator.random(80).round(2)
    truth = generator.random(80) < scores
    report = evaluate(binary(scores, truth), rng=generator, draws=5)
    chart = curve(
        "roc", [Told(name="2", role="live", report=report)], terms=terms("binary")
    )

    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)

    assert [row[0] for row in chart.rows] == pytest.approx((100 * fpr).tolist())
    assert [row[1] for row in chart.rows] == pytest.approx((100 * tpr).tolist())


def test_the_fifth_with_the_highest_scores_holds_what_the_title_says() -> None:
    scores = np.arange(100) / 100
    truth = scores >= 0.9  # the ten highest
    report = evaluate(binary(scores, truth), rng=np.random.default_rng(1), draws=5)

    chart = curve("gain", [Told(name="2", role="live", report=report)], terms=terms("binary"))  # fmt: skip

    assert (
        chart.title == "The fifth with the highest scores holds 100 % of those to find"
    )


def test_of_equal_scores_the_fifth_holds_its_part() -> None:
    scores = np.repeat([0.9, 0.1], 50)  # a rule knows two
    truth = np.arange(100) % 5 == 0
    report = evaluate(binary(scores, truth), rng=np.random.default_rng(1), draws=5)

    chart = curve("gain", [Told(name="2", role="live", report=report)], terms=terms("binary"))  # fmt: skip

    assert (
        chart.title == "The fifth with the highest scores holds 20 % of those to find"
    )


def test_the_cheapest_threshold_and_doing_nothing_are_in_the_title() -> None:
    chart = curve("cost", [told("binary")], terms=terms("binary"))
    points = report_of("binary")["thresholds"]["points"]
    best = min(points, key=lambda point: point["cost"])

    assert f"{best['cost']:.3g}" in chart.title
    assert "doing nothing costs" in chart.title


def test_errors_are_grouped_by_what_was_predicted() -> None:
    predicted = np.arange(1000.0)
    errors = np.where(predicted < 500, 1.0, -3.0)
    scored = regression(predicted - errors, predicted)

    groups = evaluate(scored, rng=np.random.default_rng(1), draws=5)[
        "error_distribution"
    ]["by_prediction"]

    assert len(groups) == 10
    assert sum(group["n"] for group in groups) == 1000
    assert [group["median"] for group in groups] == [1.0] * 5 + [-3.0] * 5
    assert (groups[0]["from"], groups[-1]["to"]) == (0.0, 999.0)


def test_groups_are_few_where_predictions_are_equal_and_none_where_they_are_endless() -> (
    None
):
    same = regression([1.0, 2.0, 3.0] * 20, [2.0] * 60)
    huge = regression([-1e308] * 40, [1e308] * 40)

    def groups(scored: Any) -> list[Any]:
        report = evaluate(scored, rng=np.random.default_rng(1), draws=5)
        return list(report["error_distribution"]["by_prediction"])

    assert len(groups(same)) == 1
    assert groups(huge) == []


def test_the_worst_slice_is_named_and_the_whole_is_drawn_beside_it() -> None:
    chart = curve("slices", [told("binary")], terms=terms("binary"))

    assert chart.title.startswith("Worst where plan is")
    assert chart.figure["layout"]["shapes"][0]["x0"] is not None
