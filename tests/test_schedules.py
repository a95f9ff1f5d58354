"""Schedules: a slot starts once, missed slots start one job, DST moves nothing."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError

from mlsystem.orchestrator import triggers
from registry import audit, schedules
from registry.actors import Actor
from registry.errors import InvalidInput
from registry.models import Job, Schedule
from tests.factories import make_project

NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)


def nightly(**changes):
    given = {
        "project": None,
        "task": "tests.note",
        "cron": "0 3 * * *",
        "zone": "UTC",
        "lane": "quick",
        "now": NIGHT,
    }
    return schedules.set_schedule(**(given | changes))


@pytest.mark.django_db
def test_a_slot_starts_one_job_and_moves_on():
    nightly()
    assert schedules.start_due(now=NIGHT) == 0
    three = datetime(2026, 3, 1, 3, tzinfo=UTC)
    assert schedules.start_due(now=three) == 1
    assert schedules.start_due(now=three) == 0
    assert Schedule.objects.get().next_at == datetime(2026, 3, 2, 3, tzinfo=UTC)


@pytest.mark.django_db
def test_slots_missed_over_a_week_are_one_job():
    nightly()
    assert schedules.start_due(now=datetime(2026, 3, 8, 12, tzinfo=UTC)) == 1
    assert Job.objects.count() == 1
    assert Schedule.objects.get().next_at == datetime(2026, 3, 9, 3, tzinfo=UTC)


@pytest.mark.faults
@pytest.mark.django_db
def test_a_slot_whose_job_cannot_be_written_starts_at_the_next_tick(monkeypatch):
    def full(**job):
        raise DatabaseError("database or disk is full")

    nightly()
    three = datetime(2026, 3, 1, 3, tzinfo=UTC)
    with monkeypatch.context() as patched:
        patched.setattr(schedules, "enqueue", full)
        with pytest.raises(DatabaseError):
            schedules.start_due(now=three)
    assert schedules.start_due(now=three) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_setting_it_again_changes_the_one_schedule():
    nightly()
    nightly(cron="30 4 * * *")
    assert Schedule.objects.get().next_at == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cron": "every night"}, "cron"),
        ({"cron": "* * * * * *"}, "cron"),  # the first would be seconds
        ({"zone": "Mars/Olympus"}, "zone"),
    ],
)
@pytest.mark.django_db
def test_a_schedule_that_cannot_be_read_names_its_field(changes, field):
    with pytest.raises(InvalidInput) as refused:
        nightly(**changes)
    assert refused.value.errors[0].field == field


def test_three_in_the_morning_stays_three_in_the_morning_when_the_clocks_change():
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Berlin changes on the 29th
    slots = []
    for _ in range(3):
        before = schedules.next_slot(
            cron="0 4 * * *", zone="Europe/Berlin", after=before
        )
        slots.append(before.hour)
    assert slots == [2, 2, 2]
    winter = schedules.next_slot(
        cron="0 4 * * *",
        zone="Europe/Berlin",
        after=datetime(2026, 3, 27, 12, tzinfo=UTC),
    )
    assert winter.hour == 3


@pytest.mark.django_db
def test_no_schedule_is_set_that_no_audit_entry_tells_of(monkeypatch):
    def full(**entry):
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(audit, "record", full)
    given = {"cron": "0 3 * * *", "zone": "UTC", "budget": 60, "enabled": True}
    actor = Actor(label="the tests", role="admin")
    with pytest.raises(DatabaseError):
        triggers.set_schedule(project=make_project(), by=actor, now=NIGHT, **given)
    assert not Schedule.objects.exists()
