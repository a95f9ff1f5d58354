"""Baselines: the simplest answers worth beating."""

from typing import Any

import numpy as np
import pytest

from registry.catalogue import BASELINES as NAMES
from registry.estimators.baselines import BASELINES, GroupMean, MeanBaseline, Rule
from tests.small_tables import FIELDS


def test_every_baseline_of_the_catalogue_but_functions_is_there() -> None:
    assert {*BASELINES, "function"} == set(NAMES)


def test_the_mean_by_group_falls_back_to_the_mean_of_all() -> None:
    fields = [{"name": "colour", "kind": "categorical"}]
    model = GroupMean(task="regression", fields=fields, keys=["colour"])
    model.fit([{"colour": c} for c in ("red", "red", "blue")], [1.0, 3.0, 8.0])

    said = model.predict([{"colour": "red"}, {"colour": "blue"}, {"colour": "green"}])

    assert said.tolist() == [2.0, 8.0, 4.0]


def test_the_median_weighs_rows_as_declared() -> None:
    rows, truth = [{"size": 1.0}] * 4, [1.0, 2.0, 9.0, 4.0]
    for weights, middle in (
        (None, 3.0),
        ([1.0, 1.0, 5.0, 1.0], 9.0),
        ([0, 0, 1, 1], 6.5),
    ):
        model = MeanBaseline(
            fields=[{"name": "size", "kind": "numeric"}], statistic="median"
        )
        given = None if weights is None else np.array(weights, dtype=float)
        assert model.fit(rows, truth, given).predict(rows[:1]).tolist() == [middle]


def test_a_rule_says_its_classes_and_the_shares_it_saw() -> None:
    rows = [{"tenure": t} for t in [1] * 100 + [24] * 300]
    truth = ["Yes"] * 40 + ["No"] * 60 + ["Yes"] * 30 + ["No"] * 270
    rule = Rule(
        fields=[{"name": "tenure", "kind": "integer"}],
        classes=["No", "Yes"],
        column="tenure",
        operator="<",
        value=12,
        then="Yes",
    ).fit(rows, truth)

    asked = [{"tenure": 3}, {"tenure": 12}, {"tenure": None}]

    assert rule.predict(asked).tolist() == ["Yes", "No", "No"]
    assert rule.predict_proba(asked)[:, 1] == pytest.approx([0.4, 0.1, 0.1], abs=0.01)
    assert rule.name == "tenure < 12"
    assert 0.1 < rule.threshold_ < 0.4  # a threshold decision says the same


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ({"operator": "~"}, "write one of"),
        ({"column": "colour"}, "compare it by == or !="),
        ({"column": "height"}, "there are"),
        ({"then": "perhaps"}, "none of"),
        ({"value": "large"}, "size is numeric, value='large': write a number"),
        ({"column": "built", "operator": "=="}, "a rule reads no such column"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_its_cure(
    wrong: dict[str, Any], cure: str
) -> None:
    rule: dict[str, Any] = {
        "column": "size",
        "operator": "<",
        "value": 1,
        "then": "yes",
    } | wrong

    with pytest.raises(ValueError, match=cure):
        Rule(fields=FIELDS, classes=["no", "yes"], **rule)
