"""The child that trains: `python -m mlsystem.builder.trainer WORKDIR`. No Django.

It reads `plan.json` and the training rows once, says `{"ready": …}` or `{"refused": …}`,
and then answers one JSON line for each it is asked. Whatever a library prints goes to
stderr, never among the answers.
"""

import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from mlsystem.builder.data import Data
    from mlsystem.builder.families import Family
    from mlsystem.builder.plan import Plan

LONGEST_ERROR = 4000  # characters of a traceback, its end
NICENESS = 5  # predictions on the same machine go first


def main(workdir: Path) -> None:
    answers = _take_stdout()
    _die_with_parent()
    from mlsystem.builder.data import load
    from mlsystem.builder.families import families
    from mlsystem.builder.plan import BuildError, Plan

    plan = Plan.read(workdir / "plan.json")
    limit_memory(plan.memory_mb)
    try:
        known = families(
            names=plan.families, extra=plan.extra_families, fields=plan.fields
        )
        data = load(plan)
    except (BuildError, ValueError) as error:
        _say(answers, {"refused": str(error)})
        return
    _import_what_trains()
    os.nice(NICENESS)  # from here on: a start is short, and counts against the budget
    _say(answers, {"ready": {"rows": len(data.truth), "folds": len(data.folds)}})
    for line in sys.stdin:
        _say(answers, _answer(json.loads(line), plan, data, known, workdir))


def _answer(
    asked: dict[str, Any],
    plan: "Plan",
    data: "Data",
    known: "dict[str, Family]",
    workdir: Path,
) -> dict[str, Any]:
    from mlsystem.builder import trial
    from mlsystem.builder.plan import TrialSpec

    spec = TrialSpec(**asked["spec"])
    if asked.get("columns"):
        data = data.over(asked["columns"], plan.fields)

    def train() -> dict[str, Any]:
        result = trial.run_trial(
            spec=spec, plan=plan, data=data, families=known, workdir=workdir
        )
        return {"result": asdict(result)}

    def refit() -> dict[str, Any]:
        trial.refit(
            spec=spec,
            plan=plan,
            data=data,
            family=known[spec.family],
            threshold=asked["threshold"],
            path=Path(asked["path"]),
        )
        return {"refitted": True}

    return _guarded({"trial": train, "refit": refit}[asked["do"]])


def _guarded(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The boundary of candidate models: whatever one raises becomes its trial's error."""
    from registry.estimators.base import UntrainableError

    began = time.perf_counter()
    try:
        return work()
    except UntrainableError as error:
        text = str(error)
    except Exception as error:  # noqa: BLE001  # a candidate model may raise anything
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}\n{traceback.format_exc()[-LONGEST_ERROR:]}"
    return {"error": text, "seconds": time.perf_counter() - began}


def _import_what_trains() -> None:
    """Here, where the start is timed, and not in the first trial."""
    for name in (
        "lightgbm",
        "skops.io",
        "sklearn.linear_model",
        "sklearn.preprocessing",
    ):
        importlib.import_module(name)


def limit_memory(megabytes: int) -> None:
    """Let allocations beyond this fail in here, not the machine; no core files."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    size = megabytes << 20
    if size and (most == resource.RLIM_INFINITY or size < most):
        try:
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
        except (ValueError, OSError):  # macOS has the name, but not the limit
            print("This machine does not limit memory.", file=sys.stderr)  # noqa: T201


def _take_stdout() -> TextIO:
    """Standard output for answers alone; everybody else's prints become stderr's."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _die_with_parent() -> None:
    """A trial must not outlive a killed worker, however long it would take."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
