"""Alerts: two looks to open, two to close, one at a time, and words that say why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from monitoring.models import Alert, AlertRule
from monitoring.monitor import alerts
from monitoring.monitor.alerts import Finding
from registry import audit
from registry.actors import Actor
from registry.errors import Conflict
from registry.models import AuditEntry
from tests.calls import Rest
from tests.factories import make_bare_version, make_key, make_project, make_user

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


def test_over_rest_an_alert_is_a_number_with_its_coverage(rule: AlertRule) -> None:
    look(rule, replace(BAD, low=8.0, high=10.0, coverage=0.4))
    rest = Rest(rule.project, make_key(rule.project, "read"))
    (found,) = rest.get("alerts").json()["results"]
    number = {name: found[name] for name in ("value", "low", "high", "n", "coverage")}
    assert number == {"value": 9.0, "low": 8.0, "high": 10.0, "n": 200, "coverage": 0.4}


def test_no_data_neither_opens_nor_closes(rule: AlertRule) -> None:
    assert look(rule, NOTHING, BAD, BAD, NOTHING, NOTHING) == [
        "",
        "pending",
        "firing",
        "firing",
        "firing",
    ]


@pytest.mark.parametrize("act", ["acknowledge", "mute", "change_rule"])
def test_nothing_is_done_to_an_alert_that_no_audit_entry_tells_of(
    rule: AlertRule, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(rule, BAD, BAD)
    alert, by = Alert.objects.get(), Actor(user=make_user("Owen"), role="owner")
    given: dict[str, Any] = {"by": by}
    if act == "change_rule":
        given |= {"rule": rule, "enabled": False, "limit": None}
        given |= {"window_hours": 5, "pending_evaluations": 3}
    else:
        given |= {"alert": alert, "now": NOW}
    if act == "mute":
        given["until"] = NOW + timedelta(days=1)

    def full(**entry: Any) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(audit, "record", full)
    with pytest.raises(DatabaseError):
        getattr(alerts, act)(**given)
    assert Alert.objects.get().state == "firing"
    assert AlertRule.objects.get().enabled is True


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


def test_who_acts_while_a_look_is_taken_is_not_overruled(
    rule: AlertRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(rule, BAD, BAD)
    by = Actor(user=make_user("Owen"), role="owner")
    described = alerts._describe

    def meanwhile(deed: Any, **given: Any) -> None:
        """Between what a look reads and what it writes."""

        def once(*arguments: Any, **more: Any) -> None:
            monkeypatch.setattr(alerts, "_describe", described)
            deed(alert=Alert.objects.get(), by=by, now=NOW, **given)
            described(*arguments, **more)

        monkeypatch.setattr(alerts, "_describe", once)

    meanwhile(alerts.acknowledge)
    assert look(rule, BAD, start=2) == ["acknowledged"]
    alert = Alert.objects.get()
    assert alert.acknowledged_by == by.user
    assert alert.updated_at == NOW + timedelta(minutes=20)  # and the look counts

    meanwhile(alerts.mute, until=NOW + timedelta(hours=9))
    assert look(rule, GOOD, start=3) == ["muted"]

    stale = Alert.objects.get()
    Alert.objects.update(state="resolved")
    with pytest.raises(Conflict, match="over"):
        alerts.mute(alert=stale, until=NOW, by=by, now=NOW)
    stale.state = "firing"
    with pytest.raises(Conflict, match="resolved, not firing"):
        alerts.acknowledge(alert=stale, by=by, now=NOW)


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


@pytest.mark.parametrize("looks", [1, 2])
def test_a_muted_alert_is_heard_again_as_what_it_was(
    rule: AlertRule, looks: int
) -> None:
    before = look(rule, *[BAD] * looks)[-1]
    by = Actor(user=make_user("Owen"), role="owner")
    alerts.mute(
        alert=Alert.objects.get(), until=NOW + timedelta(days=1), by=by, now=NOW
    )
    alert = alerts.unmute(alert=Alert.objects.get(), by=by, now=NOW)

    assert (alert.state, alert.muted_until) == (before, None)
    assert look(rule, BAD, start=looks) == ["firing"]
    with pytest.raises(Conflict, match="firing, not muted"):
        alerts.unmute(alert=alert, by=by, now=NOW)
    entries = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(entries) == ["alert.mute", "alert.unmute"]


def test_who_looks_after_a_muted_alert_still_does_when_it_is_heard_again(
    rule: AlertRule,
) -> None:
    look(rule, BAD, BAD)
    by = Actor(user=make_user("Owen"), role="owner")
    alerts.acknowledge(alert=Alert.objects.get(), by=by, now=NOW)
    until = NOW + timedelta(days=1)
    alerts.mute(alert=Alert.objects.get(), until=until, by=by, now=NOW)

    assert alerts.unmute(alert=Alert.objects.get(), by=by, now=NOW).state == (
        "acknowledged"
    )


def test_over_rest_no_hours_end_the_quiet(rule: AlertRule) -> None:
    look(rule, BAD, BAD)
    rest = Rest(rule.project, make_key(rule.project, "manage"))
    path = f"alerts/{Alert.objects.get().pk}/mute"

    assert rest.post(path, {"hours": 5}).json()["state"] == "muted"
    heard = rest.post(path, {"hours": 0})

    assert heard.status_code == 200
    assert heard.json()["state"] == "firing"
    assert heard.json()["muted_until"] is None
    assert rest.post(path, {"hours": 0}).status_code == 409
    assert rest.post(path, {"hours": -1}).status_code == 400
