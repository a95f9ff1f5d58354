"""A story is told once: what was interrupted goes on, a gap is filled, truth comes when
it is known."""

import io
from datetime import datetime
from typing import Any

import pytest

from labelling.models import GroundTruth, Match
from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import acts, replay
from mlsystem.demo.bar import Bar
from mlsystem.demo.memory import Memory
from mlsystem.demo.play import play
from mlsystem.demo.story import Beat, Story, Telling
from monitoring.models import HourBucket, Note
from registry import clock
from registry.models import Project, Run, Trial
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


def interrupted_after(batches: int, story: Story, now: datetime = NOW) -> None:
    """A start that ends when so many batches were asked."""
    ask, calls = replay._Teller._ask, []

    def dies(self: Any, batch: Any, moment: Any) -> None:
        calls.append(moment)
        ask(self, batch, moment)
        if len(calls) == batches:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(replay._Teller, "_ask", dies)
        with pytest.raises(KeyboardInterrupt):
            tell(story, now)


@pytest.mark.faults
def test_what_was_interrupted_goes_on() -> None:
    story = make_story()
    interrupted_after(30, story)

    project = tell(story)

    assert len(asked(project)) == len(set(asked(project))) == 96
    assert Match.objects.filter(project=project).count() == 46


def test_truth_known_within_a_batch_is_heard_before_the_batch_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every batch is a day, every truth comes three hours after its case."""
    story, meet, calls = make_story(batch=DAY), replay._Teller.meet, []

    def dies(self: Any, batch: Any) -> None:
        meet(self, batch)
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(replay._Teller, "meet", dies)
    with pytest.raises(KeyboardInterrupt):
        tell(story)
    monkeypatch.setattr(replay._Teller, "meet", meet)

    project = tell(story)

    assert Match.objects.filter(project=project).count() == 46


def test_a_first_start_that_goes_on_days_later_asks_a_bounded_number_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "GAP", 50)
    story, ask, calls = make_story(), replay._Teller._ask, []

    def dies(self: Any, batch: Any, moment: Any) -> None:
        calls.append(moment)
        if len(calls) == 30:
            raise KeyboardInterrupt
        ask(self, batch, moment)

    monkeypatch.setattr(replay._Teller, "_ask", dies)
    with pytest.raises(KeyboardInterrupt):
        tell(story)
    monkeypatch.setattr(replay._Teller, "_ask", ask)

    project = tell(story, NOW + 9 * DAY)

    since = Prediction.objects.filter(project=project, at__gt=NOW)
    assert since.count() == 50
    assert len(asked(project)) == 96 + 50


def test_a_long_gap_is_filled_evenly_with_a_bounded_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "GAP", 50)
    monkeypatch.setattr(replay, "BEFORE", 20)
    story = make_story()
    project = tell(story)

    tell(story, NOW + 9 * DAY)

    rows = Prediction.objects.filter(project=project, at__gt=NOW)
    assert rows.count() == 50
    assert {row.at.date() for row in rows} == {
        (NOW + day * DAY).date() for day in range(10)
    }
    assert rows.latest("at").at == NOW + 9 * DAY
    note = Note.objects.get(project=project)
    assert note.at == NOW
    assert "Of the 216 requests of that time, 50 were asked" in note.text
    known = GroundTruth.objects.filter(project=project, state="waiting")
    assert not known.exists(), "truth of what was never asked"

    tell(story, NOW + 79 * DAY)

    assert rows.filter(at__gt=NOW + 9 * DAY, at__lte=NOW + 51 * DAY).count() == 20
    assert rows.filter(at__gt=NOW + 51 * DAY).count() == 50
    assert rows.latest("at").at == NOW + 79 * DAY


def test_a_gap_that_two_starts_fill_is_noted_once_with_what_both_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "GAP", 50)
    story = make_story()
    tell(story)
    interrupted_after(20, story, NOW + 9 * DAY)
    project = tell(story, NOW + 9 * DAY)

    note = Note.objects.get(project=project)
    asked_since = Prediction.objects.filter(project=project, at__gt=NOW).count()
    assert 50 < asked_since < 216
    assert note.at == NOW
    assert note.author is not None
    assert note.author == project.memberships.get(role="owner").user
    assert f"Of the 216 requests of that time, {asked_since} were asked" in note.text


def test_no_moment_is_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks in a row that are one would make an alert of a single odd day."""
    looks: list[datetime] = []
    judge = replay.alerts.evaluate_rules

    def looked(project: Project, *, now: datetime) -> Any:
        looks.append(now)
        return judge(project, now=now)

    monkeypatch.setattr(replay.alerts, "evaluate_rules", looked)
    tell(make_story())
    tell(make_story(), NOW + HOUR)

    assert len(looks) > 2
    assert looks == sorted(set(looks))
    assert {NOW, NOW + HOUR} <= set(looks)


def test_a_training_that_finds_nothing_is_told_in_a_line_and_tried_once_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    act = acts.train(ago=DAY, budget=3, params={"fields": ["no such field"]})
    story, said = make_story(acts=(act,)), io.StringIO()

    project = play(story, now=NOW, bar=Bar(story.stages, out=said))

    assert [run.state for run in project.runs.all()] == ["failed", "failed"]
    lines = [line for line in said.getvalue().splitlines() if "no such field" in line]
    assert len(lines) == 2
    assert "once more, with 12 s" in lines[0]
    assert not any(record.exc_info for record in caplog.records)


def test_a_run_that_had_time_for_a_mere_guess_alone_is_not_the_storys() -> None:
    project = tell(make_story())
    for number, families in enumerate((["dummy"], ["dummy", "linear"]), start=1):
        run = Run.objects.create(
            project=project, number=number, state="succeeded", budget_seconds=1,
            trigger="demo: first",
        )  # fmt: skip
        for n, family in enumerate(families):
            done = {"state": "finished", "score": 0.5}
            Trial.objects.create(run=run, number=n, family=family, **done)

    found = acts.run_named(project, "first", over=True)

    assert found is not None
    assert found.number == 2


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
