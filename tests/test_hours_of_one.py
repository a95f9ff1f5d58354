"""Hours that only one of two versions had: a candidate that fails in them is seen all the
same, and traffic too thin for hours of both gets its verdict by the day."""

from typing import Any

import pytest

from monitoring.evaluator.moments import Moments
from monitoring.judging.comparison import hours_of_both
from monitoring.judging.evidence import history
from monitoring.judging.rollouts import judge
from monitoring.models import HourBucket
from monitoring.monitor.days import hours_since, merge_days
from registry import clock
from registry.models import Project
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_project
from tests.hours import BEGAN, DAY, HOUR, both, compared, hour, rows, start_canary

NONE = Moments()

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    return make_project(silence="unknown", autopilot="automatic")


@pytest.fixture
def canary(project: Project) -> Rollout:
    return start_canary(project)


def two_days_at_five_percent(canary: Rollout) -> None:
    for n in range(40):
        hour(canary.candidate, "canary", BEGAN + n * HOUR, NONE, n=50)
        hour(canary.live, "live", BEGAN + n * HOUR, NONE, n=950)


def everyone(canary: Rollout, *, errors: int) -> None:
    """The candidate has ten hours for itself."""
    for n in range(10):
        at = BEGAN + (40 + n) * HOUR
        hour(canary.candidate, "canary", at, NONE, n=1000, errors=errors)


def failures(canary: Rollout) -> dict[str, Any]:
    found, _ = compared(canary, after=3 * DAY)["guardrails"]
    return found


def test_a_candidate_that_fails_once_it_answers_everyone_is_taken_back(
    canary: Rollout,
) -> None:
    two_days_at_five_percent(canary)
    everyone(canary, errors=300)

    found = failures(canary)

    assert (found["ok"], found["safe"]) == (False, False)
    assert found["value"] > 0.2
    assert "and in others beside 38\u202f000 of live's" in found["text"]
    with clock.moved_to(BEGAN + 3 * DAY):
        done = judge(rollouts.of_project(canary.project), now=clock.now())
    assert done == "rollback"


def test_a_candidate_that_answers_everyone_without_failing_is_safe(
    canary: Rollout,
) -> None:
    two_days_at_five_percent(canary)
    everyone(canary, errors=0)

    found = failures(canary)

    assert (found["ok"], found["safe"]) == (True, True)
    assert found["n"] == 40 * 1000  # without the hours that it had for itself


def test_clean_rows_scored_for_the_candidate_hide_no_failures_beside_live(
    canary: Rollout,
) -> None:
    for n in range(40):
        at = BEGAN + n * HOUR
        hour(canary.candidate, "canary", at, NONE, n=50, errors=3)
        hour(canary.live, "live", at, NONE, n=950)
    hour(canary.candidate, "canary", BEGAN + 50 * HOUR, NONE, n=100_000)

    found = failures(canary)

    assert (found["ok"], found["safe"]) == (False, False)
    assert found["value"] == pytest.approx(0.06)


def test_clean_rows_scored_by_live_take_no_candidate_back(canary: Rollout) -> None:
    """Three requests in a hundred are such that no version can read them."""
    for n in range(40):
        at = BEGAN + n * HOUR
        hour(canary.candidate, "canary", at, NONE, n=5)
        hour(canary.live, "live", at, NONE, n=95, errors=3)
    hour(canary.live, "live", BEGAN + 50 * HOUR, NONE, n=100_000)
    hour(canary.candidate, "canary", BEGAN + 51 * HOUR, NONE, n=2400, errors=72)

    found = failures(canary)

    assert found["ok"]
    assert "and in others beside 3\u202f800 of live's" in found["text"]


def test_where_live_answers_nobody_any_more_its_last_weeks_are_the_measure(
    canary: Rollout,
) -> None:
    """Targets may send everyone to the candidate from the first hour on."""
    for n in range(40):
        hour(canary.live, "live", BEGAN - (n + 1) * HOUR, NONE, n=950)
    everyone(canary, errors=300)

    found = failures(canary)

    assert not found["ok"]
    assert "beside 38\u202f000 of live's since 28 days before" in found["text"]
    assert "in the same hours" not in found["text"]


def test_a_few_answers_of_live_in_the_first_hour_are_no_measure_for_all_the_others(
    canary: Rollout,
) -> None:
    """The rollout began in the middle of an hour, of which live had the first half."""
    for n in range(40):
        hour(canary.live, "live", BEGAN - (n + 1) * HOUR, NONE, n=6)
    hour(canary.live, "live", BEGAN, NONE, n=3)
    hour(canary.candidate, "canary", BEGAN, NONE, n=3, errors=3)
    for n in range(40):
        at = BEGAN + (n + 1) * HOUR
        hour(canary.candidate, "canary", at, NONE, n=6, errors=6)

    found = failures(canary)

    assert not found["ok"]
    assert "beside 243 of live's since 28 days before the rollout" in found["text"]


