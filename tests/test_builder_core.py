"""A build keeps its time, survives its trials, and leaves a model that serves."""

import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlsystem.builder.build import Slot, build
from mlsystem.builder.plan import (
    FAILED,
    FINISHED,
    BuildError,
    BuildResult,
    Plan,
    TrialResult,
)
from tests.building import LONG, Clock, following, loaded, plan_in, run, waits
from tests.poisoned import ENDLESS
from tests.small_tables import CLASSES, TASKS, make_rows, truth_of

MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(tmp_path: Path) -> MakePlan:
    return partial(plan_in, tmp_path)


@pytest.fixture(scope="module", params=TASKS)
def built(request: pytest.FixtureRequest, tmp_path_factory: Any) -> BuildResult:
    """A build of three trials and no refit, for every task."""
    folder = tmp_path_factory.mktemp(request.param)
    return run(plan_in(folder, request.param), folder)


def test_the_first_three_trials_are_the_dummy_and_each_familys_default(
    built: BuildResult,
) -> None:
    by_number = sorted(built.leaderboard, key=lambda r: r.spec.number)

    assert [r.spec.family for r in by_number] == ["dummy", "linear", "lightgbm"]
    assert {r.state for r in by_number} == {FINISHED}
    assert built.best is built.leaderboard[0]
    assert built.best.spec.family != "dummy"
    assert built.leaderboard[-1].spec.family == "dummy"


def test_what_a_build_leaves_serves_rows_as_clients_send_them(
    built: BuildResult,
) -> None:
    model = loaded(built.model)
    said = model.predict([{"size": 90, "colour": "red"}, {}])

    assert model.classes_ == CLASSES[model.task]
    if model.task == "regression":
        assert built.decision == {}
        assert said[0] > said[1]
    else:
        assert said[0] == CLASSES[model.task][-1]


def test_the_out_of_fold_file_answers_every_row_once(built: BuildResult) -> None:
    with np.load(built.best.out_of_fold, allow_pickle=False) as file:
        assert sorted(file["rows"]) == list(range(120))
        assert len(set(file["folds"])) == len(built.best.fold_scores) == 3
        assert len(file["outputs"]) == 120


