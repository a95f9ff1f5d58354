"""What fails each time it is tried is not tried without end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mlsystem import baselines
from mlsystem import tasks as _baseline_tasks  # noqa: F401  # registers the tasks
from monitoring import housekeeping
from monitoring import tasks as _fold_tasks  # noqa: F401
from monitoring.monitor import folding
from registry import jobs
from registry.clock import now
from registry.models import Job, Project
from registry.projects import update_project
from serving.models import PredictionInbox
from tests.factories import make_dataset, make_prediction, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.faults]
Tick = Callable[[datetime], object]


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_dataset(project)
    return project


def fails(*_: object, **__: object) -> None:
    raise ValueError("This can never be.")


def give_up() -> None:
    """All attempts of the job that waits, one after the other."""
    job = Job.objects.get(state=Job.State.QUEUED)
    for _ in range(job.max_attempts):
        Job.objects.filter(pk=job.pk).update(due_at=now())
        jobs.work_here(job)
    assert job.state == Job.State.FAILED


def asks(tick: Tick, *, after: timedelta = timedelta()) -> bool:
    """Whether a tick asks for the work."""
    tick(now() + after)
    return Job.objects.filter(state=Job.State.QUEUED).exists()


def test_a_baseline_that_cannot_be_made_rests_for_an_hour(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "open_if_missing", fails)
    assert asks(baselines.open_missing)
    give_up()

    assert not asks(baselines.open_missing)
    assert asks(baselines.open_missing, after=timedelta(hours=1))


@pytest.mark.parametrize(
    "change",
    [
        make_dataset,
        lambda project: update_project(
            project=project, by=None, changes={"name": "Mended"}
        ),
        lambda project: Project.objects.update(definition_hash="of a mended module"),
    ],
    ids=["data", "settings", "definition"],
)
def test_what_somebody_mended_gets_its_baseline_at_once(
    project: Project, monkeypatch: pytest.MonkeyPatch, change: Callable[[Project], Any]
) -> None:
    monkeypatch.setattr(baselines, "open_if_missing", fails)
    assert asks(baselines.open_missing)
    give_up()

    change(project)

    assert asks(baselines.open_missing)


def test_a_fold_that_cannot_be_rests_for_ten_minutes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_prediction(project)
    PredictionInbox.objects.create(prediction_id=row.pk, project=project)
    monkeypatch.setattr(folding, "fold_job", fails)
    assert asks(housekeeping.tick)
    give_up()

    assert not asks(housekeeping.tick)
    assert asks(housekeeping.tick, after=timedelta(minutes=10))
