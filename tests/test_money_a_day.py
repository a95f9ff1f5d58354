"""Answers and money a day, told alike on the overview and the monitor page."""

from datetime import timedelta

import numpy as np
import pytest
from django.http import QueryDict

from monitoring.owner import standing
from monitoring.watch.asked import read_asked
from monitoring.watch.money import money_chart
from registry.written import number
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_bare_version, make_project
from tests.test_standing import NOW, costs_around, put

pytestmark = pytest.mark.django_db


def test_money_a_day_is_of_the_same_days_on_the_overview_and_the_monitor() -> None:
    """Three days of traffic with a silent one in between, on both pages."""
    project = make_project("churn", silence="unknown")
    baseline, live = (make_bare_version(project, number) for number in (1, 2))
    row = rollouts.open_with_baseline(project=project, version=baseline)
    Rollout.objects.filter(pk=row.pk).update(live=live)
    for ago in (3, 1):
        day = NOW.date() - timedelta(days=ago)
        put(live, day, np.full(60, 40.0))
    rollout = standing.rollouts_of([project]).get()
    midnight = f"{NOW:%F}T00:00"
    week = f"{NOW - timedelta(days=7):%F}T00:00"
    query = QueryDict(f"from={week}&to={midnight}&bucket=day")

    told = standing.standing(rollout, now=NOW)["traffic"]["a_day"]
    chart = money_chart(read_asked(query, rollout=rollout, now=NOW))

    assert told == 120 / 3
    assert f"Version 2 costs about {number(40.0 * told)} USD a day" in chart.title


def test_money_saved_is_of_days_on_which_the_baseline_answered_too() -> None:
    """It had the hard weeks before, and was a shadow for two days of the easy ones."""
    project = make_project("churn", silence="unknown")
    baseline, live = (make_bare_version(project, number) for number in (1, 2))
    row = rollouts.open_with_baseline(project=project, version=baseline)
    Rollout.objects.filter(pk=row.pk).update(live=live)
    today = NOW.date()
    for ago in range(1, 7):
        put(live, today - timedelta(days=ago), costs_around(20, seed=ago))
        before = today - timedelta(days=ago + 7)
        put(baseline, before, costs_around(90, seed=ago))
    query = QueryDict(f"from={NOW - timedelta(days=14):%F}T00:00&bucket=day")

    def title() -> str:
        rollout = standing.rollouts_of([project]).get()
        return money_chart(read_asked(query, rollout=rollout, now=NOW)).title

    assert "than the baseline" not in title()

    for ago in (1, 2):
        shadow = costs_around(20, seed=ago + 50)
        put(baseline, today - timedelta(days=ago), shadow, role="shadow")

    told = title()
    assert told.endswith("less, by the days both answered).")
    assert " would (−" in told  # it may as well be more


def test_a_batch_on_sundays_is_a_seventh_of_it_a_day() -> None:
    project = make_project("churn", silence="unknown")
    baseline, live = (make_bare_version(project, number) for number in (1, 2))
    row = rollouts.open_with_baseline(project=project, version=baseline)
    Rollout.objects.filter(pk=row.pk).update(live=live)
    for ago in (1, 8, 15):  # today is Monday
        put(live, NOW.date() - timedelta(days=ago), np.full(70, 40.0))
    rollout = standing.rollouts_of([project]).get()
    midnight = f"{NOW:%F}T00:00"
    week = f"{NOW - timedelta(days=7):%F}T00:00"
    query = QueryDict(f"from={week}&to={midnight}&bucket=day")

    told = standing.standing(rollout, now=NOW)["traffic"]["a_day"]
    chart = money_chart(read_asked(query, rollout=rollout, now=NOW))

    assert told == 10
    assert chart.title.startswith("Version 2 costs about 400 USD a day")
