"""The alerts page: what is new since one's last visit, where the rows are, and rules
that their owner changes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from labelling.models import GroundTruth
from monitoring.models import Alert, AlertRule, Glance, HourBucket
from monitoring.monitor.findings import KINDS
from registry.clock import now
from registry.models import AuditEntry, Project, User
from tests.factories import make_bare_version, make_project, make_user

pytestmark = pytest.mark.django_db
PAGE = "/p/churn/alerts"


@pytest.fixture
def churn() -> Project:
    project = make_project()
    make_user("Owen", project=project, role="owner")
    make_user("Vera", project=project, role="viewer")
    return project


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def page(name: str = "Owen") -> str:
    return sign_in(name).get(PAGE).content.decode()


def make_alert(project: Project, kind: str = "performance", **changes: Any) -> Alert:
    moment = changes.pop("at", now())
    rule, _ = AlertRule.objects.get_or_create(project=project, kind=kind)
    given: dict[str, Any] = {
        "state": "firing", "message": "It costs too much.", "value": 9.25, "low": 8.5,
        "high": 10.0, "n": 212, "limit": 5.0, "version": make_bare_version(project, 7),
        "opened_at": moment, "updated_at": moment, "fired_at": moment,
    }  # fmt: skip
    return Alert.objects.create(rule=rule, project=project, **(given | changes))


def test_an_alert_shows_its_numbers_and_leads_owners_to_its_rows(
    churn: Project,
) -> None:
    make_alert(churn)
    make_alert(churn, kind="failures")

    owen, vera = page(), page("Vera")

    for words in ("9.25", "8.5", "212", "I look after it", "2 need you now."):
        assert words in owen
    assert "/p/churn/predictions?from=" in owen
    assert "model=7" in owen
    assert "only=fallback" in owen
    assert "/p/churn/predictions?" not in vera
    assert "I look after it" not in vera
    assert "9.25" in vera


def test_old_alerts_are_read_page_by_page_and_open_ones_stand_on_all(
    churn: Project,
) -> None:
    long_ago = now() - timedelta(days=90)
    for _ in range(120):
        make_alert(churn, state="resolved", at=long_ago, resolved_at=long_ago)
    firing = make_alert(churn)
    owen, address, seen = sign_in("Owen"), PAGE, []
    while address:
        shown = owen.get(address)
        assert [row["alert"].pk for row in shown.context["open"]] == [firing.pk]
        seen += [row["alert"].pk for row in shown.context["over"]]
        address = shown.context["next"]
    assert len(seen) == len(set(seen)) == 120
    assert "The newest" in shown.content.decode()


def test_what_is_new_since_the_last_visit_is_marked(churn: Project) -> None:
    owen = User.objects.get(username="Owen")
    make_alert(churn, at=now() - timedelta(days=3))
    assert "since you last looked" not in page()  # the first visit

    Glance.objects.filter(user=owen).update(at=now() - timedelta(days=1))
    assert "Nothing new since you last looked" in page()

    Glance.objects.filter(user=owen).update(at=now() - timedelta(hours=1))
    make_alert(churn, kind="drift", at=now() - timedelta(minutes=5))
    assert "1 new since you last looked" in page()
    assert "1 new since you last looked" in page()  # a reload is the same visit


def rule_form(rule: AlertRule, **changes: Any) -> dict[str, Any]:
    given = {
        "do": "rule", "rule": rule.pk, "enabled": "on", "limit": "",
        "window_hours": 24, "pending_evaluations": 2,
    }  # fmt: skip
    return given | changes


def test_an_owner_changes_a_rule_and_takes_it_back(churn: Project) -> None:
    rule = AlertRule.objects.create(project=churn, kind="failures")
    owen = sign_in("Owen")
    changed = rule_form(rule, enabled="", limit="0,05", window_hours=48)

    told = owen.post(PAGE, changed, follow=True)

    rule.refresh_from_db()
    assert (rule.enabled, rule.limit, rule.window_hours) == (False, 0.05, 48)
    assert "The rule is changed." in told.content.decode()
    assert "Undo" in told.content.decode()
    assert AuditEntry.objects.filter(action="alert.rule").exists()
    owen.post(PAGE, rule_form(rule))
    rule.refresh_from_db()
    assert (rule.enabled, rule.limit) == (True, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limit": "often"}, "Write a number, or nothing."),
        ({"limit": "inf"}, "Write a number, or nothing."),
        ({"window_hours": "0"}, "Write 1 to 2160 hours."),
        ({"window_hours": "9999999999999"}, "Write 1 to 2160 hours."),
        ({"pending_evaluations": "x"}, "Write 1 to 100."),
    ],
)
def test_a_rule_that_cannot_be_stays_as_it_was(
    churn: Project, change: dict[str, str], words: str
) -> None:
    rule = AlertRule.objects.create(project=churn, kind="failures")

    told = sign_in("Owen").post(PAGE, rule_form(rule, **change), follow=True)

    assert words in told.content.decode()
    rule.refresh_from_db()
    assert (rule.limit, rule.window_hours) == (None, 24)


def test_nobody_changes_the_rule_of_another_project(churn: Project) -> None:
    other = AlertRule.objects.create(project=make_project("other"), kind="drift")

    assert sign_in("Owen").post(PAGE, rule_form(other)).status_code == 404
    assert sign_in("Vera").post(PAGE, rule_form(other)).status_code == 403
    other.refresh_from_db()
    assert other.enabled


def arrived(project: Project, moments: list[datetime]) -> None:
    for place, moment in enumerate(moments):
        GroundTruth.objects.create(
            project=project, key_kind="entity", key=f"C{place}", value="Yes",
            source="outcome", observed_at=moment, received_at=moment,
        )  # fmt: skip


def quiet(project: Project, hours: float) -> Any:
    """What the rule finds: truth came every five hours, and then for `hours` none."""
    last = now() - timedelta(hours=hours)
    arrived(project, [last - timedelta(hours=5 * i) for i in range(40, -1, -1)])
    version = make_bare_version(project)
    HourBucket.objects.create(
        project=project, version=version, role="live", hour=now(), n=3
    )
    rule = AlertRule.objects.create(project=project, kind="truth")
    return KINDS["truth"](rule, version, now())


def test_truth_that_comes_no_longer_is_missed(churn: Project) -> None:
    found = quiet(churn, 30)

    assert found.bad
    assert found.message == (
        "No truth has come for 30 hours; the longest pause before was 5 hours."
    )
    assert found.limit == 24


def test_a_pause_within_the_window_is_nothing(churn: Project) -> None:
    assert quiet(churn, 20).bad is False


def test_truth_that_always_came_in_bursts_is_waited_for(churn: Project) -> None:
    week = timedelta(days=7)
    bursts = [now() - week * back for back in (4, 3, 2, 1) for _ in range(10)]
    arrived(churn, bursts)
    version = make_bare_version(churn)
    rule = AlertRule.objects.create(project=churn, kind="truth")
    HourBucket.objects.create(
        project=churn, version=version, role="live", hour=now(), n=3
    )

    assert KINDS["truth"](rule, version, now()).bad is False


def test_too_little_truth_says_nothing(churn: Project) -> None:
    rule = AlertRule.objects.create(project=churn, kind="truth")

    assert KINDS["truth"](rule, make_bare_version(churn), now()).bad is None


def test_a_mute_can_be_taken_back_at_once_and_later(churn: Project) -> None:
    alert = make_alert(churn)
    owen = sign_in("Owen")
    assert "Hear of it again" not in page()

    told = owen.post(PAGE, {"alert": alert.pk, "do": "mute"}, follow=True)
    words = told.content.decode()

    assert "Quiet about it for a day." in words
    assert ">Undo</button>" in words
    assert "Hear of it again" in words
    assert "Hear of it again" not in page("Vera")
    heard = owen.post(PAGE, {"alert": alert.pk, "do": "unmute"}, follow=True)
    assert "Mute for a day" in heard.content.decode()
    alert.refresh_from_db()
    assert alert.state == "firing"
    late = owen.post(PAGE, {"alert": alert.pk, "do": "unmute"}, follow=True)
    assert "The alert is firing, not muted." in late.content.decode()
