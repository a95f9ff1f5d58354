"""Component 4, Monitor: alerts that mean something, and speak once a transition.

A rule is judged on a window's confidence bound, not on its value: an hour of bad luck
fires nothing. Two evaluations in a row open an alert, two close it.
"""

import math
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from monitoring.models import Alert, AlertRule
from monitoring.monitor.finding import Finding
from monitoring.monitor.findings import KINDS
from registry import audit
from registry.actors import Actor
from registry.errors import Conflict, FieldError, InvalidInput
from registry.models import ModelVersion, Project
from serving.models import Rollout

MOST_HOURS = 24 * 90  # hours are kept as long
MOST_LOOKS = 100
TRIES = 5
FOUND = (
    "message", "value", "low", "high", "n", "coverage", "limit", "detail", "updated_at", "state",
    "evaluations", "fired_at", "resolved_at", "muted_until",
)  # fmt: skip
OPEN = (Alert.State.PENDING, Alert.State.FIRING, Alert.State.ACKNOWLEDGED)


def ensure_rules(project: Project) -> None:
    """Every project is watched from its first model on; owners change or stop rules."""
    for kind in KINDS:
        AlertRule.objects.get_or_create(project=project, kind=kind, metric="")


def evaluate_rules(project: Project, *, now: datetime) -> list[Alert]:
    """Look at every rule once; returns the alerts that changed their state."""
    rollout = Rollout.objects.select_related("live__project").filter(project=project)
    if not (serving := rollout.first()):
        return []
    ensure_rules(project)
    changed = []
    for rule in project.alert_rules.filter(enabled=True):
        finding = KINDS[rule.kind](rule, serving.live, now)
        if alert := step(rule, serving.live, finding, now=now):
            changed.append(alert)
    return changed


def step(
    rule: AlertRule, version: ModelVersion, finding: Finding, *, now: datetime
) -> Alert | None:
    """Move the rule's alert by one evaluation; the alert if its state changed. Whoever
    acts on it meanwhile is not overruled: the look is taken anew on what they left."""
    for _ in range(TRIES):
        alert = rule.alerts.exclude(state=Alert.State.RESOLVED).first()
        if alert is None:
            return _open(rule, version, finding, now=now) if finding.bad else None
        muted = alert.state == Alert.State.MUTED
        if muted and alert.muted_until and alert.muted_until > now:
            return None
        if finding.bad is None:
            return None  # no data neither opens nor closes
        before, read = alert.state, _as_read(alert)
        _describe(alert, finding, now=now)
        if finding.bad:
            _worse(alert, rule, now=now)
        elif muted or alert.state in OPEN:
            _better(alert, rule, now=now)
        found = {name: getattr(alert, name) for name in FOUND}
        if Alert.objects.filter(pk=alert.pk, **read).update(**found):
            return alert if alert.state != before else None
    return None  # they act faster than we look: the next look is in ten minutes


def _as_read(alert: Alert) -> dict[str, Any]:
    """What a look stands on, and people and other looks change."""
    return {
        "state": alert.state,
        "evaluations": alert.evaluations,
        "muted_until": alert.muted_until,
    }


def _open(
    rule: AlertRule, version: ModelVersion, finding: Finding, *, now: datetime
) -> Alert | None:
    alert = Alert(
        rule=rule,
        project=rule.project,
        version=version,
        state=Alert.State.PENDING,
        evaluations=1,
        opened_at=now,
    )
    _describe(alert, finding, now=now)
    if rule.pending_evaluations <= 1:
        alert.state, alert.fired_at = Alert.State.FIRING, now
    try:
        with transaction.atomic():
            alert.save()
    except IntegrityError:  # another evaluation opened it just now
        return None
    return alert


def _describe(alert: Alert, finding: Finding, *, now: datetime) -> None:
    alert.message = finding.message[:500]
    alert.value, alert.low, alert.high = finding.value, finding.low, finding.high
    alert.n, alert.coverage, alert.limit = finding.n, finding.coverage, finding.limit
    alert.detail = dict(finding.detail)
    alert.updated_at = now


