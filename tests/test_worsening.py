"""A performance alert means worse than tested, and worse than this model's days usually
are: one stormy day wakes nobody, a model that broke does so within hours."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import special

from monitoring.models import Alert, AlertRule, DayBucket, Evaluation, HourBucket
from monitoring.monitor import alerts
from monitoring.monitor.days import merge_days
from monitoring.monitor.finding import Finding
from monitoring.monitor.outcomes import Outcomes, fold_outcomes
from monitoring.monitor.usual import BACK, SURE, usual_days
from monitoring.monitor.worsening import performance
from registry.catalogue import METRICS
from registry.models import ModelVersion
from registry.written import number
from serving import rollout
from tests.factories import make_bare_version, make_project
from tests.scored import binary, regression

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAY, ROWS = timedelta(days=1), 60
TESTED = {"value": 10.0, "low": 9.0, "high": 11.0}
# The mean error of three weeks of days, of which a few are bad for any model.
DAYS = [9, 10, 12, 9, 16, 10, 8, 11, 9, 10, 17, 13, 9, 8, 10, 12, 9, 10, 15, 9, 11]


@pytest.fixture
def version(db: None) -> ModelVersion:
    project = make_project(
        task="regression", primary_metric="mae", target="late", silence="unknown"
    )
    version = make_bare_version(project)
    ModelVersion.objects.filter(pk=version.pk).update(created_at=FIRST - DAY)
    report = {"metrics": {"mae": TESTED}}
    given: dict[str, Any] = {"project": project, "version": version, "n": 900}
    Evaluation.objects.create(**given, kind="test", report=report)
    return version


def live_through(version: ModelVersion, days: Sequence[float], start: int = 0) -> None:
    """Each number is the mean error of a day's truths, spread over its hours."""
    rng = np.random.default_rng(start)
    for place, mean in enumerate(days, start):
        errors = rng.exponential(1.0, (4, ROWS // 4))
        errors *= mean / errors.mean()
        for part, some in enumerate(errors):
            scored = regression(truth=np.zeros(len(some)), predicted=some)
            HourBucket.objects.create(
                project=version.project, version=version, role="live", n=len(some),
                truths=len(some), outcomes=fold_outcomes(scored).pack(),
                hour=FIRST + place * DAY + timedelta(hours=6 * part),
            )  # fmt: skip
    while merge_days(version.project):
        continue


def churning(metric: str, report: dict[str, Any]) -> ModelVersion:
    project = make_project("churning", primary_metric=metric, silence="unknown")
    version = make_bare_version(project)
    given: dict[str, Any] = {"project": project, "version": version, "n": 900}
    Evaluation.objects.create(**given, kind="test", report={"metrics": report})
    return version


def tell_days(version: ModelVersion, days: Sequence[float], rows: int = 400) -> None:
    """Each number is how often a positive is scored above a negative on a day."""
    rng = np.random.default_rng(0)
    for place, auc in enumerate(days):
        positive = rng.permutation(np.arange(rows) % 2 == 0)
        apart = np.sqrt(2) * special.ndtri(auc)
        scores = special.expit(rng.normal(0, 1, rows) + apart * (positive - 0.5))
        outcomes = fold_outcomes(binary(scores, positive)).pack()
        HourBucket.objects.create(
            project=version.project, version=version, role="live", n=rows,
            truths=rows, outcomes=outcomes, hour=FIRST + place * DAY,
        )  # fmt: skip
    while merge_days(version.project):
        continue


def look(version: ModelVersion, day: int, **rule: Any) -> Finding:
    """At the end of that day, counted from 0."""
    found, _ = AlertRule.objects.update_or_create(
        project=version.project, kind="performance", metric="", defaults=rule
    )
    return performance(found, version, FIRST + (day + 1) * DAY)


def test_a_day_is_bad_only_beyond_what_days_are(version: ModelVersion) -> None:
    live_through(version, [*DAYS, 18])
    stormy = look(version, len(DAYS))
    assert stormy.low is not None
    assert stormy.low > TESTED["high"]  # surely worse than tested, as rows go
    assert stormy.bad is False
    live_through(version, [60], start=len(DAYS) + 1)
    broken = look(version, len(DAYS) + 1)
    assert broken.bad is True
    assert broken.limit is not None
    assert max(DAYS) < broken.limit < 40
    assert broken.message.startswith("Mean absolute error 60 (")
    assert "over 24 hours. Its first 21 days lay around 10.6; going" in broken.message
    assert f"one day in a thousand is above {number(broken.limit)}" in broken.message
    assert "The sealed test gave at most 11." in broken.message


def test_a_broken_model_is_found_within_its_first_hours(version: ModelVersion) -> None:
    live_through(version, [*DAYS, 90])
    rule = AlertRule.objects.create(project=version.project, kind="performance")
    noon = FIRST + len(DAYS) * DAY + timedelta(hours=12)
    assert performance(rule, version, noon).bad is True


def test_less_is_found_when_it_lasts(version: ModelVersion) -> None:
    live_through(version, [*DAYS, *[18] * 7])
    assert look(version, len(DAYS)).bad is False
    week = look(version, len(DAYS) + 6)
    assert week.bad is True
    assert "over 7 days" in week.message
    assert week.detail["hours"] == 7 * 24


def test_a_slow_decline_never_becomes_usual(version: ModelVersion) -> None:
    worse = [10 * 1.03**day for day in range(60)]
    live_through(version, [*DAYS, *worse])
    assert any(look(version, day).bad for day in range(50, 80, 3))
    assert look(version, 80).bad is True


def test_while_few_days_are_known_the_sealed_test_is_the_measure(
    version: ModelVersion,
) -> None:
    live_through(version, [18, 9, 18])
    first = look(version, 0)
    assert first.bad is True
    assert first.limit == TESTED["high"]
    assert "Too few days are known" in first.message
    assert look(version, 1).bad is False


def test_the_owners_own_limit_is_taken_as_it_is(version: ModelVersion) -> None:
    live_through(version, [*DAYS, 18])
    found = look(version, len(DAYS), limit=12.0)
    assert found.bad is True
    assert found.message.endswith("The limit is 12.")


def test_an_alert_stays_until_days_are_again_as_most_are(version: ModelVersion) -> None:
    """Its own bad days never count as usual, and it opens and closes once."""
    live_through(version, [*DAYS, *[45] * 20, 17, 12, 9, 9, 9, 9, 9, 9, 9])
    rule = AlertRule.objects.create(project=version.project, kind="performance")
    states = []
    for hour in range(24 * len(DAYS), 24 * (len(DAYS) + 29), 6):
        now = FIRST + timedelta(hours=hour)
        alerts.step(rule, version, performance(rule, version, now), now=now)
        states.append(list(rule.alerts.values_list("state", flat=True)))
    assert states[6] == ["firing"]
    assert states[4 * 20] == ["firing"]
    assert states[-1] == ["resolved"]
    alert = Alert.objects.get(rule=rule)
    assert alert.resolved_at is not None
    assert alert.resolved_at > FIRST + (len(DAYS) + 21) * DAY


UNEVEN = [0.83, 0.73, 0.79, 0.8, 0.72, 0.84, 0.76]  # days of a ROC AUC around .78


@pytest.mark.django_db
def test_a_model_that_turns_into_a_coin_is_found_when_a_week_is_known() -> None:
    """Seven days say little of how much they differ, but never that a coin is usual."""
    version = churning("roc_auc", {"roc_auc": {"value": 0.78, "low": 0.75}})
    tell_days(version, [*UNEVEN, *[0.5] * 5])
    assert look(version, 6).bad is False
    found = look(version, 9)
    assert found.bad is True
    assert found.limit is not None
    assert 0.5 < found.limit < 0.75
    assert "0.5 takes no skill, so the limit is" in found.message


@pytest.mark.django_db
def test_where_chance_depends_on_the_rows_the_baseline_is_no_skill() -> None:
    tested = {"value": 0.71, "low": 0.68}
    version = churning("accuracy", {"accuracy": tested})
    baseline = make_bare_version(version.project, 2)
    report = {"metrics": {"accuracy": {"value": 0.5}}}
    given: dict[str, Any] = {"project": version.project, "version": baseline, "n": 900}
    Evaluation.objects.create(**given, kind="test", report=report)
    tell_days(version, [*UNEVEN, *[0.5] * 5])
    alone = look(version, 11).limit
    rollout.open_with_baseline(project=version.project, version=baseline)
    beside = look(version, 11)
    assert alone is not None
    assert beside.limit is not None
    assert alone < beside.limit < 0.68
    assert beside.bad is True


@pytest.mark.django_db
def test_an_uneven_but_sound_model_wakes_nobody_in_its_second_week() -> None:
    version = churning("roc_auc", {"roc_auc": {"value": 0.78, "low": 0.75}})
    tell_days(version, [*UNEVEN, 0.7, 0.81, 0.68, 0.83, 0.72, 0.79, 0.7])
    assert not any(look(version, day).bad for day in range(6, 14))


@pytest.mark.django_db
def test_days_that_say_nothing_are_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked at every few minutes, for years: days of one class have no ROC AUC."""
    version = churning("roc_auc", {"roc_auc": {"value": 0.78, "low": 0.75}})
    scored = binary(np.full(40, 0.5), np.zeros(40))
    days = [
        DayBucket(
            project=version.project, version=version, role="live", n=40, truths=40,
            outcomes=fold_outcomes(scored).pack(), day=(FIRST + day * DAY).date(),
        )
        for day in range(300)
    ]  # fmt: skip
    DayBucket.objects.bulk_create(days)
    read, unpack = [], Outcomes.unpack

    def counted(blob: bytes) -> Outcomes:
        read.append(blob)
        return unpack(blob)

    monkeypatch.setattr(Outcomes, "unpack", counted)
    look(version, 299)
    assert len(read) < 100


@pytest.mark.django_db
def test_days_of_a_few_truths_do_not_crowd_out_those_that_tell() -> None:
    version = churning("roc_auc", {"roc_auc": {"value": 0.78, "low": 0.75}})
    outcomes = fold_outcomes(binary([0.5] * 5, [0, 1, 0, 1, 0])).pack()
    DayBucket.objects.bulk_create(
        DayBucket(
            project=version.project, version=version, role="live", n=5, truths=5,
            outcomes=outcomes, day=(FIRST - day * DAY).date(),
        )
        for day in range(1, 90)
    )  # fmt: skip
    tell_days(version, [*UNEVEN, 0.7])
    assert "Its first 7 days" in look(version, 7).message


@pytest.mark.parametrize("key", ["mae", "accuracy", "bias"])
def test_without_a_change_hardly_a_day_in_a_thousand_passes(key: str) -> None:
    """Days that differ as they do; whichever way is worse."""
    rng = np.random.default_rng(0)
    metric, passed, looked = METRICS[key], 0, 0
    for _ in range(100):
        days = rng.normal(0.7, 0.05, 58) + rng.normal(0, 0.01, 58)
        known = [
            {"value": v, "low": v - 0.02, "high": v + 0.02, "n": 400} for v in days[:28]
        ]
        usual = usual_days(known, metric)
        assert usual is not None
        strict, back = (usual.limit(level=level) for level in (SURE, BACK))
        assert metric.gain(back, strict) > 0
        passed += sum(metric.gain(day, strict) < 0 for day in days[28:])
        looked += 30
        assert metric.gain(usual.limit(level=SURE, lasting=7 * DAY), strict) > 0
    assert passed <= 0.003 * looked


def test_no_limit_of_a_share_lies_below_nought_though_a_day_is_perfect() -> None:
    days = [
        {"value": v, "low": v - 0.1, "high": min(v + 0.1, 1.0), "n": 50}
        for v in (1.0, 0.4, 0.9, 0.6, 0.95, 0.5, 0.8)
    ]
    usual = usual_days(days, METRICS["recall"])
    assert usual is not None
    assert 0 < usual.limit(level=SURE) < 0.4


def test_of_fewer_days_than_a_week_nothing_is_usual() -> None:
    week = [{"value": 1.0 + n, "low": 0.5, "high": 2.0} for n in range(7)]
    assert usual_days(week[:6], METRICS["mae"]) is None
    assert usual_days([*week[:6], {"value": None, "low": None}], METRICS["mae"]) is None
    assert usual_days(week, METRICS["mae"]) is not None


def test_nothing_is_said_without_truth(version: ModelVersion) -> None:
    assert look(version, 3).bad is None
