"""Component 6, Orchestrator: a run as it would have been on a day in the past.

Only rows whose truth was known then, and never sealed, take part: training and
validation rows are split anew in time order. Its versions are archived and never serve.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mlsystem import baselines
from mlsystem.orchestrator.learning import PART
from mlsystem.orchestrator.work import Outputs, StepRefused, StepWork, get_frame
from monitoring.evaluator import sealed
from registry import datasets, definition_store, splits
from registry.models import Dataset, ModelVersion, Project

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 50


def extract_known(work: StepWork, dataset: Dataset, *, at: datetime) -> Outputs:
    """The rows that were known at `at`, in parts of their own."""
    if not work.project.time_column:
        raise StepRefused(
            "This project's data has no time, so what was known on a day cannot be "
            "told: name a time column, or run without --at."
        )
    rows = datasets.training_frame(dataset)
    rows = rows[truth_moments(work.project, rows) <= at].reset_index(drop=True)
    if len(rows) < FEWEST_ROWS:
        raise StepRefused(
            f"{len(rows)} rows with truth were known at {at:%Y-%m-%d %H:%M} UTC; "
            f"a back-test needs {FEWEST_ROWS}."
        )
    parts, cuts = splits.by_time(rows[work.project.time_column])
    tested = parts == "test"
    if not tested.any():
        raise StepRefused("All rows known then are of one moment: nothing to test on.")
    work.log(f"Back-test: {len(rows)} rows known at {at.isoformat()}.")
    learn = rows[~tested].assign(**{PART: parts[~tested]})
    return {
        "dataset": dataset.number,
        "learn": work.put_frame("learn", learn),
        "test": work.put_frame("test", rows[tested]),
        "cuts": cuts.as_json(),
        "counts": {"known": len(rows), "test": int(tested.sum())},
    }


def truth_moments(project: Project, rows: pd.DataFrame) -> pd.Series:
    """When each row's truth was known: where code declares it, by that column, else
    once the horizon was over. Earlier truths are not told apart from those that came
    late, so a row within the horizon counts as not known."""
    asked = rows[project.time_column]
    known = asked if project.horizon is None else asked + project.horizon
    definition = definition_store.definition_of(project)
    column = definition.truth_known_at if definition else ""
    if column not in rows:
        return known
    told = rows[column].astype(asked.dtype)  # of rows from production nobody tells it
    return told.where(told.notna(), known)


def judge(work: StepWork, candidate: ModelVersion) -> sealed.Judgement:
    """Against a baseline that knew as little; what is live today knew too much."""
    left = work.before["extract"]
    learnt, tested = get_frame(left["learn"]), get_frame(left["test"])
    return sealed.judge_on(
        rows=sealed.JudgedRows(
            inputs=tested.drop(columns=[work.project.target]),
            truth=tested[work.project.target],
            dataset=None,
            seed=work.run.number,
        ),
        candidate=candidate,
        baseline=_baseline(work, learnt),
        live=None,
        run=work.run,
        by=work.run.requested_by,
    )


def _baseline(work: StepWork, learnt: pd.DataFrame) -> ModelVersion:
    made = ModelVersion.objects.filter(
        run=work.run, kind=ModelVersion.Kind.BASELINE
    ).first()
    return made or baselines.register(
        project=work.project,
        baseline=baselines.default(work.project),
        dataset=work.dataset,
        rows=learnt.drop(columns=[PART]),
        run=work.run,
        state=ModelVersion.State.ARCHIVED,
        by=work.run.requested_by,
    )
