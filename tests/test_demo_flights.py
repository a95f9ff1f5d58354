"""The flights' story: real times moved by weeks, truth at landing, told again at its end."""

from datetime import UTC, datetime, timedelta

import pytest

from mlsystem.demo import flights
from mlsystem.demo.story import Case

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


def test_when_the_flights_run_out_they_are_told_again_under_new_names() -> None:
    weeks = flights.replayed(BEGAN)["weeks"]
    last = flights.LAST + timedelta(weeks=weeks)
    first = last - timedelta(days=2)
    end = met(first, last + timedelta(hours=6))
    again = met(first + timedelta(weeks=9), last + timedelta(weeks=9, hours=6))
    assert len(end) == len(again) > 1000
    assert not {case.name for case in end} & {case.name for case in again}
    assert [c.truth and c.truth["value"] for c in end] == [
        c.truth and c.truth["value"] for c in again
    ]
