"""Trials are judged on rows they have not seen, by the project's own metric."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from mlsystem.builder.folds import Fold, make_folds
from mlsystem.builder.goal import Goal, best_threshold, cheapest_threshold
from mlsystem.builder.plan import BuildError
from registry.catalogue import METRICS

RNG = np.random.default_rng(0)
N = 400
SCORES = RNG.random(N)
TRUTH = np.where(SCORES + RNG.normal(0, 0.3, N) > 0.6, "Yes", "No").astype(object)
PROBA = np.column_stack([1 - SCORES, SCORES])
CHARGES = RNG.uniform(20, 120, N)
FOLDS = np.arange(N) % 4
OFFERS = {
    "matrix": {
        "wait": {"Yes": {"field": "charges", "times": 6}, "No": 0},
        "offer": {"Yes": 60, "No": 60},
    }
}


def judge(metric: str, **more: Any) -> Any:
    goal = Goal(
        task="binary", metric=metric, classes=["No", "Yes"], positive="Yes", **more
    )
    return goal.judge(
        outputs=PROBA, truth=TRUTH, rows={"charges": CHARGES}, folds=FOLDS
    )


def test_scores_are_those_of_scikit_learn() -> None:
    yes = TRUTH == "Yes"

    assert judge("roc_auc").score == pytest.approx(roc_auc_score(yes, SCORES))
    assert judge("log_loss").score == pytest.approx(log_loss(yes, SCORES))
    found = judge("f1")
    assert found.score == pytest.approx(f1_score(yes, found.threshold <= SCORES))


@pytest.mark.parametrize(
    "metric", [m.key for m in METRICS.values() if "binary" in m.tasks]
)
def test_every_metric_of_the_catalogue_can_be_a_goal(metric: str) -> None:
    found = judge(metric, costs=OFFERS)

    assert found.score == found.metrics[metric]
    assert len(found.fold_scores) == 4
    assert all(isinstance(score, float) for score in found.fold_scores)


@pytest.mark.parametrize(
    "metric", [m.key for m in METRICS.values() if "regression" in m.tasks]
)
def test_every_metric_of_numbers_can_be_a_goal(metric: str) -> None:
    truth = RNG.normal(10, 1, N)
    goal = Goal(task="regression", metric=metric, costs={"error_value": 2})

    found = goal.judge(
        outputs=truth + RNG.normal(0, 1, N), truth=truth, rows={}, folds=FOLDS
    )

    assert found.score == found.metrics[metric]
    assert found.metrics["cost"] == pytest.approx(2 * found.metrics["mae"])
    assert goal.decided(None) == {}


def test_the_cost_is_that_of_the_cheapest_action_in_every_row() -> None:
    offered = SCORES * 6 * CHARGES > 60
    lost = np.where(offered, 60, np.where(TRUTH == "Yes", 6 * CHARGES, 0))

    found = judge("cost", costs=OFFERS)

    assert found.score == pytest.approx(lost.mean())


def test_rows_handed_to_a_person_are_left_out_of_an_unpriced_cost() -> None:
    charges = np.where(np.arange(N) < 10, np.nan, CHARGES)
    goal = Goal(
        task="binary",
        metric="cost",
        classes=["No", "Yes"],
        positive="Yes",
        costs=OFFERS,
    )
    found = goal.judge(
        outputs=PROBA, truth=TRUTH, rows={"charges": charges}, folds=FOLDS
    )
    offered = SCORES * 6 * CHARGES > 60
    lost = np.where(offered, 60, np.where(TRUTH == "Yes", 6 * CHARGES, 0))[10:]

    assert found.score == pytest.approx(lost.mean())


def test_a_metric_without_a_value_says_why() -> None:
    found = judge("cost")

    assert found.score is None
    assert found.undefined == "The project gives no costs."


def test_a_fold_without_a_value_leaves_the_score_of_all_rows() -> None:
    goal = Goal(task="binary", metric="roc_auc", classes=["No", "Yes"], positive="Yes")
    folds = np.where(TRUTH == "Yes", 0, np.arange(N) % 2)

    found = goal.judge(outputs=PROBA, truth=TRUTH, rows={}, folds=folds)

    assert found.fold_scores[1] is None
    assert found.score is not None


def test_the_decision_is_the_projects_or_fits_its_goal() -> None:
    two: dict[str, Any] = {
        "task": "binary",
        "classes": ["No", "Yes"],
        "positive": "Yes",
    }

    assert Goal(metric="f1", **two).decided(0.3) == {
        "kind": "threshold",
        "threshold": 0.3,
    }
    assert Goal(metric="cost", costs=OFFERS, **two).decided(0.3) == {"kind": "cost"}
    given = {"kind": "threshold", "actions": ["wait", "offer"], "abstain": [0.4, 0.5]}
    assert Goal(metric="cost", costs=OFFERS, decision=given, **two).decided(0.3) == {
        **given,
        "threshold": 0.3,
    }
    three = Goal(task="multiclass", metric="log_loss", classes=["a", "b", "c"])
    assert three.decided(None) == {}


def test_a_threshold_named_by_the_project_is_not_tuned() -> None:
    fixed = {"kind": "threshold", "threshold": 0.9}

    assert judge("f1", decision=fixed).threshold == 0.9
    assert judge("f1").threshold != 0.9


def test_the_threshold_of_a_threshold_decision_is_the_cheapest() -> None:
    decision = {"kind": "threshold", "actions": ["wait", "offer"]}

    tuned = judge("cost", costs=OFFERS, decision=decision)

    for threshold in np.linspace(0, 1, 21):
        other = judge(
            "cost", costs=OFFERS, decision=decision | {"threshold": float(threshold)}
        )
        assert tuned.score <= other.score + 1e-9


scored = st.lists(
    st.tuples(st.integers(0, 6).map(lambda i: i / 6), st.booleans()), min_size=2
)


@given(scored, st.sampled_from(["accuracy", "f1", "balanced_accuracy"]))
def test_no_other_threshold_is_better(
    rows: list[tuple[float, bool]], metric: str
) -> None:
    scores = np.array([score for score, _ in rows])
    truth = np.array([positive for _, positive in rows])

    def value(threshold: float) -> float:
        said = scores >= threshold
        hits, rejected = (said & truth).sum(), (~said & ~truth).sum()
        if metric == "accuracy":
            return (hits + rejected) / len(rows)
        if metric == "f1":
            return 2 * hits / max(said.sum() + truth.sum(), 1)
        return hits / max(truth.sum(), 1) + rejected / max((~truth).sum(), 1)

    best = best_threshold(scores, truth, metric)

    assert 0 <= best <= 1
    reachable = [*np.unique(scores), 1.0] if 1.0 not in scores else np.unique(scores)
    assert value(best) >= max(value(t) for t in reachable) - 1e-12


def test_the_cheapest_threshold_may_be_at_either_end() -> None:
    scores = np.array([0.2, 0.8])

    assert cheapest_threshold(scores, below=np.ones(2), above=np.zeros(2)) == 0.0
    assert cheapest_threshold(scores, below=np.zeros(2), above=np.ones(2)) == 1.0


# Folds


def check(folds: list[Fold]) -> None:
    for fold in folds:
        assert not set(fold.train) & set(fold.judge)


def test_folds_judge_every_row_once_with_every_class_in_each() -> None:
    truth = np.array(["rare"] * 10 + ["common"] * 490)

    folds = make_folds(truth=truth, is_class=True)

    check(folds)
    assert len(folds) == 5
    assert sorted(np.concatenate([f.judge for f in folds])) == list(range(500))
    assert [int((truth[f.judge] == "rare").sum()) for f in folds] == [2] * 5


def test_few_rows_are_parted_in_three() -> None:
    assert len(make_folds(truth=np.arange(30.0), is_class=False)) == 3


def test_rows_of_one_group_never_part() -> None:
    groups = RNG.integers(0, 40, 400).astype(str)

    folds = make_folds(
        truth=RNG.normal(size=400), is_class=False, groups=groups.astype(object)
    )

    check(folds)
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.judge])
    assert sorted(np.concatenate([f.judge for f in folds])) == list(range(400))


def test_with_times_only_the_past_teaches() -> None:
    times = RNG.permutation(400)

    folds = make_folds(truth=RNG.normal(size=400), is_class=False, times=times)

    check(folds)
    assert len(folds) == 5
    for fold in folds:
        assert times[fold.train].max() < times[fold.judge].min()


def test_with_times_and_groups_the_judged_group_teaches_nothing() -> None:
    times, groups = np.arange(400), (np.arange(400) % 100).astype(str).astype(object)

    for fold in make_folds(
        truth=RNG.normal(size=400), is_class=False, times=times, groups=groups
    ):
        assert not set(groups[fold.train]) & set(groups[fold.judge])
        assert times[fold.train].max() < times[fold.judge].min()


def test_a_fold_that_could_only_learn_one_class_is_left_out() -> None:
    truth = np.array(["No"] * 90 + ["Yes", "No"] * 30)

    folds = make_folds(truth=truth, is_class=True, times=np.arange(150))

    assert len(folds) == 1
    assert set(truth[folds[0].train]) == {"No", "Yes"}


def test_rows_that_cannot_be_parted_are_refused_with_a_cure() -> None:
    one = np.array(["all"] * 50, dtype=object)

    with pytest.raises(BuildError, match="Add rows"):
        make_folds(truth=RNG.normal(size=50), is_class=False, groups=one)


def test_folds_do_not_change_from_call_to_call() -> None:
    truth = np.array(["a", "b"] * 100)
    first, second = (make_folds(truth=truth, is_class=True, seed=3) for _ in range(2))

    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.judge, other.judge)
