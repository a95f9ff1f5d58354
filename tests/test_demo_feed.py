"""While it serves, a demo goes on: its feed asks and tells through the real code, says
that it is there, and can be switched off."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from labelling.models import Match
from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import stories
from registry import clock, jobs, schedules
from registry.demo_feed import TASK, row_of
from registry.models import AuditEntry, Job, Project, Schedule, User
from serving.models import Prediction
from tests.demo_story import HOUR, NOW, SLUG, install_small_data, make_story, tell
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    install_small_data(monkeypatch)
    story = make_story()
    monkeypatch.setitem(stories.STORIES, SLUG, story)
    return tell(story)


def minute(project: Project, moment: datetime) -> Job | None:
    """What the house does in a minute: the schedule asks for a job, a worker does it."""
    with clock.moved_to(moment):
        schedules.start_due(now=moment)
        job = Job.objects.filter(project=project, task=TASK, state="queued").first()
        return jobs.work_here(job) if job else None


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def test_the_feed_asks_what_is_due_and_tells_what_became_known(
    project: Project,
) -> None:
    matched = Match.objects.filter(project=project).count()

    job = minute(project, NOW + 4 * HOUR)

    assert job is not None
    assert job.result == {"asked": 4}
    fresh = Prediction.objects.filter(project=project, at__gt=NOW)
    assert {row.source for row in fresh} == {"online"}
    assert fresh.count() == 4
    assert Match.objects.filter(project=project).count() == matched + 2


def test_a_minute_in_which_nothing_is_due_asks_nothing(project: Project) -> None:
    minute(project, NOW + HOUR)
    job = minute(project, NOW + HOUR + timedelta(minutes=5))
    assert job is not None
    assert job.result == {"asked": 0}


def test_a_long_gap_is_filled_and_noted_though_its_owner_is_gone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlsystem.demo.replay.GAP", 20)
    project.memberships.filter(role="owner").delete()

    job = minute(project, NOW + 50 * HOUR)

    assert job is not None
    assert (job.state, job.result) == ("succeeded", {"asked": 20})
    note = project.notes.get(author=None)
    assert "Of the 50 requests of that time, 20 were asked" in note.text


def test_sources_of_the_past_are_read_anew_once_a_day(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that requests find what a warehouse would know by then."""
    read: list[datetime] = []
    monkeypatch.setattr(
        "registry.definition_sync.keep_read", lambda *, project, now: read.append(now)
    )
    moved = make_story(moved=lambda began: {"weeks": 1, "every": 1})
    monkeypatch.setitem(stories.STORIES, SLUG, moved)
    for hours in (1, 2, 24, 25, 26):
        minute(project, NOW + hours * HOUR)
    assert read == [NOW + HOUR, NOW + 25 * HOUR]


def test_switched_off_it_is_quiet_and_switched_on_it_goes_on(project: Project) -> None:
    admin = sign_in("ada")

    off = admin.post(f"/p/{SLUG}/feed", {"feed": "off", "next": f"/p/{SLUG}"})
    assert off.status_code == 302
    assert off["Location"] == f"/p/{SLUG}"
    assert minute(project, NOW + 2 * HOUR) is None

    admin.post(f"/p/{SLUG}/feed", {"feed": "on"})
    job = minute(project, NOW + 3 * HOUR)
    assert job is not None
    assert job.result == {"asked": 3}
    said = AuditEntry.objects.filter(action__startswith="demo.feed")
    assert [entry.action for entry in said.order_by("id")] == [
        "demo.feed-off",
        "demo.feed-on",
    ]


def test_only_administrators_switch_it(project: Project) -> None:
    for name in ("owen", "rosa", "erin", "vera"):
        answer = sign_in(name).post(f"/p/{SLUG}/feed", {"feed": "off"})
        assert answer.status_code == 403, name
    make_user("Sam")
    assert sign_in("Sam").post(f"/p/{SLUG}/feed", {"feed": "off"}).status_code == 404
    row = row_of(project)
    assert row is not None
    assert row.enabled


def test_pages_say_that_the_data_is_a_demo(project: Project) -> None:
    page = sign_in("vera").get(f"/p/{SLUG}").content.decode()
    assert "Demo data: live feed on" in page
    assert "Made of forty rows." in page
    assert "All of it." in page
    assert "Switch off" not in page
    assert "Switch off" in sign_in("ada").get(f"/p/{SLUG}").content.decode()


def test_a_project_of_ones_own_is_never_fed(project: Project) -> None:
    own = make_project("own")
    make_user("Ada", project=own, role="admin")
    Schedule.objects.create(
        project=own, task=TASK, cron="* * * * *", next_at=NOW, args={"played": True}
    )

    page = sign_in("Ada").get("/p/own").content.decode()
    job = minute(own, NOW + HOUR)

    assert "Demo data" not in page
    assert sign_in("Ada").post("/p/own/feed", {"feed": "on"}).status_code == 404
    assert job is not None
    assert not Prediction.objects.filter(project=own).exists()


def test_yesterdays_minutes_are_forgotten(project: Project) -> None:
    for number in range(1, 5):
        minute(project, NOW + number * HOUR)
    Job.objects.filter(task=TASK).update(finished_at=NOW)

    minute(project, NOW + 5 * HOUR)

    assert Job.objects.filter(task=TASK).count() == 1
