"""How a project stands: from rollups alone, compared fairly, kept for lists."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.evaluator.moments import Moments
from monitoring.models import DayBucket, Standing
from monitoring.monitor.outcomes import Histograms, Outcomes
from monitoring.monitor.rollups import Piece
from monitoring.owner import standing
from monitoring.owner.days import History
from monitoring.owner.evidence import control_gain, gain_on_test, production_gain
from registry.catalogue import METRICS
from registry.models import ModelVersion, Project
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_bare_version, make_project

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
LIVE, BASELINE = 2, 1
COST = METRICS["cost"]


def outcomes(costs: Any) -> Outcomes:
    return Outcomes("binary", "Yes", len(costs), {"cost": Moments.of(costs)})


def a_day(version: int, ago: int, costs: Any, *, role: str = "live") -> Piece:
    return Piece(
        version=version,
        role=role,
        at=NOW - timedelta(days=ago),
        n=len(costs),
        errors=0,
        fallbacks=0,
        truths=len(costs),
        outcomes_blob=outcomes(costs).pack(),
        mature=True,
    )


def costs_around(mean: float, n: int = 60, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(mean, 20.0, n)


def two_versions(days: int, *, ours: float, theirs: float) -> History:
    """The baseline goes along as a shadow."""
    found = []
    for ago in range(days, 0, -1):
        costs = costs_around(theirs, seed=ago)
        found.append(a_day(BASELINE, ago, costs, role="shadow"))
        found.append(a_day(LIVE, ago, costs_around(ours, seed=ago + 999)))
    return History(found)


def test_a_cheaper_version_is_better_and_the_day_it_became_sure_is_known() -> None:
    gain = production_gain(
        two_versions(40, ours=40, theirs=48), live=LIVE, baseline=BASELINE, metric=COST
    )

    assert gain is not None
    assert gain.better
    assert gain.value == pytest.approx(8, abs=2)
    assert gain.n == 40 * 2 * 60
    assert gain.since is not None
    assert NOW.date() - timedelta(days=40) < gain.since < NOW.date()


def test_equal_versions_are_not_called_different() -> None:
    gain = production_gain(
        two_versions(40, ours=45, theirs=45), live=LIVE, baseline=BASELINE, metric=COST
    )

    assert gain is not None
    assert not gain.sure
    assert gain.since is None


def test_only_days_on_which_the_live_version_answered_too_are_compared() -> None:
    history = two_versions(10, ours=40, theirs=48)
    long_ago = [a_day(BASELINE, ago, costs_around(500)) for ago in range(80, 20, -1)]

    gain = production_gain(
        History([*long_ago, *history.days]), live=LIVE, baseline=BASELINE, metric=COST
    )

    assert gain is not None
    assert gain.value < 20


def test_a_canary_is_compared_with_the_baseline_of_its_own_days() -> None:
    """A tenth of the hard days, then all of the easy ones: the same model."""
    days = []
    for ago in range(60, 30, -1):
        costs = costs_around(60, n=500, seed=ago)
        days.append(a_day(BASELINE, ago, costs))
        few = costs_around(60, n=50, seed=ago + 99)
        days.append(a_day(LIVE, ago, few, role="canary"))
    days += [a_day(LIVE, ago, costs_around(20, n=500, seed=ago)) for ago in range(30)]

    gain = production_gain(History(days), live=LIVE, baseline=BASELINE, metric=COST)

    assert gain is not None
    assert not gain.sure
    assert gain.n == 30 * 550


def test_the_day_on_which_one_followed_the_other_says_nothing() -> None:
    """One had the morning, the other the evening."""
    days = [a_day(BASELINE, ago, costs_around(20, n=500)) for ago in range(9, 4, -1)]
    days += [a_day(LIVE, ago, costs_around(60, n=500)) for ago in range(5, 0, -1)]

    found = [
        production_gain(History(days), live=LIVE, baseline=BASELINE, metric=metric)
        for metric in (COST, METRICS["roc_auc"])
    ]

    assert found == [None, None]


def test_the_control_share_is_compared_apart() -> None:
    days = two_versions(10, ours=40, theirs=48).days
    control = [
        a_day(BASELINE, ago, costs_around(60, seed=ago), role="baseline")
        for ago in range(10, 0, -1)
    ]
    history = History(sorted([*days, *control], key=lambda each: each.day))

    gain = control_gain(history, live=LIVE, baseline=BASELINE, metric=COST)

    assert gain is not None
    assert gain.value == pytest.approx(20, abs=3)


def test_ranks_are_compared_by_their_intervals() -> None:
    from monitoring.monitor.histograms import count_scores

    def ranked(good: bool) -> bytes:
        rng = np.random.default_rng(1)
        positive = rng.beta(4, 2, 300) if good else rng.random(300)
        counts = {
            "positive": count_scores(positive),
            "negative": count_scores(rng.random(300)),
        }
        return Outcomes("binary", "Yes", 600, {}, (Histograms(counts, {}),)).pack()

    days = [
        Piece(version=v, role="live" if v == LIVE else "shadow", at=NOW, n=600, errors=0, fallbacks=0,
              truths=600, outcomes_blob=ranked(v == LIVE), mature=True)
        for v in (LIVE, BASELINE)
    ]  # fmt: skip

    gain = production_gain(
        History(days), live=LIVE, baseline=BASELINE, metric=METRICS["roc_auc"]
    )

    assert gain is not None
    assert gain.better
    assert gain.low is not None
    assert 0 < gain.low < gain.value < (gain.high or 0)


# With a database


def test_the_gates_numbers_count_only_against_todays_baseline() -> None:
    made = datetime(2026, 5, 1, tzinfo=UTC)
    numbers = {"gain": 8.1, "low": 4.3, "high": 11.4, "n": 900, "metric": "cost"}
    version = ModelVersion(
        project=Project(primary_metric="cost"),
        created_at=made,
        reasons=[{"rule": "better than baseline", "numbers": numbers}],
    )
    before = ModelVersion(created_at=made - timedelta(days=1))

    found = gain_on_test(version, before)

    assert found is not None
    assert (found.value, found.since) == (8.1, made.date())
    assert gain_on_test(version, ModelVersion(created_at=made + timedelta(1))) is None


def put(version: ModelVersion, day: date, costs: Any, *, role: str = "live") -> None:
    DayBucket.objects.create(
        project=version.project, version=version, role=role, day=day, n=len(costs),
        truths=len(costs), outcomes=outcomes(costs).pack(),
    )  # fmt: skip


def serving(slug: str) -> Rollout:
    """A project with a baseline and a promoted version that saves 8 a customer."""
    project = make_project(slug, silence="unknown")
    baseline, live = (make_bare_version(project, number) for number in (1, 2))
    row = rollouts.open_with_baseline(project=project, version=baseline)
    Rollout.objects.filter(pk=row.pk).update(live=live)
    for ago in range(1, 30):
        day = NOW.date() - timedelta(days=ago)
        put(live, day, costs_around(40, seed=ago))
        put(baseline, day, costs_around(48, n=30, seed=ago + 99), role="baseline")
    return standing.rollouts_of([project]).get()


@pytest.mark.django_db
def test_a_summary_holds_both_sides_traffic_and_money() -> None:
    found = standing.standing(serving("churn"), now=NOW)

    assert found["tone"] == "good"
    assert "USD a customer less than the baseline; sure since" in found["sentence"]
    live, baseline = found["sides"]["live"], found["sides"]["baseline"]
    assert live["value"] == pytest.approx(40, abs=2)
    assert baseline["value"] == pytest.approx(48, abs=3)
    assert live["low"] < live["value"] < live["high"]
    assert found["traffic"]["a_day"] == 90
    assert found["money"]["value"] == pytest.approx(8 * 90, rel=0.3)
    assert found["money"]["where"] == "in production"


@pytest.mark.django_db
def test_truth_that_silence_may_still_change_is_not_counted() -> None:
    rollout = serving("churn")
    Project.objects.update(silence="negative", horizon=timedelta(days=60))

    found = standing.standing(standing.rollouts_of([rollout.project]).get(), now=NOW)

    assert found["sides"]["live"]["value"] is None
    assert "needs truth" in found["sentence"]


@pytest.mark.django_db
def test_a_kept_summary_serves_lists_until_it_is_old_or_the_rollout_moves() -> None:
    rollout = serving("churn")
    standing.store(rollout.project, now=NOW)
    DayBucket.objects.all().delete()

    def sentence(**shift: Any) -> str:
        row = standing.rollouts_of([rollout.project]).get()
        kept = standing.stored([row], now=NOW + timedelta(**shift))
        return str(kept[rollout.project_id]["sentence"])

    assert "sure since" in sentence(minutes=5)
    assert "needs truth" in sentence(hours=2)
    Rollout.objects.update(revision=7)
    assert "needs truth" in sentence(minutes=5)


@pytest.mark.django_db
def test_a_version_that_waits_for_its_rollout_is_named_until_it_was_tried() -> None:
    rollout = serving("churn")
    project = rollout.project
    better = make_bare_version(project, 3)
    ModelVersion.objects.filter(pk=better.pk).update(kind="trained")

    def detail() -> str:
        row = standing.rollouts_of([project]).get()
        return str(standing.standing(row, now=NOW)["detail"])

    assert detail().endswith("Version 3 passed the gate and waits for its rollout.")
    row = rollouts.start(
        rollout=rollouts.of_project(project), candidate=better, mode="canary",
        percent=5, by="a test", revision=rollout.revision,
    )  # fmt: skip
    assert "waits for its rollout" not in detail()
    rollouts.rollback(rollout=row, by="a test", revision=row.revision)
    assert "waits for its rollout" not in detail()


@pytest.mark.django_db
def test_many_projects_are_read_in_two_queries() -> None:
    rows = [serving(f"project-{i}") for i in range(3)]

    with CaptureQueriesContext(connection) as asked:
        standing.standings(rows, now=NOW)

    assert len(asked) == 2
    assert not Standing.objects.exists()


@pytest.mark.django_db
def test_a_total_reads_whole_days_as_days_and_its_ends_by_the_hour() -> None:
    from monitoring.models import HourBucket
    from monitoring.monitor.days import merge_days
    from monitoring.monitor.series import Window, total

    version = make_bare_version(make_project(silence="unknown"))
    hours = [NOW - timedelta(hours=ago) for ago in range(100)]
    for hour in hours:
        HourBucket.objects.create(
            project=version.project, version=version, role="live", hour=hour, n=1,
            truths=1, outcomes=outcomes([5.0]).pack(),
        )  # fmt: skip
    merge_days(version.project)
    window = Window(start=NOW - timedelta(hours=90), end=NOW - timedelta(hours=3))

    found = total(version, window, now=NOW)
    HourBucket.objects.filter(hour__date=NOW.date() - timedelta(days=1)).delete()
    without = total(version, window, now=NOW)

    assert (found.n, found.outcomes.n) == (without.n, without.outcomes.n) == (87, 87)


def test_the_answers_said_to_be_missing_are_just_enough() -> None:
    from monitoring.judging.statistics import (
        Difference,
        confidence_sequence,
        still_needed,
    )

    found = Difference(2.0, 1.0, 1000)
    missing = still_needed(found)
    assert missing is not None

    def low(n: int) -> float:
        error = found.standard_error * (found.n / n) ** 0.5
        return confidence_sequence(Difference(2.0, error, n)).low

    assert low(1000 + missing) >= 0
    assert low(1000 + int(0.9 * missing)) < 0
