"""Hours of a canary and of live, put beside each other as the monitor folds them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring.evaluator.moments import Moments
from monitoring.judging.comparison import compare_rollout
from monitoring.models import HourBucket
from monitoring.monitor.outcomes import Outcomes
from registry import clock
from registry.models import ModelVersion, Project
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_bare_version

BEGAN = datetime(2026, 5, 1, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLAN = [{"percent": 1, "hours": 1, "min_n": 1}, {"percent": 50, "hours": 999}]


def rows(n: int, mean: float, spread: float = 5.0) -> Moments:
    return Moments(n, mean, (n - 1) * spread**2)


def start_canary(project: Project) -> Rollout:
    with clock.moved_to(BEGAN):
        live, candidate = (make_bare_version(project, n) for n in (1, 2))
        row = rollouts.open_with_baseline(project=project, version=live)
        return rollouts.start(
            rollout=row, candidate=candidate, mode="canary", plan=PLAN, by="a test",
            revision=row.revision,
        )  # fmt: skip


def hour(
    version: ModelVersion | None, role: str, at: datetime, known: Moments, **counts: Any
) -> None:
    assert version is not None
    task = version.project.task
    moments = dict.fromkeys(("cost", "absolute_error", "squared_error"), known)
    moments |= {"log_loss": known}
    outcomes = Outcomes(task, None, known.n, moments)
    HourBucket.objects.create(
        project=version.project, version=version, role=role, hour=at,
        truths=known.n, outcomes=outcomes.pack(), **({"n": known.n} | counts),
    )  # fmt: skip


def both(canary: Rollout, at: datetime, ours: Moments, theirs: Moments) -> None:
    hour(canary.candidate, "canary", at, ours)
    hour(canary.live, "live", at, theirs)


def compared(canary: Rollout, *, after: timedelta) -> dict[str, Any]:
    found = rollouts.of_project(canary.project)
    return compare_rollout(found, now=BEGAN + after, with_units=False)