def test_an_hour_of_live_is_no_measure_for_one_failure_in_twenty_five(
    canary: Rollout,
) -> None:
    """Everyone was sent to the candidate in the middle of an hour."""
    for n in range(40):
        hour(canary.live, "live", BEGAN - (n + 1) * HOUR, NONE, n=240)
    hour(canary.live, "live", BEGAN, NONE, n=120)
    hour(canary.candidate, "canary", BEGAN, NONE, n=120, errors=5)
    for n in range(40):
        at = BEGAN + (n + 1) * HOUR
        hour(canary.candidate, "canary", at, NONE, n=250, errors=10)

    found = failures(canary)

    assert not found["ok"]
    assert "of live's since 28 days before the rollout" in found["text"]


def test_hundreds_of_live_s_answers_acquit_who_fails_as_often_as_they_do(
    canary: Rollout,
) -> None:
    """Three requests in a hundred are such that no version can read them, and all that
    live has besides is a scoring of clean rows."""
    for n in range(40):
        at = BEGAN + n * HOUR
        hour(canary.candidate, "canary", at, NONE, n=2)
        hour(canary.live, "live", at, NONE, n=20, errors=n % 5 < 3)
    hour(canary.live, "live", BEGAN + 50 * HOUR, NONE, n=100_000)
    hour(canary.candidate, "canary", BEGAN + 51 * HOUR, NONE, n=2400, errors=72)

    found = failures(canary)

    assert found["ok"]
    assert "and in others beside 800 of live's at most" in found["text"]


def test_a_hundred_answers_of_live_leave_room_for_chance(canary: Rollout) -> None:
    """Of whom three in a hundred fail, one in a hundred did: too few to tell."""
    hour(canary.candidate, "canary", BEGAN, NONE, n=10)
    hour(canary.live, "live", BEGAN, NONE, n=120, errors=1)
    hour(canary.live, "live", BEGAN + 2 * HOUR, NONE, n=1000)
    hour(canary.candidate, "canary", BEGAN + 3 * HOUR, NONE, n=2400, errors=72)

    found = failures(canary)

    assert found["ok"]
    assert "and in others beside 120 of live's at most" in found["text"]  # no "since"


def thin_days(canary: Rollout, days: int, *, gain: float = 0.0) -> None:
    """Twelve answers a day, half of them the candidate's, hardly two in one hour."""
    for n in range(days):
        for hours in range(0, 12, 2):
            at = BEGAN.replace(hour=0) + (n + 1) * DAY + hours * HOUR
            hour(canary.candidate, "canary", at, rows(1, 10 + n % 3 + hours % 5 - gain))
            hour(canary.live, "live", at + HOUR, rows(1, 10 + n % 3 + hours % 5))


def test_traffic_too_thin_for_hours_of_both_is_compared_by_the_day(
    canary: Rollout,
) -> None:
    thin_days(canary, 80, gain=2.0)

    found = compared(canary, after=82 * DAY)

    assert found["verdict"] == "better"
    assert found["difference"]["n"] == 80 * 12
    assert found["difference"]["value"] == pytest.approx(2)
    assert found["guardrails"][0]["safe"]


def test_one_scoring_ends_no_comparison_by_the_day(canary: Rollout) -> None:
    thin_days(canary, 80)
    hour(canary.live, "live", BEGAN + 12 * HOUR, rows(20_000, 12))

    found = compared(canary, after=82 * DAY)["difference"]

    assert found["n"] == 80 * 12


@pytest.mark.parametrize("hardness", [5, 20])
def test_a_scoring_every_night_makes_no_thin_candidate_better_or_worse(
    canary: Rollout, hardness: int
) -> None:
    """Live's alone, of rows that are easier or harder than those of the day."""
    thin_days(canary, 80)
    for n in range(80):
        night = BEGAN.replace(hour=0) + (n + 1) * DAY + 20 * HOUR
        hour(canary.live, "live", night, rows(2000, hardness))

    found = compared(canary, after=82 * DAY)

    assert found["difference"]["value"] == pytest.approx(0)
    assert found["verdict"] == "wait"


def test_a_scoring_every_night_takes_no_thin_candidate_back(canary: Rollout) -> None:
    """Of clean rows, while five requests in a hundred are such that no version can read
    them."""
    for n in range(100):
        for hours in range(0, 12, 2):
            at = BEGAN.replace(hour=0) + (n + 1) * DAY + hours * HOUR
            failed = (n + hours) % 20 == 0
            hour(canary.candidate, "canary", at, NONE, n=3, errors=3 * failed)
            hour(canary.live, "live", at + HOUR, NONE, n=3, errors=3 * failed)
        hour(canary.live, "live", at + 10 * HOUR, NONE, n=2000)

    found, _ = compared(canary, after=102 * DAY)["guardrails"]

    assert found["ok"]
    assert found["value"] == pytest.approx(0)


def let_go_of_old_hours(project: Project, *, days: int) -> None:
    while merge_days(project):
        pass
    since = hours_since(project, now=BEGAN + days * DAY)
    assert HourBucket.objects.filter(hour__lt=since).delete()[0]


def test_of_days_that_have_lost_their_hours_nothing_is_compared(
    canary: Rollout, project: Project
) -> None:
    thin_days(canary, 180, gain=2.0)
    let_go_of_old_hours(project, days=181)

    found = compared(canary, after=181 * DAY)

    assert found["verdict"] == "better"
    assert found["difference"]["n"] == 90 * 12


