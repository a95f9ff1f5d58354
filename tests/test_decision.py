"""From probabilities to an action, with its reason in numbers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.decision import ABSTAIN, decide, decide_many, fields_of, problems

CHURN = {
    "currency": "USD",
    "matrix": {
        "wait": {"Yes": {"field": "monthly_charges", "times": 6}, "No": 0},
        "offer": {"Yes": 60, "No": 60},
    },
}


def decided(p: float, decision: dict[str, Any], **more: Any) -> Any:
    return decide(
        probabilities={"No": 1 - p, "Yes": p},
        decision=decision,
        positive="Yes",
        **more,
    )


def test_the_offer_is_made_where_losing_the_customer_costs_more() -> None:
    worth = decided(0.41, {"kind": "cost"}, costs=CHURN, row={"monthly_charges": 70.35})
    not_worth = decided(
        0.1, {"kind": "cost"}, costs=CHURN, row={"monthly_charges": 70.35}
    )

    assert worth.action == "offer"
    assert worth.reason == "0.41 × 6 × 70.35 = 173.06 > 60.00"
    assert worth.expected_cost == 60
    assert not_worth.action == "wait"
    assert not_worth.reason == "0.1 × 6 × 70.35 = 42.21 < 60.00"


def test_a_reason_has_no_exponent() -> None:
    tiny = {
        "matrix": {
            "wait": {"Yes": {"field": "sales", "times": 0.00001}, "No": 0},
            "offer": {"Yes": 1, "No": 1},
        }
    }
    found = decided(0.5, {"kind": "cost"}, costs=tiny, row={"sales": 1_000_000})
    assert found.reason == "0.5 × 0.00001 × 1000000.00 = 5.00 > 1.00"


def test_a_threshold_says_the_positive_class_from_it_on() -> None:
    rule = {"kind": "threshold", "threshold": 0.3}

    assert decided(0.3, rule).action == "Yes"
    assert decided(0.3, rule).reason == "0.3 ≥ 0.3"
    assert decided(0.2999, rule).action == "No"
    assert decided(0.4, rule | {"actions": ["keep", "call"]}).action == "call"


def test_inside_the_abstain_band_a_person_decides() -> None:
    rule = {"kind": "threshold", "threshold": 0.5, "abstain": [0.4, 0.6]}

    assert decided(0.5, rule).action == ABSTAIN
    assert decided(0.5, rule).reason == "0.5 lies between 0.4 and 0.6"
    assert decided(0.4, rule).action == "No"
    assert decided(0.6, rule).action == "Yes"


def test_without_a_decision_there_is_no_action() -> None:
    assert decided(0.5, {}) is None
    assert decide(probabilities={}, decision={"kind": "cost"}) is None  # regression


def test_of_many_classes_the_cheapest_action_is_taken_and_all_are_named() -> None:
    costs = {
        "matrix": {
            "truck": {"small": 50, "large": 50},
            "van": {"small": 20, "large": 90},
            "bike": {"small": 5, "large": 400},
        }
    }
    found = decide(
        probabilities={"small": 0.8, "large": 0.2},
        decision={"kind": "cost"},
        costs=costs,
    )
    assert found is not None
    assert found.action == "van"
    assert found.expected_cost == pytest.approx(34)
    assert found.reason == (
        "van: 0.8 × 20.00 + 0.2 × 90.00 = 34.00 is least "
        "(bike: 0.8 × 5.00 + 0.2 × 400.00 = 84.00; truck: 50.00)"
    )


@pytest.mark.parametrize("missing", [{}, {"monthly_charges": None}])
def test_a_cost_that_cannot_be_known_is_for_a_person_or_as_named(missing: Any) -> None:
    found = decided(0.9, {"kind": "cost"}, costs=CHURN, row=missing)
    named = decided(
        0.9, {"kind": "cost", "otherwise": "offer"}, costs=CHURN, row=missing
    )

    assert (found.action, named.action) == (ABSTAIN, "offer")
    assert found.reason == "monthly_charges is missing: no cost is known"


def test_equal_costs_do_not_depend_on_the_order_the_database_keeps() -> None:
    same = {"a": {"Yes": 1, "No": 1}, "b": {"Yes": 1, "No": 1}}
    turned = dict(reversed(same.items()))

    for matrix in (same, turned):
        found = decided(0.5, {"kind": "cost"}, costs={"matrix": matrix})
        assert found.action == "a"


probability = st.floats(0, 1, allow_nan=False)
charges = st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False))
rules = st.one_of(
    st.builds(lambda t: {"kind": "threshold", "threshold": t}, probability),
    st.just({"kind": "cost", "costs": CHURN}),
    st.just({"kind": "cost", "costs": CHURN, "otherwise": "offer"}),
)
bands = st.one_of(st.none(), st.tuples(probability, probability).map(sorted))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(probability, charges), min_size=1, max_size=8), rules, bands)
def test_many_rows_are_decided_exactly_as_each_alone(
    given_rows: list[tuple[float, float | None]],
    rule: dict[str, Any],
    band: list[float] | None,
) -> None:
    decision = rule | ({"abstain": band} if band else {})
    rows = [{"monthly_charges": charge} for _, charge in given_rows]
    alone = [
        decided(p, decision, row=row).action
        for (p, _), row in zip(given_rows, rows, strict=True)
    ]
    for shape in (rows, pd.DataFrame(rows)):
        together = decide_many(
            probabilities=np.array([[1 - p, p] for p, _ in given_rows]),
            classes=["No", "Yes"],
            decision=decision,
            positive="Yes",
            rows=shape,
        )
        assert together.tolist() == alone


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(1, 100), min_size=3, max_size=3), min_size=1))
def test_many_rows_of_many_classes_are_decided_as_each_alone(
    shares: list[list[int]],
) -> None:
    proba = np.array(shares) / np.sum(shares, axis=1, keepdims=True)
    costs = {
        "matrix": {
            "x": {"a": 1, "b": 5, "c": 2},
            "y": {"a": 4, "b": 1, "c": 3},
        }
    }
    for decision in ({"kind": "cost"}, {"kind": "cost", "abstain": [0.3, 0.4]}):
        together = decide_many(
            probabilities=proba, classes=["a", "b", "c"], decision=decision, costs=costs
        )
        alone = [
            decide(
                probabilities=dict(zip("abc", row.tolist(), strict=True)),
                decision=decision,
                costs=costs,
            )
            for row in proba
        ]
        assert together.tolist() == [one.action for one in alone if one]


def test_costs_name_the_fields_they_need() -> None:
    assert fields_of(CHURN) == ["monthly_charges"]
    assert fields_of({}) == []


@pytest.mark.parametrize(
    ("decision", "costs", "words"),
    [
        ({"kind": "coin"}, {}, "write threshold or cost"),
        ({"kind": "threshold", "threshold": 3}, {}, "from 0 to 1"),
        ({"kind": "threshold", "actions": ["one"]}, {}, "actions are two"),
        ({"kind": "threshold", "abstain": [0.9, 0.1]}, {}, "the lower first"),
        ({"kind": "cost"}, {}, "needs a cost matrix"),
        ({"kind": "cost"}, {"matrix": {"go": {"Yes": 1}}}, "lack class 'No'"),
        (
            {"kind": "cost"},
            {"matrix": {"go": {"Yes": 1, "No": 1, "Maybe": 2}}},
            "name no class: 'Maybe'",
        ),
    ],
)
def test_a_decision_that_cannot_work_is_told_in_a_sentence(
    decision: dict[str, Any], costs: dict[str, Any], words: str
) -> None:
    found = problems(decision, costs=costs, classes=["No", "Yes"])

    assert any(words in sentence for sentence in found)


def test_a_sound_decision_has_no_problems() -> None:
    assert problems({"kind": "cost"}, costs=CHURN, classes=["No", "Yes"]) == []
    assert problems({}, costs={}, classes=["No", "Yes"]) == []
