"""The demo's times: real ones moved by whole weeks, told again when they run out."""

from datetime import UTC, datetime, timedelta

import pytest

from mlsystem.demo.timeline import Real, Steady, shift_onto

BEGAN = datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
MONTH = [datetime(2013, 2, day, 8, tzinfo=UTC) for day in range(1, 29)]


@pytest.mark.parametrize("hours", range(0, 400, 7))
def test_the_last_event_is_7_to_14_days_ahead_and_keeps_its_weekday(hours: int) -> None:
    last = MONTH[-1] + timedelta(hours=hours)

    moved = last + shift_onto(last, began=BEGAN)

    assert BEGAN + WEEK <= moved < BEGAN + 2 * WEEK
    assert (moved.weekday(), moved.time()) == (last.weekday(), last.time())


def test_real_times_start_again_after_the_last_one_under_new_names() -> None:
    shift = shift_onto(MONTH[-1], began=BEGAN)
    timeline = Real(MONTH, shift)

    turns = list(timeline.between(MONTH[0] + shift - DAY, BEGAN + 12 * WEEK))

    assert [turn.at for turn in turns] == sorted(turn.at for turn in turns)
    assert turns[0] == (0, 0, MONTH[0] + shift)
    assert turns[28] == (1, 0, MONTH[0] + shift + 4 * WEEK)
    assert len({turn.named(f"flight {turn.row}") for turn in turns}) == len(turns)


def test_two_halves_are_the_whole_whenever_one_stops() -> None:
    timeline = Real(MONTH, shift_onto(MONTH[-1], began=BEGAN))
    start, end = BEGAN - 4 * WEEK, BEGAN + 9 * WEEK
    whole = list(timeline.between(start, end))

    for days in range(0, 13 * 7, 5):
        middle = start + days * DAY
        halves = [*timeline.between(start, middle), *timeline.between(middle, end)]
        assert halves == whole


def test_invented_times_go_on_for_ever_at_their_pace() -> None:
    steady = Steady(BEGAN, timedelta(minutes=2), count=3)

    turns = list(steady.between(BEGAN, BEGAN + timedelta(minutes=9)))

    assert [turn[:2] for turn in turns] == [
        (1, 0),
        (1, 1),
        (1, 2),
        (2, 0),
    ]
    assert [turn.named("C4") for turn in turns[2:]] == ["C4-2", "C4-3"]
    assert list(steady.between(BEGAN - DAY, BEGAN)) == []
    later = list(steady.between(turns[1].at, turns[3].at))
    assert later == turns[2:]
