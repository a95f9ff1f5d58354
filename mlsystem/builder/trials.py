"""Component 7, Model Builder: a trial is a row, told only by whom it was given to."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from mlsystem.builder.build import Slot
from mlsystem.builder.plan import TrialResult, TrialRow, TrialSpec
from registry import jobs, storage
from registry.models import Run, Trial

MOST_TRIALS = 1000  # of a build; every ask reads them all
TRIES = 20  # at a number that other slots take at the same moment
# What of a result is neither a column nor a file.
KEPT = ("threshold", "name", "refit_seconds")
Asked = tuple[Trial, TrialSpec]


def ask(*, context: jobs.JobContext, run: Run, slot: Slot) -> Asked | None:
    """A new trial of this slot's own, after all rows there are; None: stop."""
    for _ in range(TRIES):
        rows = rows_of(run)
        spec = slot.next_spec(rows) if len(rows) < MOST_TRIALS else None
        if spec is None:
            return None
        outcome = {"slot": context.args["slot"], "seed": spec.seed}
        try:
            with transaction.atomic():
                return Trial.objects.create(
                    run=run,
                    number=spec.number,
                    family=spec.family,
                    params=spec.params,
                    token=context.token,
                    outcome=outcome,
                ), spec
        except IntegrityError:  # another slot took the number
            continue
    return None


def take_over(*, context: jobs.JobContext, run: Run) -> Asked | None:
    """A trial that this slot left running when its worker died: once more, not twice."""
    left = run.trials.filter(
        state=Trial.State.RUNNING,
        outcome__slot=context.args["slot"],
        token__lt=context.token,
    )
    for trial in left:
        mine = Trial.objects.filter(
            pk=trial.pk, state=Trial.State.RUNNING, token=trial.token
        )
        if trial.outcome.get("retried"):
            mine.update(state=Trial.State.FAILED, error="Its worker died twice.")
            continue
        outcome = trial.outcome | {"retried": True}
        if mine.update(token=context.token, outcome=outcome):
            trial.token, trial.outcome = context.token, outcome
            return trial, _spec(trial)
    return None


def tell(*, context: jobs.JobContext, trial: Trial, result: TrialResult) -> None:
    """Store what a trial left, then write its row, fenced by the slot's token."""
    files = {
        name: _store(trial, Path(path))
        for name, path in (("out_of_fold", result.out_of_fold), ("model", result.model))
        if path
    }
    with transaction.atomic():
        context.guard()
        Trial.objects.filter(
            pk=trial.pk, token=context.token, state=Trial.State.RUNNING
        ).update(
            state=result.state,
            score=result.score,
            fold_scores=result.fold_scores,
            metrics=result.metrics,
            seconds=result.seconds,
            error=result.error[-5000:],
            uri=files.get("out_of_fold", {}).get("uri", ""),
            outcome=trial.outcome
            | {name: getattr(result, name) for name in KEPT}
            | {"files": files},
        )


def give_up(*, run: Run, why: str) -> None:
    """Nobody works on the running trials any more."""
    run.trials.filter(state=Trial.State.RUNNING).update(
        state=Trial.State.FAILED, error=why
    )


def _store(trial: Trial, path: Path) -> dict[str, Any]:
    run = trial.run
    place = f"runs/{run.project.slug}/{run.number}/trial-{trial.number}"
    return asdict(
        storage.put_file(path=f"{place}/{trial.token}{path.suffix}", local=path)
    )


def rows_of(run: Run) -> list[TrialRow]:
    """All trials of a run, as the study reads them."""
    return [
        TrialRow(
            number=trial.number,
            family=trial.family,
            params=trial.params,
            state=trial.state,
            score=trial.score,
            seconds=trial.seconds,
        )
        for trial in run.trials.all()
    ]


def results_of(run: Run) -> list[TrialResult]:
    """The finished trials with their files on this machine."""
    return [_result(trial) for trial in run.trials.filter(state=Trial.State.FINISHED)]


def _result(trial: Trial) -> TrialResult:
    paths = {
        name: str(storage.local_copy(uri=file["uri"], sha256=file["sha256"]))
        for name, file in trial.outcome.get("files", {}).items()
    }
    kept = {name: trial.outcome[name] for name in KEPT if name in trial.outcome}
    return TrialResult(
        spec=_spec(trial),
        state=trial.state,
        score=trial.score,
        fold_scores=trial.fold_scores,
        metrics=trial.metrics,
        seconds=trial.seconds or 0.0,
        **kept,
        **paths,  # type: ignore[arg-type]
    )


def _spec(trial: Trial) -> TrialSpec:
    return TrialSpec(
        number=trial.number,
        family=trial.family,
        params=trial.params,
        seed=trial.outcome.get("seed", 0),
    )
