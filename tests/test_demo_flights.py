"""The flights' story: real times moved by weeks, truth at landing, told again at its end."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import flights
from mlsystem.demo.bar import Bar
from mlsystem.demo.play import play
from mlsystem.demo.story import Case
from monitoring.models import Alert, HourBucket
from registry import clock, sources
from registry.models import Project

BEGAN = datetime(2026, 11, 27, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def met(start: datetime, end: datetime) -> list[Case]:
    return list(flights.cases(BEGAN, start, end))


def test_the_last_flight_leaves_one_to_two_weeks_after_the_start() -> None:
    weeks = flights.replayed(BEGAN)["weeks"]
    last = flights.LAST + timedelta(weeks=weeks)
    assert timedelta(days=7) <= last - BEGAN <= timedelta(days=14)


@pytest.fixture(scope="module")
def two_days() -> list[Case]:
    return met(BEGAN - 2 * DAY, BEGAN)


def test_a_flight_is_asked_about_as_it_leaves_and_known_as_it_lands(
    two_days: list[Case],
) -> None:
    assert 300 < len(two_days) < 900
    assert [case.at for case in two_days] == sorted(case.at for case in two_days)
    heard = [case for case in two_days if case.truth]
    assert all(case.known_at and case.known_at > case.at for case in heard)
    missing = [case for case in two_days if case.truth is None]
    assert 0 < len(missing) < len(two_days) / 5  # cancelled: nobody ever says
    assert len({case.name for case in two_days}) == len(two_days)


def test_every_start_finds_the_same_flights(two_days: list[Case]) -> None:
    halves = met(BEGAN - 2 * DAY, BEGAN - DAY) + met(BEGAN - DAY, BEGAN)
    assert halves == two_days


def test_when_the_flights_run_out_their_last_weeks_are_told_again_without_a_gap() -> (
    None
):
    """No day is silent, no flight leaves twice, and the second time has new names."""
    weeks = flights.replayed(BEGAN)["weeks"]
    last = flights.LAST + timedelta(weeks=weeks)
    seam = met(last - 9 * DAY, last + 12 * DAY)
    times = [case.at for case in seam]
    assert times == sorted(times)
    assert len({case.name for case in seam}) == len(seam)
    for day in range(-9, 12):
        start = last + day * DAY
        assert 250 < len([at for at in times if start < at <= start + DAY]) < 1100
    eight, clocks = timedelta(weeks=8), timedelta(hours=2)  # clocks go back in between
    first = met(last - eight + 9 * DAY, last - eight + 12 * DAY)
    again = met(last + 9 * DAY - clocks, last + 12 * DAY + clocks)
    assert 0 < len(first) < len(again)  # one in three, before the story began
    late = {case.name: case.truth and case.truth["value"] for case in again}
    for case in first:
        day, flight = case.name[:10], case.name[10:]
        same = f"{date.fromisoformat(day) + eight}{flight}"
        assert late[same] == (case.truth and case.truth["value"])
    assert not {case.name for case in first} & {case.name for case in again}


def test_the_sources_hold_the_flights_that_are_told() -> None:
    """By the days on the clocks of New York, in the weather's table too."""
    replay = flights.replayed(BEGAN)
    last = flights.LAST + timedelta(weeks=replay["weeks"])
    end = last + 3 * DAY
    reading = sources.Reading(flights.definition, replay=replay, now=end)
    frame = reading.first().frame
    left = frame[frame["left_at"] > last - 3 * DAY]
    entity = flights.definition.settings["entity"]
    rows = left[entity].astype({"flight": int}).itertuples(index=False)
    names = {"-".join(map(str, row)) for row in rows}
    assert names == {case.name for case in met(last - 3 * DAY, end)}
    assert not frame.duplicated(entity).any()
    weather = reading.rows("weather").frame
    assert not weather.duplicated(["origin", "date", "hour"]).any()
    assert set(left["date"]) <= set(weather["date"])


def tell(now: datetime) -> Project:
    return play(
        flights.STORY, now=now, bar=Bar(flights.STORY.stages, out=io.StringIO())
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days", [9, 30])
def test_days_later_nothing_is_stale_and_no_alert_is_false(days: int) -> None:
    """Through the end of the file: storms and another day's weather wake nobody."""
    now = clock.now()
    tell(now)
    later = now + days * DAY
    with clock.moved_to(later):  # not before: a training's workers know the real one
        project = tell(later)
    fired = Alert.objects.filter(project=project, fired_at__isnull=False)
    assert [alert.message for alert in fired] == []
    asked = project.predictions.filter(at__gt=now)
    whole = {(now + day * DAY).date() for day in range(1, days)}
    assert whole <= {row.at.date() for row in asked}
    assert later - asked.latest("at").at < timedelta(hours=9)  # a night
    newest = HourBucket.objects.filter(project=project).latest("hour")
    assert newest.hour > later - timedelta(hours=10)
    with_weather = [row for row in asked if row.features.get("temp") is not None]
    assert len(with_weather) > 0.9 * asked.count()
