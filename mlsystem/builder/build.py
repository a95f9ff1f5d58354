"""Component 7, Model Builder: the best servable model in the time given, never later."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Self

from mlsystem.builder.budget import Budget
from mlsystem.builder.child import Child, Died, Stopped, TimedOut
from mlsystem.builder.families import families
from mlsystem.builder.plan import (
    FAILED,
    FINISHED,
    BuildError,
    BuildResult,
    Plan,
    TrialResult,
    TrialRow,
    TrialSpec,
    loss,
)
from mlsystem.builder.search import Study

TUNED_SHARE = 0.5  # of a build's time
REFITS = 2.0  # times the best model's refit is kept free for it
START_SHARE = 0.15  # of a build's time is the most that is kept for starting a child


class Slot:
    """One worker's place in a build: asks for a trial, runs it, and at last refits.

        with Slot(plan=plan, workdir=directory, deadline=deadline) as slot:
            while (spec := slot.next_spec(rows)) is not None:   # rows of all slots
                rows.append(slot.run(spec).row)
            result = slot.finish(results)

    `deadline` is absolute, in seconds of `clock`. `poll` is called at least every half
    second while a trial runs (renew a lease there); True stops: the trial is given up
    (`run` answers a failed result), `next_spec` answers None, `finish` skips the refit.
    `columns` names a Parquet file of the features that a spec's lengths change, "" none.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        workdir: Path,
        deadline: float,
        clock: Callable[[], float] = time.time,
        poll: Callable[[], bool] = lambda: False,
        columns: Callable[[TrialSpec], str] = lambda spec: "",
    ) -> None:
        self.plan = plan
        self.columns = columns
        self.workdir = Path(workdir)
        self.budget = Budget(deadline=deadline, clock=clock)
        self.began = clock()
        self.poll = poll
        self.stopped = ""  # why next_spec answered None: time, patience, cancelled
        self.study = _study(plan)
        self.workdir.mkdir(parents=True, exist_ok=True)
        plan.write(self.workdir / "plan.json")
        self.child = Child(workdir=self.workdir, clock=clock, poll=poll)
        self._rows: Sequence[TrialRow] = ()  # as last seen
        self._refits: dict[int, float] = {}  # seconds of a refit, by trial number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.child.kill()

    def next_spec(self, rows: Sequence[TrialRow]) -> TrialSpec | None:
        """What to try after these rows (running ones of other slots too); None: stop.

        The spec's number is one more than the largest in `rows`; where another slot
        took it first (unique constraint), ask again with the rows read anew.
        """
        self._rows = rows
        if self.poll():
            self.stopped = "cancelled"
            return None
        spec = self.study.next(rows)
        if spec is None:
            self.stopped = "patience"
        elif not self._in_time(spec):
            self.stopped, spec = "time", None
        return spec

    def _in_time(self, spec: TrialSpec) -> bool:
        """Whether a trial as long as its family's usual one would still end in time."""
        done = [
            r for r in self._rows if r.family == spec.family and r.state == FINISHED
        ]
        usual = median([r.seconds or 0.0 for r in done]) if done else 0.0
        return self.budget.allows(reserve=self._reserve(), expected_seconds=usual)

    def run(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one trial in the child, no longer than the budget allows.

        Whatever the trial does becomes its result; BuildError alone is raised, where
        the data themselves cannot be trained on.
        """
        began = self.budget.clock()
        try:
            # The start counts against the build, not against the trial's own limit.
            self.child.start(deadline=self.budget.until(reserve=self._reserve()))
            until = self.budget.until(reserve=self._reserve(), limit=self._limit(spec))
            request = {"do": "trial", "spec": vars(spec), "columns": self.columns(spec)}
            answer = self.child.ask(request, deadline=until)
        except TimedOut:
            took = self.budget.clock() - began
            return _failed(spec, self._out_of_time(took), took)
        except Stopped:
            return _failed(spec, "Cancelled.", self.budget.clock() - began)
        except Died as death:
            return _failed(spec, str(death), self.budget.clock() - began)
        if "error" in answer:
            return _failed(spec, answer["error"], answer["seconds"])
        result = TrialResult(**answer["result"] | {"spec": spec})
        self._refits[spec.number] = result.refit_seconds
        return result

    def _out_of_time(self, took: float) -> str:
        if self.child.ready:
            return f"Stopped after {took:.1f} s: no more time for it."
        return (
            f"After {took:.1f} s the training process was still starting: this machine "
            "is slow or busy; give the build more seconds."
        )

    def finish(
        self, results: Sequence[TrialResult], *, refit: bool = True
    ) -> BuildResult:
        """Refit the best on all rows, or serve its fold model where time runs out.

        Raises BuildError when no trial finished, with what the first one said.
        """
        from mlsystem.builder.goal import Goal

        ranked = leaderboard(results, metric=self.plan.metric)
        if not ranked or ranked[0].state != FINISHED:
            raise BuildError(_why_nothing(ranked, self.stopped))
        best = ranked[0]
        path = self.workdir / "model.skops"
        refitted = refit and not self.poll() and self._refit(best, path)
        return BuildResult(
            best=best,
            model=str(path) if refitted else best.model,
            refitted=refitted,
            decision=Goal.of(self.plan).decided(best.threshold),
            leaderboard=ranked,
            seconds=self.budget.clock() - self.began,
            stopped=self.stopped or ("cancelled" if self.poll() else "done"),
        )

    def _refit(self, best: TrialResult, path: Path) -> bool:
        """Whether the best was trained on all rows in time; a cut one is thrown away."""
        request = {
            "do": "refit",
            "spec": vars(best.spec),
            "threshold": best.threshold,
            "path": str(path),
            "columns": self.columns(best.spec),
        }
        try:
            answer = self.child.ask(request, deadline=self.budget.deadline)
        except (TimedOut, Stopped, Died):
            return False
        return "refitted" in answer

    def _limit(self, spec: TrialSpec) -> float:
        """The most seconds for a trial: families not tried yet share the time evenly, so
        that a slow one leaves the others theirs; a tuned one may take half of it all."""
        tried = {row.family for row in self._rows}
        if spec.family in tried:
            return TUNED_SHARE * (self.budget.deadline - self.began)
        waiting = len(self.study.families.keys() - tried)
        return (self.budget.left - self._reserve()) / max(1, waiting)

    def _reserve(self) -> float:
        """Seconds kept for a refit of the best: twice what it should take, with the start
        of a child, because the finishing one may be new. A busy machine starts slowly,
        and that alone must not eat a short build."""
        scored = [r for r in self._rows if r.state == FINISHED and r.score is not None]
        if not scored:
            return 0.0
        best = min(scored, key=lambda row: loss(self.plan.metric, row.score or 0.0))
        seconds = self._refits.get(best.number)
        if seconds is None:  # another slot's: a trial trains on k - 1 parts k times
            seconds = (best.seconds or 0.0) / max(
                self.child.ready.get("folds", 5) - 1, 1
            )
        start = START_SHARE * (self.budget.deadline - self.began)
        return REFITS * seconds + min(REFITS * self.child.start_seconds, start)


def build(
    *,
    plan: Plan,
    workdir: Path,
    deadline: float,
    clock: Callable[[], float] = time.time,
    on_trial: Callable[[TrialResult], None] = lambda result: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> BuildResult:
    """A whole build in one slot. Raises BuildError when no trial could finish."""
    results: list[TrialResult] = []
    with Slot(
        plan=plan,
        workdir=workdir,
        deadline=deadline,
        clock=clock,
        poll=should_stop,
    ) as slot:
        while (spec := slot.next_spec([result.row for result in results])) is not None:
            results.append(slot.run(spec))
            on_trial(results[-1])
        return slot.finish(results)


def leaderboard(results: Sequence[TrialResult], *, metric: str) -> list[TrialResult]:
    """Finished trials, the best first; then the failed, the latest last."""

    def rank(result: TrialResult) -> tuple[bool, float, int]:
        if result.state != FINISHED or result.score is None:
            return True, 0.0, result.spec.number
        return False, loss(metric, result.score), result.spec.number

    return sorted(results, key=rank)


def _study(plan: Plan) -> Study:
    return Study(
        families=families(
            names=plan.families, extra=plan.extra_families, fields=plan.fields
        ),
        task=plan.task,
        metric=plan.metric,
        fields=plan.fields,
        seed=plan.seed,
        lengths=plan.lengths,
    )


def _failed(spec: TrialSpec, error: str, seconds: float) -> TrialResult:
    return TrialResult(spec=spec, state=FAILED, error=error, seconds=seconds)


def _why_nothing(results: Sequence[TrialResult], stopped: str) -> str:
    if results:
        return f"No trial finished. The first one said: {results[0].error}"
    if stopped == "cancelled":
        return "The build was cancelled before its first trial finished."
    return "There was no time for a single trial: give the build more seconds."