@pytest.mark.parametrize("hardness", [5, 20])
def test_nights_that_have_lost_their_hours_are_not_put_beside_their_days(
    canary: Rollout, project: Project, hardness: int
) -> None:
    """What live scored at night, of easier or harder rows, and the same model at noon."""
    for n in range(1, 101):
        midnight = BEGAN.replace(hour=0) + n * DAY
        both(canary, midnight + 12 * HOUR, rows(40, 10), rows(40, 10))
        hour(canary.live, "live", midnight, rows(2000, hardness))
    let_go_of_old_hours(project, days=101)

    found = compared(canary, after=101 * DAY)
    points = history(canary, now=BEGAN + 101 * DAY)

    assert found["difference"]["value"] == pytest.approx(0)
    assert [point["value"] for point in points] == pytest.approx([0] * len(points))


def test_bad_days_take_no_candidate_back_once_they_have_lost_their_hours(
    canary: Rollout, project: Project
) -> None:
    """Of the requests of the first days no version could read a quarter."""
    for n in range(1, 101):
        bad = 20 if n < 9 else 0
        at = BEGAN + n * DAY
        hour(canary.candidate, "canary", at, NONE, n=80, errors=bad)
        hour(canary.live, "live", at, NONE, n=80, errors=bad)
    let_go_of_old_hours(project, days=101)

    found, _ = compared(canary, after=101 * DAY)["guardrails"]

    assert found["ok"]
    assert "and in others" not in found["text"]


def test_days_of_live_that_have_lost_their_hours_are_still_a_measure(
    canary: Rollout, project: Project
) -> None:
    """Targets have sent everyone to the candidate since the first hour."""
    for n in range(1, 20):
        hour(canary.live, "live", BEGAN - n * DAY, NONE, n=2000)
    for n in range(1, 101):
        hour(canary.candidate, "canary", BEGAN + n * DAY, NONE, n=100, errors=4)
    let_go_of_old_hours(project, days=101)

    found, _ = compared(canary, after=101 * DAY)["guardrails"]

    assert not found["ok"]
    assert "beside 38\u202f000 of live's since 28 days before" in found["text"]


def test_the_evidence_of_thin_traffic_is_drawn_at_hours_that_have_been(
    canary: Rollout,
) -> None:
    thin_days(canary, 3)

    points = history(canary, now=BEGAN + 4 * DAY)

    midnights = [BEGAN.replace(hour=0) + n * DAY for n in (1, 2, 3)]
    assert [point["at"] for point in points] == [at + 12 * HOUR for at in midnights]
    assert [point["n"] for point in points] == [12, 24, 36]


def test_the_first_minutes_of_an_hour_are_no_thin_hour_of_a_busy_day(
    canary: Rollout,
) -> None:
    """Nights are thin: the last of their hours is when their evidence came."""
    midnight = BEGAN.replace(hour=0) + DAY
    for hours in range(0, 4, 2):
        hour(canary.candidate, "canary", midnight + hours * HOUR, rows(3, 12))
        hour(canary.live, "live", midnight + (hours + 1) * HOUR, rows(3, 12))
    for hours in range(4, 9):
        both(canary, midnight + hours * HOUR, rows(100, 11), rows(100, 10))
    now = midnight + 9 * HOUR
    before = history(canary, now=now)
    both(canary, now, rows(1, 19), rows(1, 10))

    after = history(canary, now=now + HOUR / 60)

    assert after[: len(before)] == before
    assert [point["n"] for point in after] == [12, 212, 412, 612, 812, 1012, 1014]
    compared_now = compared(canary, after=now + HOUR / 60 - BEGAN)["difference"]
    assert compared_now["value"] == after[-1]["value"]


def test_a_thin_hour_is_one_with_those_of_its_day_as_soon_as_it_is_over(
    canary: Rollout,
) -> None:
    """Until then it waits, unless both have answered in it."""
    thin_days(canary, 2)
    at = BEGAN.replace(hour=0) + 2 * DAY + 11 * HOUR

    going_on = compared(canary, after=at + HOUR / 2 - BEGAN)["difference"]
    over = compared(canary, after=at + HOUR - BEGAN)["difference"]

    assert (going_on["n"], over["n"]) == (12 + 11, 12 + 12)


@pytest.mark.parametrize("alone", [["live"], ["canary"], ["live", "canary"]])
def test_hours_that_one_had_for_itself_are_no_thin_traffic(
    canary: Rollout, alone: list[str]
) -> None:
    """A pause, or a share of 100 %, or one after the other: the hours of both say all
    there is to say."""
    both(canary, BEGAN, rows(500, 20), rows(500, 20))
    for n, role in enumerate(alone, start=1):
        version = canary.live if role == "live" else canary.candidate
        hour(version, role, BEGAN + n * HOUR, rows(50_000, 5 * n))

    assert len(hours_of_both(canary, now=BEGAN + DAY)) == 1
    found = compared(canary, after=DAY)["difference"]
    assert (found["n"], found["value"]) == (1000, pytest.approx(0))
