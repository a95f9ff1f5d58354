"""What a build tries next follows from the trial rows alone."""

from typing import Any

import pytest

from mlsystem.builder.budget import Budget
from mlsystem.builder.families import FAMILIES, families
from mlsystem.builder.plan import FAILED, FINISHED, RUNNING, TrialRow, TrialSpec
from mlsystem.builder.search import Study
from mlsystem.builder.space import contains
from registry.catalogue import ALGORITHMS
from tests.small_tables import FIELDS, TASKS, TEXT


def study(task: str = "binary", metric: str = "log_loss", **more: Any) -> Study:
    return Study(families=FAMILIES, task=task, metric=metric, fields=FIELDS, **more)


def row(spec: TrialSpec, score: float | None, state: str = FINISHED) -> TrialRow:
    return TrialRow(
        number=spec.number,
        family=spec.family,
        params=spec.params,
        state=state,
        score=score,
        seconds=1.0,
    )


def play(study: Study, score: Any, *, trials: int = 60) -> list[TrialRow]:
    """The rows of a search whose trials score as `score(spec)` says."""
    rows: list[TrialRow] = []
    for _ in range(trials):
        spec = study.next(rows)
        if spec is None:
            break
        rows.append(row(spec, score(spec)))
    return rows


def bowl(spec: TrialSpec) -> float:
    """A loss that is least for LightGBM at a learning rate of 0.1."""
    if spec.family != "lightgbm":
        return 1.0
    return abs(spec.params["learning_rate"] - 0.1)


def test_the_families_are_those_of_the_catalogue_in_its_order() -> None:
    assert tuple(FAMILIES) == ALGORITHMS


def test_defaults_come_first_and_numbers_count_up() -> None:
    rows = play(study(), bowl, trials=5)

    assert [r.family for r in rows[:3]] == ["dummy", "linear", "lightgbm"]
    assert [r.number for r in rows] == [1, 2, 3, 4, 5]
    assert all(r.family != "dummy" for r in rows[3:])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("metric", ["cost", "mae", "log_loss"])
def test_a_familys_default_lies_in_its_own_space(task: str, metric: str) -> None:
    fields = [*FIELDS, TEXT]
    for name, family in FAMILIES.items():
        space = family.space(task, fields)
        assert contains(space, family.defaults(task, metric)), name


def test_the_search_finds_what_is_better() -> None:
    rows = play(study(), bowl)

    late = [r for r in rows[30:] if r.family == "lightgbm"]
    assert len(late) > 0.6 * len(rows[30:])
    assert min(r.score or 0 for r in rows) < 0.02


def test_a_larger_score_is_better_where_the_metric_says_so() -> None:
    rows = play(study(metric="roc_auc"), lambda spec: -bowl(spec))

    assert max(r.score or -1 for r in rows) > -0.02


def test_the_same_rows_ask_for_the_same_trial() -> None:
    rows = play(study(), bowl, trials=12)

    assert study().next(rows) == study().next(list(reversed(rows)))
    assert study(seed=1).next(rows) != study().next(rows)


def test_a_row_told_twice_changes_nothing() -> None:
    rows = play(study(), bowl, trials=12)

    assert study().next(rows + rows[3:]) == study().next(rows)


def test_no_trial_is_tried_twice() -> None:
    rows = play(study(patience=1000), lambda spec: 1.0, trials=80)

    tried = [(r.family, tuple(sorted(r.params.items()))) for r in rows]
    assert len(set(tried)) == len(tried) == 80


def test_slots_that_run_at_once_get_different_trials() -> None:
    rows = play(study(), bowl, trials=8)
    first = study().next(rows)
    assert first is not None

    second = study().next([*rows, row(first, None, RUNNING)])

    assert second is not None
    assert second.number == first.number + 1
    assert (second.family, second.params) != (first.family, first.params)


def test_a_default_that_another_slot_runs_is_not_run_again() -> None:
    first = study().next([])
    assert first is not None

    second = study().next([row(first, None, RUNNING)])

    assert second is not None
    assert (first.family, second.family) == ("dummy", "linear")


def test_after_patience_without_gain_the_search_ends() -> None:
    rows = play(study(patience=10), lambda spec: 1.0)

    assert len(rows) == 1 + 10


def test_a_family_that_only_fails_is_left_alone() -> None:
    rows: list[TrialRow] = []
    for _ in range(25):
        spec = study().next(rows)
        assert spec is not None
        failed = spec.family == "lightgbm"
        rows.append(row(spec, None if failed else 1.0, FAILED if failed else FINISHED))

    assert sum(r.family == "lightgbm" for r in rows) == 2


def test_fixed_parameters_stay_fixed() -> None:
    fixed = {"linear": {"C": 0.5}, "lightgbm": {"n_estimators": 50}}
    rows = play(study(fixed=fixed), bowl, trials=20)

    assert {r.params["C"] for r in rows if r.family == "linear"} == {0.5}
    assert {r.params["n_estimators"] for r in rows if r.family == "lightgbm"} == {50}


def test_with_nothing_to_tune_the_defaults_are_all() -> None:
    only = Study(
        families={"dummy": FAMILIES["dummy"]},
        task="binary",
        metric="log_loss",
        fields=FIELDS,
    )
    assert len(play(only, bowl)) == 1


def test_text_alone_leaves_the_trees_out() -> None:
    assert list(families(fields=[TEXT])) == ["dummy", "linear"]
    assert list(families(fields=FIELDS, names=["lightgbm"])) == ["lightgbm"]


def test_an_unknown_algorithm_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'catboost': there are dummy, linear, light"):
        families(names=["catboost"], fields=FIELDS)


# The budget


def budget(now: float) -> Budget:
    return Budget(deadline=60, clock=lambda: now)


def test_a_trial_takes_its_share_of_the_time_and_leaves_the_reserve() -> None:
    assert budget(10).until(reserve=5) == 55
    assert budget(15).until(reserve=5, limit=20) == 35


def test_a_trial_that_would_run_into_the_reserve_does_not_start() -> None:
    assert budget(50).allows(reserve=5, expected_seconds=4)
    assert not budget(50).allows(reserve=5, expected_seconds=6)
    assert not budget(61).allows(reserve=0, expected_seconds=0)
