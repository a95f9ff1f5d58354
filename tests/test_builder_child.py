"""Trials train in a child that may fail, die or be killed without harm to the build."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mlsystem.builder.build import Slot
from mlsystem.builder.plan import FAILED, FINISHED, Plan, TrialSpec
from tests.building import LONG, plan_in, run
from tests.watching import alive, eventually

linux = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="reads /proc, which Linux alone has"
)
MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(tmp_path: Path) -> MakePlan:
    return partial(plan_in, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("raises", "RuntimeError: the well is poisoned"),
        ("dies", "killed by SIGKILL"),
        ("eats", "MemoryError"),
        ("nan", "not finite"),
    ],
)
def test_a_poisoned_trial_fails_with_its_reason_and_the_build_goes_on(
    family: str, words: str, make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(
        families=["dummy", "linear", family], extra_families="tests.poisoned:FAMILIES"
    )
    result = run(plan, tmp_path, trials=4)

    by_number = sorted(result.leaderboard, key=lambda r: r.spec.number)
    assert [r.state for r in by_number[:3]] == [FINISHED, FINISHED, FAILED]
    assert len(by_number) == 4  # one more after the poison
    assert words in by_number[2].error
    assert result.best.spec.family == "linear"


def test_a_traceback_names_the_line_that_failed(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(families=["raises"], extra_families="tests.poisoned:FAMILIES")
    with Slot(plan=plan, workdir=tmp_path / "w", deadline=time.time() + LONG) as slot:
        failed = slot.run(TrialSpec(number=1, family="raises", params={}, seed=1))

    assert "tests/poisoned.py" in failed.error


def test_what_a_model_prints_is_not_taken_for_an_answer(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(families=["talks"], extra_families="tests.poisoned:FAMILIES")

    result = run(plan, tmp_path, trials=2)

    assert [r.state for r in result.leaderboard] == [FINISHED, FINISHED]


@pytest.mark.faults
def test_a_child_killed_from_outside_costs_its_trial_alone(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(
        families=["dummy", "slow"], extra_families="tests.poisoned:FAMILIES"
    )
    spec = TrialSpec(number=1, family="slow", params={"x": 1.0}, seed=1)
    deadline, killed = time.time() + LONG, []

    def kill_once() -> bool:
        """Asked while a trial is waited for."""
        if slot.child.pid is not None and not killed:
            killed.append(slot.child.pid)
            os.kill(slot.child.pid, signal.SIGKILL)
        return False

    with Slot(plan=plan, workdir=tmp_path / "w", deadline=deadline) as slot:
        slot.child.start(deadline=deadline)
        slot.child.poll = kill_once
        first, second = slot.run(spec), slot.run(spec)

    assert first.state == FAILED
    assert "SIGKILL" in first.error
    assert second.state == FINISHED


@pytest.mark.faults
@linux
def test_the_child_does_not_outlive_a_killed_worker(
    make_plan: MakePlan, tmp_path: Path
) -> None:
    plan = make_plan(families=["sleeps"], extra_families="tests.poisoned:FAMILIES")
    plan.write(tmp_path / "given.json")
    program = f"""
import time
from pathlib import Path
from mlsystem.builder.build import Slot
from mlsystem.builder.plan import Plan
plan = Plan.read(Path({str(tmp_path / "given.json")!r}))
slot = Slot(plan=plan, workdir=Path({str(tmp_path / "w")!r}), deadline=time.time() + {LONG})
slot.child.start(deadline=time.time() + {LONG})
print(slot.child.pid, flush=True)
slot.run(slot.next_spec([]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        worker.kill()
    eventually(lambda: not alive(child), within=60)


def test_the_child_trains_without_django() -> None:
    program = """
import sys
sys.modules["django"] = None
import mlsystem.builder.build, mlsystem.builder.trainer, mlsystem.builder.trial
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@linux
def test_secrets_of_the_worker_are_not_given_to_its_child(
    make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with Slot(
        plan=make_plan(), workdir=tmp_path / "w", deadline=time.time() + LONG
    ) as slot:
        slot.child.start(deadline=time.time() + LONG)
        environment = Path(f"/proc/{slot.child.pid}/environ").read_bytes()

    assert b"SECRET_KEY" not in environment
    assert b"OMP_NUM_THREADS=1" in environment
