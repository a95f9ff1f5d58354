"""Alerts: two looks to open, two to close, one at a time, and words that say why."""

from datetime import UTC, datetime, timedelta

import pytest

from monitoring.models import Alert, AlertRule
from monitoring.monitor import alerts
from monitoring.monitor.alerts import Finding
from registry.actors import Actor
from registry.errors import Conflict
from tests.factories import make_bare_version, make_project, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BAD = Finding(bad=True, message="It costs too much.", value=9.0, n=200)
GOOD = Finding(bad=False, message="All is well.", value=2.0, n=200)
NOTHING = Finding(bad=None, message="No truth yet.")


@pytest.fixture
def rule() -> AlertRule:
    project = make_project()
    return AlertRule.objects.create(project=project, kind="performance")


def look(rule: AlertRule, *findings: Finding, start: int = 0) -> list[str]:
    """The state after each look, ten minutes apart; "" where there is no open alert."""
    version = make_bare_version(rule.project)
    states = []
    for i, finding in enumerate(findings, start):
        now = NOW + timedelta(minutes=10 * i)
        alerts.step(rule, version, finding, now=now)
        found = rule.alerts.exclude(state="resolved").first()
        states.append(found.state if found else "")
    return states


def test_one_bad_look_fires_nothing(rule: AlertRule) -> None:
    assert look(rule, BAD, GOOD, BAD, GOOD) == ["pending", "", "pending", ""]
    assert not Alert.objects.filter(fired_at__isnull=False).exists()


def test_two_bad_looks_fire_and_two_good_ones_resolve(rule: AlertRule) -> None:
    seen = look(rule, BAD, BAD, BAD, GOOD, BAD, GOOD, GOOD)
    assert seen == ["pending", *["firing"] * 5, ""]
    alert = Alert.objects.get()
    assert alert.state == "resolved"
    assert alert.fired_at == NOW + timedelta(minutes=10)


def test_no_data_neither_opens_nor_closes(rule: AlertRule) -> None:
    assert look(rule, NOTHING, BAD, BAD, NOTHING, NOTHING) == [
        "",
        "pending",
        "firing",
        "firing",
        "firing",
    ]


def test_somebody_looks_after_it_and_it_still_resolves_by_itself(
    rule: AlertRule,
) -> None:
    look(rule, BAD, BAD)
    owen = make_user("Owen", project=rule.project, role="owner")
    by = Actor(user=owen, role="owner")
    alerts.acknowledge(alert=Alert.objects.get(), by=by, now=NOW)
    assert look(rule, BAD, GOOD, GOOD, start=2) == ["acknowledged", "acknowledged", ""]
    with pytest.raises(Conflict, match="not firing"):
        alerts.acknowledge(alert=Alert.objects.get(), by=by, now=NOW)


def test_a_muted_alert_is_quiet_until_its_time_is_over(rule: AlertRule) -> None:
    look(rule, BAD, BAD)
    by = Actor(user=make_user("Owen"), role="owner")
    until = NOW + timedelta(minutes=45)
    alerts.mute(alert=Alert.objects.get(), until=until, by=by, now=NOW)
    assert look(rule, BAD, BAD, BAD, BAD, start=2) == [
        "muted",
        "muted",
        "muted",
        "firing",
    ]
