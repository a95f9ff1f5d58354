"""Component 4, Monitor: alerts that mean something, and speak once a transition.

A rule is judged on a window's confidence bound, not on its value: an hour of bad luck
fires nothing. Two evaluations in a row open an alert, two close it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from monitoring.evaluator.sentences import number
from monitoring.models import Alert, AlertRule, Evaluation
from monitoring.monitor.drift import PREDICTION
from monitoring.monitor.drifting import drift_report
from monitoring.monitor.series import Sum, Window, read, total
from registry import audit
from registry.actors import Actor
from registry.catalogue import METRICS
from registry.errors import Conflict
from registry.models import ModelVersion, Project
from serving.models import Rollout

FAILURE_LIMIT = 0.02  # of answers that failed or fell back
MINIMUM_N = 50
OPEN = (Alert.State.PENDING, Alert.State.FIRING, Alert.State.ACKNOWLEDGED)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look at one rule says. `bad` None: nothing to judge by."""

    bad: bool | None
    message: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    limit: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


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
    """Move the rule's alert by one evaluation; the alert if its state changed."""
    alert = rule.alerts.exclude(state=Alert.State.RESOLVED).first()
    if alert is None:
        return _open(rule, version, finding, now=now) if finding.bad else None
    if (
        alert.state == Alert.State.MUTED
        and alert.muted_until
        and alert.muted_until > now
    ):
        return None
    before = alert.state
    _describe(alert, finding, now=now)
    bad_state = alert.state in (*OPEN, Alert.State.MUTED)
    if finding.bad is None:
        return None  # no data neither opens nor closes
    if finding.bad:
        _worse(alert, rule, now=now)
    elif bad_state:
        _better(alert, rule, now=now)
    alert.save()
    return alert if alert.state != before else None


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
    alert.n, alert.limit, alert.detail = finding.n, finding.limit, dict(finding.detail)
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


def acknowledge(*, alert: Alert, by: Actor, now: datetime) -> Alert:
    if alert.state != Alert.State.FIRING:
        raise Conflict(f"The alert is {alert.get_state_display()}, not firing.")
    alert.state, alert.acknowledged_by = Alert.State.ACKNOWLEDGED, by.user
    alert.updated_at = now
    alert.save()
    audit.record(
        project=alert.project, actor=by, action="alert.acknowledge", target=str(alert)
    )
    return alert


def mute(*, alert: Alert, until: datetime, by: Actor, now: datetime) -> Alert:
    if alert.state == Alert.State.RESOLVED:
        raise Conflict("The alert is over.")
    alert.state, alert.muted_until, alert.updated_at = Alert.State.MUTED, until, now
    alert.save()
    audit.record(
        project=alert.project,
        actor=by,
        action="alert.mute",
        target=str(alert),
        detail={"until": until.isoformat()},
    )
    return alert


def _performance(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    """The window of predictions whose truth can be in: it ends a horizon ago where
    silence is an answer."""
    project = version.project
    end = now
    if project.silence == Project.Silence.NEGATIVE and project.horizon:
        end = now - project.horizon
    found = _wide(version, rule, end=end, now=now)
    answer = read(found, project.primary_metric)
    limit = rule.limit if rule.limit is not None else _tested_bound(version)
    if answer["value"] is None or limit is None or answer["low"] is None:
        return Finding(bad=None, message="No truth to judge by yet.", n=found.truths)
    metric = METRICS[project.primary_metric]
    best = answer["high"] if metric.larger_is_better else answer["low"]
    text = (
        f"{metric.label} {number(answer['value'])} "
        f"({number(answer['low'])} to {number(answer['high'])}, n = {answer['n']}); "
        f"the limit is {number(limit)}."
    )
    return Finding(
        bad=metric.gain(best, limit) < 0,
        message=text,
        value=answer["value"],
        low=answer["low"],
        high=answer["high"],
        n=answer["n"],
        limit=limit,
        detail={"metric": metric.key, "until": end.isoformat()},
    )


def _wide(
    version: ModelVersion, rule: AlertRule, *, end: datetime, now: datetime
) -> Sum:
    """The rule's window, widened up to 28 days until there is enough truth."""
    found = Sum()
    for hours in (rule.window_hours, 72, 24 * 7, 24 * 28):
        window = Window(start=end - timedelta(hours=hours), end=end)
        found = total(version, window, now=now)
        if found.outcomes.n >= MINIMUM_N:
            break
    return found


def _tested_bound(version: ModelVersion) -> float | None:
    """The worse end of the interval that the sealed test gave it."""
    tested = version.evaluations.filter(kind=Evaluation.Kind.TEST).first()
    if tested is None:
        return None
    key = version.project.primary_metric
    found = tested.report["metrics"].get(key, {})
    return found.get("low" if METRICS[key].larger_is_better else "high")


def _drift(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    report = drift_report(version, now=now)
    if report["state"] == "insufficient":
        return Finding(bad=None, message="Too few rows to see drift.", n=report["n"])
    drifted = [f for f in report["features"] if f["state"] == "alert"]
    text = " ".join(_moved(one) for one in drifted[:3])
    return Finding(
        bad=bool(drifted),
        message=text or "Inputs look as they did.",
        value=float(len(drifted)),
        n=report["n"],
        detail={"features": [feature["feature"] for feature in drifted]},
    )


def _moved(one: Mapping[str, Any]) -> str:
    name = "What is predicted" if one["feature"] == PREDICTION else one["feature"]
    return f"{name}: {one['sentence']}"


def _failures(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    start = now - timedelta(hours=rule.window_hours)
    roles = ("live", "fallback")
    versions = ModelVersion.objects.filter(project=version.project)
    found = Sum()
    window = Window(start=start, end=now + timedelta(hours=1), roles=roles)
    for each in versions.filter(pk__in=_served(version.project)):
        found = _merged(found, total(each, window, now=now))
    if found.n < MINIMUM_N:
        return Finding(bad=None, message="Too few answers to judge by.", n=found.n)
    answer = read(found, "fallback_rate")
    limit = rule.limit if rule.limit is not None else FAILURE_LIMIT
    text = f"{found.fallbacks} of {found.n} answers came from a fall-back."
    return Finding(
        bad=answer["low"] > limit,
        message=text,
        value=answer["value"],
        low=answer["low"],
        high=answer["high"],
        n=found.n,
        limit=limit,
    )


def _served(project: Project) -> list[int]:
    rollout = Rollout.objects.get(project=project)
    return [rollout.live_id, rollout.baseline_id]


def _merged(one: Sum, other: Sum) -> Sum:
    return Sum(
        n=one.n + other.n,
        errors=one.errors + other.errors,
        fallbacks=one.fallbacks + other.fallbacks,
    )


Look = Callable[[AlertRule, ModelVersion, datetime], Finding]
KINDS: Mapping[str, Look] = {
    "performance": _performance,
    "drift": _drift,
    "failures": _failures,
}
