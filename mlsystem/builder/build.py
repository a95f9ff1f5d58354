"""Component 7, Model Builder: the best servable model in the time given, never later."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from mlsystem.builder.plan import BuildResult, Plan, TrialResult, TrialRow, TrialSpec


class Slot:
    """One worker's place in a build: asks for a trial, runs it, and at last refits.

        with Slot(plan=plan, workdir=directory, deadline=deadline) as slot:
            while (spec := slot.next_spec(rows)) is not None:   # rows of all slots
                rows.append(slot.run(spec).row)
            result = slot.finish(best)

    `deadline` is absolute, in seconds of `clock`. `poll` is called at least every half
    second while a trial runs (renew a lease there); True stops: the trial is given up
    (`run` answers a failed result), `next_spec` answers None, `finish` skips the refit.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        workdir: Path,
        deadline: float,
        clock: Callable[[], float] = time.time,
        poll: Callable[[], bool] = lambda: False,
    ) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    @property
    def stopped(self) -> str:
        """Why `next_spec` answered None: time, patience, cancelled, done; "" before."""
        raise NotImplementedError

    def next_spec(self, rows: Sequence[TrialRow]) -> TrialSpec | None:
        """What to try after these rows (running ones of other slots too); None: stop.

        The spec's number is one more than the largest in `rows`; where another slot
        took it first (unique constraint), ask again with the rows read anew.
        """
        raise NotImplementedError

    def run(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one trial in the child; never raises for what it does."""
        raise NotImplementedError

    def finish(
        self, results: Sequence[TrialResult], *, refit: bool = True
    ) -> BuildResult:
        """Refit the best on all rows, or serve its fold model where time runs out."""
        raise NotImplementedError


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
    raise NotImplementedError
