"""Churn's story as `make demo` tells it, and what is there nine days later."""

import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import acts, churn
from mlsystem.demo.bar import Bar
from mlsystem.demo.play import play
from mlsystem.examples.churn import HORIZON
from monitoring.models import Alert, Note
from registry import clock, datasets, definition_sync
from registry.models import Project

DAY = timedelta(days=1)
# A busy machine gets the time that a handful of trials take.
TRAINS = acts.train(ago=churn.CANARY, budget=600)
STORY = replace(churn.STORY, acts=(TRAINS, *churn.STORY.acts[1:]))


def test_nobody_is_met_who_was_learnt_from() -> None:
    names = {one.name for one in churn.production()}

    assert 2_000 < len(names) < 2_200
    assert not any(churn.is_learnt_from(name) for name in names)


def test_everybody_is_asked_about_in_twelve_weeks_and_leaves_within_thirty_days() -> (
    None
):
    for one in churn.production():
        assert timedelta() <= one.ago <= churn.WEEKS
        assert DAY <= one.notice <= HORIZON


def test_the_campaign_asks_mostly_about_monthly_fibre() -> None:
    lately = [one for one in churn.production() if one.ago < churn.CAMPAIGN]
    before = [one for one in churn.production() if one.ago >= churn.CAMPAIGN]

    def share(group: list[churn.Customer]) -> float:
        return sum(one.in_campaign for one in group) / len(group)

    assert share(lately) > 0.55
    assert share(before) < 0.35


def test_cases_are_the_same_at_every_start_and_nobody_comes_twice() -> None:
    began = clock.now()
    start, end = began - churn.WEEKS - 2 * DAY, began + 4 * DAY

    cases = list(churn.cases(began, start, end))

    again = [
        *churn.cases(began, start, began - DAY),
        *churn.cases(began, began - DAY, end),
    ]
    assert cases == again
    assert sum(case.at <= began for case in cases) == len(churn.production())
    assert len({case.name for case in cases}) == len(cases)
    assert [case.at for case in cases] == sorted(case.at for case in cases)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("few_trials")
def test_the_story_stands_on_the_screens_and_nine_days_later_nothing_is_stale() -> None:
    now = clock.now()
    project = tell(now)

    live = project.rollout.live
    assert (live.kind, project.rollout.baseline.kind) == ("trained", "baseline")
    [alert] = alerts(project)
    assert (alert.rule.kind, alert.state) == ("drift", "firing")
    assert "contract" in alert.message
    assert "campaign" in Note.objects.get(project=project).text
    assert project.predictions.count() == len(churn.production())

    told = project.predictions.count(), project.runs.count()
    tell(now + churn.FEED / 2)
    assert (
        project.predictions.count(),
        project.runs.count(),
    ) == told  # none of it again

    later = now + 9 * DAY
    with clock.moved_to(later):
        tell(later)
    days = {row.at.date() for row in project.predictions.filter(at__gt=now)}
    # Today as well, but for the last minutes of a day.
    assert days - {now.date()} == {now.date() + n * DAY for n in range(1, 10)}
    assert [one.pk for one in alerts(project)] == [alert.pk]


def tell(now: datetime) -> Project:
    bar = Bar(STORY.stages, out=io.StringIO())
    return play(STORY, now=now, bar=bar)


def alerts(project: Project) -> list[Alert]:
    open_ones = Alert.objects.filter(project=project).exclude(state="resolved")
    return list(open_ones.select_related("rule"))


def test_the_dataset_holds_everybody_else(db: None) -> None:
    _, dataset = definition_sync.install(slug="churn")
    learnt = set(datasets.training_frame(dataset)["customer"])
    learnt |= set(datasets.test_inputs(dataset)["customer"])

    assert learnt.isdisjoint(one.name for one in churn.production())
    assert len(learnt) + len(churn.production()) == 7043
