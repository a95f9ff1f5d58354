"""Where silence means no, it becomes truth after the horizon, until something is said."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from labelling import housekeeping, tasks  # noqa: F401  # registers the task
from labelling.collector import matching
from labelling.collector.silence import is_due, mature
from labelling.collector.truth import record_truth
from labelling.models import Match, TruthInbox
from registry import jobs
from registry.models import Job, Project
from serving.models import Prediction
from tests.factories import make_bare_version, make_prediction, make_project

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def churn() -> Project:
    return make_project()  # 30 days, silence is negative


def say(project: Project, prediction: Prediction, value: str, now: datetime) -> None:
    item = {"prediction": str(prediction.pk), "value": value}
    record_truth(project=project, items=[item], actor=None, now=now)


def test_nothing_heard_until_the_horizon_means_no(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW)
    assert mature(now=NOW + 29 * DAY) == 0
    assert not Match.objects.exists()
    assert mature(now=NOW + 30 * DAY) == 1
    match = Match.objects.get()
    assert (match.prediction_id, match.value, match.source) == (
        prediction.pk,
        "No",
        "silence",
    )
    assert match.by_silence
    assert match.observed_at == NOW + 30 * DAY
    assert TruthInbox.objects.get().truth is None


def test_what_is_said_later_replaces_silence(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW)
    mature(now=NOW + 30 * DAY)
    say(churn, prediction, "Yes", NOW + 31 * DAY)
    match = Match.objects.get()
    assert (match.value, match.source, match.by_silence) == ("Yes", "outcome", False)
    assert mature(now=NOW + 60 * DAY, sweep=True) == 0


def test_what_was_said_before_is_no_silence(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW)
    say(churn, prediction, "Yes", NOW + DAY)
    assert mature(now=NOW + 30 * DAY) == 0
    assert Match.objects.get().value == "Yes"


def test_an_unmatched_truth_is_heard_before_silence_speaks(churn: Project) -> None:
    item = {"reference": "order 1", "value": "Yes"}
    record_truth(project=churn, items=[item], actor=None, now=NOW)
    make_prediction(churn, at=NOW, reference="order 1")  # and no tick in between
    mature(now=NOW + 30 * DAY)
    assert Match.objects.get().value == "Yes"


@pytest.mark.parametrize(
    "change",
    [
        {"silence": "unknown"},
        {"task": "regression", "positive_class": ""},
        {"task": "multiclass"},
    ],
)
def test_elsewhere_silence_says_nothing(change: dict[str, Any]) -> None:
    project = make_project(**change)
    make_prediction(project, at=NOW)
    assert mature(now=NOW + 90 * DAY, sweep=True) == 0
    assert not Match.objects.exists()


def test_a_test_prediction_stays_without_truth(churn: Project) -> None:
    make_prediction(churn, at=NOW, test=True)
    assert mature(now=NOW + 30 * DAY) == 0


def test_predictions_of_every_version_mature(churn: Project) -> None:
    for number in (1, 2):
        make_prediction(churn, at=NOW, version=make_bare_version(churn, number))
    assert mature(now=NOW + 30 * DAY) == 2


def test_it_goes_on_where_it_was_stopped(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "CHUNK", 2)
    for minute in range(5):
        make_prediction(churn, at=NOW + timedelta(minutes=minute))

    def stop() -> None:
        raise InterruptedError

    now = NOW + 31 * DAY
    with pytest.raises(InterruptedError):
        mature(now=now, pause=stop)
    assert Match.objects.count() == 2
    assert is_due(now=now)
    assert mature(now=now) == 3
    assert not is_due(now=now)


def test_a_prediction_for_a_moment_long_gone_is_swept_up_later(churn: Project) -> None:
    make_prediction(churn, at=NOW)
    now = NOW + 60 * DAY
    assert mature(now=now) == 1
    make_prediction(churn, at=NOW - DAY)  # sent late, or replayed
    assert mature(now=now) == 0
    later = now + timedelta(hours=2)
    assert is_due(now=later)
    assert mature(now=later) == 1


def test_with_nothing_new_there_is_nothing_to_do(churn: Project) -> None:
    assert mature(now=NOW) == 0
    assert not is_due(now=NOW)
    make_prediction(churn, at=NOW)
    assert not is_due(now=NOW + timedelta(minutes=1))
    mature(now=NOW + 30 * DAY - timedelta(minutes=1))
    assert is_due(now=NOW + 30 * DAY)


def test_the_pulse_asks_for_it_and_a_job_does_it(churn: Project) -> None:
    make_prediction(churn, at=NOW)
    with time_machine.travel(NOW + 31 * DAY, tick=False):
        housekeeping.sweep(NOW + 31 * DAY)
        housekeeping.sweep(NOW + 31 * DAY)
        job = Job.objects.get(task="labelling.mature")
        done = jobs.work_here(job)
    assert (done.state, done.result) == ("succeeded", {"matches": 1})
    assert Match.objects.get().by_silence
    housekeeping.sweep(NOW + 31 * DAY)
    assert Job.objects.count() == 1
