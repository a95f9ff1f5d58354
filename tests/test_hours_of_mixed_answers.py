"""Answers with and without a decision, probabilities or a price lie in one hour: each is
read for itself, so that hours merge into what folding all their rows would give."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.performance import read_metric
from monitoring.monitor.truths import outcomes_of
from registry.models import ModelVersion, Project
from serving.models import Prediction

THRESHOLD = {"kind": "threshold", "threshold": 0.3, "actions": ["keep", "block"]}
COSTS = {
    "matrix": {
        "keep": {"ham": 0, "spam": {"field": "size", "times": 2}},
        "block": {"ham": 5, "spam": 0},
    }
}


def mails(decision: Any = THRESHOLD) -> ModelVersion:
    project = Project(
        slug="mails",
        task="binary",
        target="kind",
        classes=["ham", "spam"],
        positive_class="spam",
        fields=[{"name": "size", "kind": "numeric"}],
    )
    return ModelVersion(
        project=project,
        number=1,
        classes=["ham", "spam"],
        decision=decision,
        costs=COSTS,
    )


def answer(
    score: float,
    *,
    action: str | None = None,
    told: bool = True,
    size: float | None = 1,
) -> Prediction:
    """What a model said of a mail; `told`: with its probabilities."""
    output: dict[str, Any] = {"prediction": "spam" if score >= 0.5 else "ham"}
    if told:
        output |= {"score": score, "probabilities": {"ham": 1 - score, "spam": score}}
    return Prediction(
        input={"size": size},
        features={},
        output=output,
        decision=action and {"action": action, "reason": "because"},
    )


rows = st.lists(
    st.tuples(
        st.builds(
            answer,
            st.sampled_from([0.1, 0.35, 0.4, 0.8]),
            action=st.sampled_from([None, "keep", "block", "abstain"]),
            told=st.booleans(),
            size=st.sampled_from([None, 1, 3]),
        ),
        st.sampled_from(["ham", "spam"]),
    ),
    max_size=8,
)


def folded(part: list[tuple[Prediction, str]]) -> Outcomes:
    return outcomes_of(mails(), [row for row, _ in part], [true for _, true in part])


def read(found: Outcomes) -> dict[str, Any]:
    """Everything in it, in an order of its own; sums but for their last digits."""
    moments = {
        key: (m.n, pytest.approx(m.mean), pytest.approx(m.m2, abs=1e-9))
        for key, m in sorted(found.moments.items())
        if m.n
    }
    counts = {key: n.tolist() for key, n in sorted(found.counts.items()) if n.any()}
    return {"n": found.n, "confusion": found.confusion, **moments, **counts}


@settings(max_examples=60, deadline=None)
@given(a=rows, b=rows)
def test_two_hours_merge_into_what_all_their_answers_give(a: Any, b: Any) -> None:
    assert read(folded(a).merge(folded(b))) == read(folded(a + b))


def test_one_abstention_turns_no_other_answer() -> None:
    """At a threshold of .3 the hour blocks what at one half it would keep."""
    hour = [(answer(0.4, action="block"), "spam")] * 30
    more = [*hour, (answer(0.35, action="abstain"), "spam")]
    assert read_metric(folded(hour), "recall")["value"] == 1.0
    assert read_metric(folded(more), "recall")["value"] == pytest.approx(30 / 31)


def test_an_answer_without_probabilities_takes_no_auc_from_its_hour() -> None:
    hour = [(answer(0.8), "spam"), (answer(0.1), "ham")] * 20
    found = folded([*hour, (answer(0.8, told=False), "spam")])
    assert read_metric(found, "roc_auc")["value"] == pytest.approx(1.0, abs=1e-3)
    assert found.moments["log_loss"].n == 40
    assert found.n == 41


def test_an_action_that_nobody_priced_takes_no_cost_from_its_hour() -> None:
    hour = [(answer(0.4, action="block"), "ham")] * 30
    found = folded(
        [*hour, (answer(0.8), "spam")]
    )  # decided nothing: "spam" has no price
    reading = read_metric(found, "cost")
    assert (reading["value"], reading["n"]) == (5.0, 30)
