"""What metrics and drift count over REST is what the answer names: whole hours or days,
from `since` to `until`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from monitoring.monitor.folding import bring_up_to_date
from registry.models import Project
from serving.models import PredictionInbox
from tests.calls import Rest
from tests.factories import make_key, make_prediction, make_serving

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
NOW = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def churn() -> Project:
    return make_serving().project


@pytest.fixture
def rest(churn: Project) -> Rest:
    return Rest(churn, make_key(churn, "read"))


def answered(project: Project, *moments: datetime) -> None:
    """Answers at these moments, in the buckets of their hours and days."""
    version = project.versions.get()
    for moment in moments:
        row = make_prediction(project, version=version, at=moment)
        PredictionInbox.objects.create(prediction_id=row.pk, project=project)
    bring_up_to_date(project)


def ask(rest: Rest, query: str) -> dict[str, Any]:
    with time_machine.travel(NOW, tick=False):
        answer = rest.get(f"metrics?metric=predictions{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def counted(told: dict[str, Any]) -> tuple[datetime, datetime, int, int]:
    """Since, until, the total, and what the points add up to."""
    (series,) = told["series"]
    added = sum(point["n"] for point in series["points"])
    return at(told["since"]), at(told["until"]), series["total"]["n"], added


def test_by_day_the_days_that_a_window_touches_are_named_and_counted(
    churn: Project, rest: Rest
) -> None:
    day = datetime(2026, 5, 4, tzinfo=UTC)
    answered(
        churn, *[day + timedelta(hours=1)] * 3, day + timedelta(hours=15), day + DAY
    )
    told = ask(rest, "&from=2026-05-04T14:00:00Z&to=2026-05-04T16:00:00Z")
    assert counted(told) == (day, day + DAY, 4, 4)
    whole = ask(rest, "&from=2026-05-04T00:00:00Z&to=2026-05-05T00:00:00Z")
    assert counted(whole) == (day, day + DAY, 4, 4)


def test_by_hour_the_hours_that_a_window_touches_are_named_and_counted(
    churn: Project, rest: Rest
) -> None:
    day = datetime(2026, 5, 4, tzinfo=UTC)
    minutes = (9 * 60 + 59, 10 * 60 + 5, 11 * 60 + 45, 12 * 60)
    answered(churn, *(day + timedelta(minutes=n) for n in minutes))
    told = ask(
        rest, "&bucket=hour&from=2026-05-04T10:30:00Z&to=2026-05-04T13:30:00%2B02:00"
    )
    ten, twelve = day + timedelta(hours=10), day + timedelta(hours=12)
    assert counted(told) == (ten, twelve, 2, 2)


def test_without_a_window_it_is_28_days_with_today(churn: Project, rest: Rest) -> None:
    midnight = datetime(2026, 5, 20, tzinfo=UTC)
    first = midnight - 27 * DAY
    answered(churn, first - timedelta(minutes=1), first, NOW - timedelta(minutes=1))
    assert counted(ask(rest, "")) == (first, midnight + DAY, 2, 2)


def test_hours_that_are_kept_no_longer_are_told_as_their_days(
    churn: Project, rest: Rest
) -> None:
    long_ago = datetime(2026, 1, 10, tzinfo=UTC)
    answered(churn, long_ago + timedelta(hours=1), long_ago + timedelta(hours=15))
    told = ask(rest, "&bucket=hour&from=2026-01-10T14:00:00Z&to=2026-01-10T16:00:00Z")
    since, until, total, _ = counted(told)
    assert (since, until, total) == (long_ago, long_ago + DAY, 2)


def test_drift_names_the_hours_it_counts(churn: Project, rest: Rest) -> None:
    day = datetime(2026, 5, 4, tzinfo=UTC)
    answered(churn, day + timedelta(hours=10, minutes=5), day + timedelta(hours=12))
    with time_machine.travel(NOW, tick=False):
        answer = rest.get("drift?from=2026-05-04T10:30:00Z&to=2026-05-04T11:30:00Z")
    told = answer.json()
    ten, twelve = day + timedelta(hours=10), day + timedelta(hours=12)
    assert (at(told["since"]), at(told["until"]), told["n"]) == (ten, twelve, 1)
