"""The stories of bird strikes and of digits: what is met when, what becomes of it, and
two people who label with their own mistakes."""

import io
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType

import pytest

from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example, GroundTruth, Match
from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import birdstrikes, churn, digits, people
from mlsystem.demo.bar import Bar, Silent
from mlsystem.demo.labels import labelled
from mlsystem.demo.memory import Memory
from mlsystem.demo.play import play
from mlsystem.demo.story import Telling
from mlsystem.examples import birdstrikes as strikes
from mlsystem.examples.digits import part_of
from mlsystem.orchestrator import triggers
from monitoring.models import Alert, DayBucket, HourBucket
from registry import clock, definition_sync
from registry.models import Project

DAY = timedelta(days=1)
BOTH = pytest.mark.parametrize("module", [birdstrikes, digits])


@BOTH
def test_cases_are_the_same_at_every_start_and_nobody_comes_twice(
    module: ModuleType,
) -> None:
    began = clock.now()
    start, end = began - module.STORY.ahead, began + DAY
    cases = list(module.cases(began, start, end))
    again = [*module.cases(began, start, began), *module.cases(began, began, end)]
    assert cases == again
    assert len({case.name for case in cases}) == len(cases)
    assert [case.at for case in cases] == sorted(case.at for case in cases)


@pytest.mark.parametrize("module", [birdstrikes, churn, digits])
def test_only_who_was_met_before_gets_another_name(module: ModuleType) -> None:
    began = clock.now()
    names: set[str] = set()
    for case in module.cases(began, began - module.STORY.ahead, began + 14 * DAY):
        name, _, again = case.name.partition("-")
        assert not again or {name, f"{name}-{int(again) - 1}"} & names, case.name
        names.add(case.name)


@BOTH
def test_truth_comes_later_and_for_some_never(module: ModuleType) -> None:
    began = clock.now()
    cases = list(module.cases(began, began - module.STORY.ahead, began))
    told = [case for case in cases if case.truth]
    assert 0.5 < len(told) / len(cases) < 1
    for case in told:
        assert case.known_at
        assert timedelta() < case.known_at - case.at <= module.STORY.late


def test_both_stories_together_ask_few_enough() -> None:
    began = clock.now()
    asked = [
        len(list(module.cases(began, began - module.STORY.ahead, began)))
        for module in (birdstrikes, digits)
    ]
    assert asked[0] > 1500
    assert asked[1] > 800
    assert sum(asked) < 12_000


def test_production_sends_no_effect_and_no_report_that_was_learnt() -> None:
    began = clock.now()
    for case in birdstrikes.cases(began, began - birdstrikes.AHEAD, began):
        assert not birdstrikes.NOT_SENT & set(case.request["input"])
    learnt = {
        row["report"]
        for row in strikes.reports()
        if strikes.reported_at(row) < strikes.POOL_UNTIL
    }
    told = {row["report"] for _, row in birdstrikes._production()}
    assert not learnt & told


def test_scans_that_wait_for_people_are_no_others() -> None:
    waiting = {item["key"] for item in digits.waiting()}
    assert {part_of(scan) for scan in waiting} == {"pool"}


@pytest.mark.django_db
def test_two_people_label_through_the_queue_with_some_disagreement() -> None:
    project, _ = definition_sync.install(slug="digits")
    now = clock.now()
    memory = Memory.begin(project, began=now, first=now, source="", invented="")
    telling = Telling(
        story=digits.STORY,
        project=project,
        now=now,
        memory=memory,
        people=people.cast(project),
        bar=Silent({}),
    )
    # So many that a run without one comes once in 10^8: who meets which scan is drawn.
    session = replace(digits.READERS, mistakes=0.15)
    act = labelled(session, weight=1.0)
    act.do(telling)
    answers = Annotation.objects.filter(example__project=project)
    assert answers.count() == session.answers
    assert {a.user.get_username() for a in answers} == {"erin", "omar"}
    assert {a.reason for a in answers} >= {"random", "cold start", "least sure"}
    said = GroundTruth.objects.filter(project=project, source="expert")
    right = [session.truth(truth.key) == truth.value for truth in said]
    assert 0.6 < sum(right) / len(right) < 1
    assert Example.objects.filter(project=project, state="open").count() > 300
    assert Example.objects.filter(project=project, overlap=2, state="labelled").exists()
    act.do(telling)  # an interrupted demo goes on, and does nothing twice
    assert answers.count() == session.answers

    beats = {beat.name: beat for beat in digits.STORY.beats(telling)}
    beats["autopilot"].do(telling)  # from here on labels start runs
    assert triggers.answer_labels(now) == 1


@pytest.mark.django_db
def test_reports_without_words_can_be_called_unclear() -> None:
    project, _ = definition_sync.install(slug="birdstrikes")
    items = list(birdstrikes.waiting())
    assert len(items) == 2228
    assert not any("effect" in item["payload"] for item in items)
    taken = import_examples(
        project=project, items=enumerate(items[:50]), now=clock.now()
    )
    assert taken.failed == 0
    assert birdstrikes.EXPERTS.unsure({"remarks": None}) == 0.5


def tell(module: ModuleType, now: datetime) -> Project:
    bar = Bar(module.STORY.stages, out=io.StringIO())
    return play(module.STORY, now=now, bar=bar)


def fired(project: Project) -> list[Alert]:
    found = Alert.objects.filter(project=project, fired_at__isnull=False)
    return list(found.select_related("rule"))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@BOTH
def test_the_story_stands_and_nine_days_later_nothing_is_stale(
    module: ModuleType,
) -> None:
    now = clock.now()
    project = tell(module, now)
    assert project.rollout.live.kind == "trained"
    before = fired(project)
    # Other airlines report now, as the note in bird strikes' charts says.
    assert [alert.rule.kind for alert in before] == ["drift"] * (module is birdstrikes)

    later = now + 9 * DAY
    with clock.moved_to(later):  # not before: a training's workers know the real one
        project = tell(module, later)

    assert fired(project) == before  # one notification, however long it lasts
    assert not before or "AMERICAN AIRLINES fell" in fired(project)[0].message
    whole = {(now + day * DAY).date() for day in range(1, 9)}
    asked = project.predictions.filter(at__gt=now)
    assert whole <= {row.at.date() for row in asked}
    assert later - asked.latest("at").at < timedelta(hours=1)
    folded = HourBucket.objects.filter(project=project).latest("hour")
    assert later - folded.hour < timedelta(hours=2)
    days = DayBucket.objects.filter(project=project, day__in=whole)
    assert {one.day for one in days if one.n} == whole
    known = Match.objects.filter(project=project).latest("predicted_at")
    assert later - known.predicted_at < timedelta(days=3)
