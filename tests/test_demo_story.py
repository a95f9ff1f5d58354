"""A story is told once: what was interrupted goes on, a gap is filled, truth comes when
it is known."""

from datetime import datetime
from typing import Any

import pytest

from labelling.models import GroundTruth, Match
from mlsystem.demo import replay
from mlsystem.demo.memory import Memory
from mlsystem.demo.story import Beat, Telling
from monitoring.models import HourBucket
from registry import clock
from registry.models import Project
from serving import rollout
from serving.models import Prediction
from tests.demo_story import DAY, HOUR, NOW, install_small_data, make_story, tell
from tests.factories import make_version

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install_small_data(monkeypatch)


def asked(project: Project) -> list[str]:
    rows = Prediction.objects.filter(project=project).order_by("at")
    return [row.reference for row in rows]


def test_the_past_is_asked_at_its_own_moments_and_truth_is_known_as_it_was() -> None:
    project = tell(make_story())

    rows = list(Prediction.objects.filter(project=project).order_by("at"))
    assert len(rows) == 4 * 24
    assert [row.at for row in rows] == [
        NOW - 4 * DAY + number * HOUR for number in range(1, 97)
    ]
    assert all(row.received_at - row.at < HOUR for row in rows)
    heard = GroundTruth.objects.filter(project=project)
    assert all(truth.observed_at <= NOW for truth in heard)
    assert heard.count() == Match.objects.filter(project=project).count() == 46
    assert sum(b.n for b in HourBucket.objects.filter(project=project)) == 96
    assert project.created_at == NOW - 5 * DAY


def test_a_second_start_asks_for_nothing_twice_and_uses_the_same_times() -> None:
    story = make_story()
    project = tell(story)
    before = asked(project)

    tell(story, NOW)
    assert asked(project) == before

    tell(story, NOW + 5 * HOUR)
    assert asked(project)[:96] == before
    assert len(asked(project)) == 101


def test_what_was_interrupted_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    story, ask, calls = make_story(), replay._Teller._ask, []

    def dies(self: Any, batch: Any, moment: Any) -> None:
        calls.append(moment)
        ask(self, batch, moment)
        if len(calls) == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(replay._Teller, "_ask", dies)
    with pytest.raises(KeyboardInterrupt):
        tell(story)
    monkeypatch.setattr(replay._Teller, "_ask", ask)

    project = tell(story)

    assert len(asked(project)) == len(set(asked(project))) == 96
    assert Match.objects.filter(project=project).count() == 46


def test_a_long_gap_is_filled_evenly_with_a_bounded_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "GAP", 50)
    story = make_story()
    project = tell(story)

    tell(story, NOW + 9 * DAY)

    rows = Prediction.objects.filter(project=project, at__gt=NOW)
    assert rows.count() == 50
    assert {row.at.date() for row in rows} == {
        (NOW + day * DAY).date() for day in range(10)
    }
    known = GroundTruth.objects.filter(project=project, state="waiting")
    assert not known.exists(), "truth of what was never asked"


def test_a_beat_happens_once_with_the_clock_at_its_moment() -> None:
    happened: list[datetime] = []

    def beats(telling: Telling) -> list[Beat]:
        at = telling.began - 2 * DAY
        return [Beat(name="turn", at=at, do=lambda _: happened.append(clock.now()))]

    tell(make_story(beats=beats))
    tell(make_story(beats=beats), NOW + DAY)

    assert happened == [NOW - 2 * DAY]


def test_the_feed_starts_when_the_story_is_told_and_stays_as_it_was_switched() -> None:
    project = tell(make_story())
    memory = Memory.find(project)
    assert memory is not None
    assert memory.feeding

    memory.switch(on=False)
    tell(make_story(), NOW + HOUR)

    again = Memory.find(project)
    assert again is not None
    assert not again.feeding


def test_a_candidate_set_by_hand_is_left_alone() -> None:
    """A later start fills the gap and moves nothing that people moved."""
    project = tell(make_story())
    version = make_version(project, name="by hand", state="accepted")
    row = rollout.of_project(project)
    rollout.start(
        rollout=row,
        candidate=version,
        mode="canary",
        percent=30,
        by="Ada",
        revision=row.revision,
        reason="It earned it.",
    )

    tell(make_story(), NOW + HOUR)

    assert rollout.of_project(project).candidate == version