def test_without_anyone_stopping_it_the_winner_is_trained_on_all_rows(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(families=["dummy"])

    result = build(plan=plan, workdir=tmp_path / "work", deadline=time.time() + LONG)

    assert result.refitted
    assert result.stopped == "patience"
    frame = make_rows(120)
    assert loaded(result.model).predict_proba(frame)[0, 1] == pytest.approx(
        np.mean(np.array(truth_of(frame, "binary")) == "yes"), abs=0.01
    )


def test_a_build_ends_by_its_deadline_with_a_model(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    clock, deadline = Clock(), time.time() + LONG
    results: list[TrialResult] = []
    with Slot(
        plan=make_plan(n=3000), workdir=tmp_path / "w", deadline=deadline, clock=clock
    ) as slot:
        waited = waits(slot)
        spec = slot.next_spec([])
        assert spec
        results.append(slot.run(spec))  # on a busy machine it takes what it takes
        clock.leave(6, before=deadline)
        while (spec := slot.next_spec([r.row for r in results])) is not None:
            results.append(slot.run(spec))
        result = slot.finish(results)

    assert max(waited) <= deadline
    assert result.stopped == "time"
    assert loaded(result.model).predict([{}])[0] in {"no", "yes"}


def test_a_trial_without_end_is_stopped_and_the_model_before_it_serves(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(
        families=["dummy", "sleeps"], extra_families="tests.poisoned:FAMILIES"
    )
    clock, deadline = Clock(), time.time() + LONG
    with Slot(
        plan=plan, workdir=tmp_path / "w", deadline=deadline, clock=clock
    ) as slot:
        dummy = slot.run(following(slot))
        spec = following(slot, dummy)
        clock.leave(slot.child.start_seconds + 2, before=deadline)
        endless = slot.run(spec)
        result = slot.finish([dummy, endless])
        late = clock() - deadline

    assert late < ENDLESS / 10
    assert "no more time" in endless.error
    assert result.best.spec.family == "dummy"
    assert loaded(result.model).predict([{}])[0] in {"no", "yes"}


def test_a_slow_family_leaves_time_for_those_not_tried_yet(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(
        families=["lightgbm", "sleeps", "slow"],
        extra_families="tests.poisoned:FAMILIES",
    )
    clock, deadline = Clock(), time.time() + LONG
    with Slot(
        plan=plan, workdir=tmp_path / "w", deadline=deadline, clock=clock
    ) as slot:
        first = slot.run(following(slot))
        spec = following(slot, first)
        start = slot.child.start_seconds
        clock.leave(4 * start + 6, before=deadline)
        endless = slot.run(spec)
        left = deadline - clock()
        clock.leave(LONG, before=deadline)  # how long a start takes is another matter
        slow = slot.run(following(slot, first, endless))

    assert [first.state, endless.state, slow.state] == [FINISHED, FAILED, FINISHED]
    assert left > 2 * start + 1  # more than a refit's reserve


def test_a_refit_that_does_not_end_is_thrown_away_for_the_fold_model(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(
        families=["slowonallrows"], extra_families="tests.poisoned:FAMILIES"
    )
    clock, deadline = Clock(), time.time() + LONG
    with Slot(
        plan=plan, workdir=tmp_path / "w", deadline=deadline, clock=clock
    ) as slot:
        best = slot.run(following(slot))
        clock.leave(1, before=deadline)
        result = slot.finish([best])
        late = clock() - deadline

    assert late < ENDLESS / 10
    assert not result.refitted
    assert result.model == best.model
    model = loaded(result.model, extra_types=["tests.poisoned.SlowOnAllRows"])
    assert model.predict([{}])[0] in {"no", "yes"}


def test_a_cancelled_build_keeps_the_best_it_has(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(
        families=["dummy", "sleeps"], extra_families="tests.poisoned:FAMILIES"
    )
    told: list[TrialResult] = []
    looks = count()  # since then: the first is before the second trial

    result = build(
        plan=plan,
        workdir=tmp_path / "work",
        deadline=time.time() + LONG,
        on_trial=told.append,
        should_stop=lambda: bool(told) and next(looks) > 2,
    )

    assert [r.error for r in result.leaderboard] == ["", "Cancelled."]
    assert result.stopped == "cancelled"
    assert not result.refitted
    assert loaded(result.model).predict([{}])[0] in {"no", "yes"}


def test_a_build_cancelled_before_its_first_trial_says_so(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match="cancelled before its first trial"):
        run(make_plan(), tmp_path, trials=0)


def test_a_deadline_in_the_past_is_told_as_too_little_time(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match="more seconds"):
        run(make_plan(), tmp_path, seconds=-1)


def test_a_build_too_short_for_its_start_says_so(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    clock, deadline = Clock(), time.time() + LONG
    with Slot(
        plan=make_plan(), workdir=tmp_path / "w", deadline=deadline, clock=clock
    ) as slot:
        spec = following(slot)
        clock.leave(0.2, before=deadline)
        with pytest.raises(BuildError, match=r"still starting.* more seconds"):
            slot.finish([slot.run(spec)])


def test_a_given_validation_set_judges_instead_of_folds(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    validation = make_rows(40, seed=9)
    validation["target"] = truth_of(validation, "binary", seed=10)
    validation.to_parquet(tmp_path / "validation.parquet")
    plan = make_plan(validation=str(tmp_path / "validation.parquet"))

    best = run(plan, tmp_path).best

    with np.load(best.out_of_fold, allow_pickle=False) as file:
        assert file["rows"].tolist() == list(range(120, 160))


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        (["yes"] * 120, "is yes in every row"),
        (["yes"] * 119 + ["no"], "Only 1 row has target = 'no'"),
        ([None] * 112 + ["yes", "no"] * 4, "8 rows have a target"),
        (["yes", "no"] * 59 + ["maybe"] * 2, "'maybe', which is none of"),
    ],
)
def test_data_that_cannot_be_trained_on_are_refused_in_words(
    truth: list[Any], words: str, make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan()
    make_rows(120).assign(target=truth).to_parquet(plan.train)

    with pytest.raises(BuildError, match=words):
        run(plan, tmp_path)


def test_rows_without_a_truth_are_left_out(make_plan: MakePlan, tmp_path: Path) -> None:
    plan = make_plan()
    frame = make_rows(120)
    truth = truth_of(frame, "binary")
    frame.assign(target=[None] * 20 + truth[20:]).to_parquet(plan.train)

    best = run(plan, tmp_path, trials=1).best

    with np.load(best.out_of_fold, allow_pickle=False) as file:
        assert len(file["rows"]) == 100