def _worse(alert: Alert, rule: AlertRule, *, now: datetime) -> None:
    """`evaluations` counts looks in one direction: above 0 bad, anew after a good one."""
    if alert.state == Alert.State.MUTED:
        alert.state, alert.muted_until = Alert.State.FIRING, None
    if alert.state == Alert.State.PENDING:
        alert.evaluations += 1
        if alert.evaluations >= rule.pending_evaluations:
            alert.state, alert.fired_at, alert.evaluations = Alert.State.FIRING, now, 0
    else:
        alert.evaluations = 0


def _better(alert: Alert, rule: AlertRule, *, now: datetime) -> None:
    if alert.state == Alert.State.PENDING:  # it never fired: nothing to tell
        alert.state, alert.resolved_at = Alert.State.RESOLVED, now
        return
    alert.evaluations += 1
    if alert.evaluations >= rule.pending_evaluations:
        alert.state, alert.resolved_at = Alert.State.RESOLVED, now


@transaction.atomic
def acknowledge(*, alert: Alert, by: Actor, now: datetime) -> Alert:
    """Only the one who finds it firing looks after it."""
    taken = Alert.objects.filter(pk=alert.pk, state=Alert.State.FIRING).update(
        state=Alert.State.ACKNOWLEDGED, acknowledged_by=by.user, updated_at=now
    )
    alert.refresh_from_db()
    if not taken:
        raise Conflict(f"The alert is {alert.get_state_display().lower()}, not firing.")
    audit.record(
        project=alert.project, actor=by, action="alert.acknowledge", target=str(alert)
    )
    return alert


@transaction.atomic
def mute(*, alert: Alert, until: datetime, by: Actor, now: datetime) -> Alert:
    """Quiet until then, whatever looks find; one that is over stays so."""
    unresolved = Alert.objects.filter(pk=alert.pk).exclude(state=Alert.State.RESOLVED)
    taken = unresolved.update(
        state=Alert.State.MUTED, muted_until=until, updated_at=now
    )
    alert.refresh_from_db()
    if not taken:
        raise Conflict("The alert is over.")
    audit.record(
        project=alert.project,
        actor=by,
        action="alert.mute",
        target=str(alert),
        detail={"until": until.isoformat()},
    )
    return alert


@transaction.atomic
def unmute(*, alert: Alert, by: Actor, now: datetime) -> Alert:
    """Heard again, as what it was when it became quiet."""
    before = Alert.State.FIRING if alert.fired_at else Alert.State.PENDING
    if alert.acknowledged_by_id:
        before = Alert.State.ACKNOWLEDGED
    taken = Alert.objects.filter(pk=alert.pk, state=Alert.State.MUTED).update(
        state=before, muted_until=None, updated_at=now
    )
    alert.refresh_from_db()
    if not taken:
        raise Conflict(f"The alert is {alert.get_state_display().lower()}, not muted.")
    audit.record(
        project=alert.project, actor=by, action="alert.unmute", target=str(alert)
    )
    return alert


def change_rule(
    *,
    rule: AlertRule,
    enabled: bool,
    limit: float | None,
    window_hours: int,
    pending_evaluations: int,
    by: Actor,
) -> AlertRule:
    """Where the owner wants to know; without a limit, the one that the product finds."""
    wrong = []
    if limit is not None and not math.isfinite(limit):
        wrong.append(FieldError("limit", "Write a number, or nothing."))
    if not 1 <= window_hours <= MOST_HOURS:
        wrong.append(FieldError("window_hours", f"Write 1 to {MOST_HOURS} hours."))
    if not 1 <= pending_evaluations <= MOST_LOOKS:
        wrong.append(FieldError("pending_evaluations", f"Write 1 to {MOST_LOOKS}."))
    if wrong:
        raise InvalidInput("The rule stays as it was.", errors=wrong)
    rule.enabled, rule.limit, rule.window_hours = enabled, limit, window_hours
    rule.pending_evaluations = pending_evaluations
    changed = ["enabled", "limit", "window_hours", "pending_evaluations"]
    with transaction.atomic():
        rule.save(update_fields=changed)
        audit.record(
            project=rule.project,
            actor=by,
            action="alert.rule",
            target=str(rule),
            detail={"enabled": enabled, "limit": limit, "window_hours": window_hours},
        )
    return rule
