"""Component 4, Performance Monitor: what went wrong, who looks after it, what is watched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from monitoring.models import Alert, AlertRule, Glance
from monitoring.monitor import alerts as verbs
from monitoring.monitor.api import alert_of
from monitoring.monitor.findings import FAILURE_LIMIT, LONGER_THAN_USUAL
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.errors import DomainError, InvalidInput, NotFound
from registry.models import Project
from registry.web import undo
from registry.web.pages import project_page, whole_number

SHOWN = 100
SAME_VISIT = timedelta(minutes=30)  # looks closer together are one visit
MUTED = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a rule watches, and what its limit is."""

    title: str
    watches: str
    limit: str  # "": it has none to set
    default: str
    value: str  # what its value is


def words_of(project: Project) -> Mapping[str, Words]:
    metric = METRICS.get(project.primary_metric)
    label = metric.label if metric else project.primary_metric
    worse = "below" if metric and metric.larger_is_better else "above"
    return {
        "performance": Words(
            title="Performance",
            watches=f"{label} in production, once it is surely {worse} the limit.",
            limit=label,
            default="the worse end of what the sealed test gave",
            value=label,
        ),
        "drift": Words(
            title="Inputs",
            watches="Every input against the data the version was made with.",
            limit="",
            default="a change that is sure and large",
            value="Inputs changed",
        ),
        "failures": Words(
            title="Failures",
            watches="Answers that failed or that a fall-back had to give.",
            limit="Share, 0 to 1",
            default=f"{FAILURE_LIMIT:g}",
            value="Share",
        ),
        "truth": Words(
            title="Truth",
            watches="Truth that used to come and comes no longer.",
            limit="",
            default=f"{LONGER_THAN_USUAL:g} times the longest pause before",
            value="Hours of silence",
        ),
    }


@project_page("viewer", POST="owner")
def alerts(request: HttpRequest, project: Project) -> HttpResponse:
    """Open ones first; what is new since this person's last visit is marked."""
    if request.method == "POST":
        return _act(request, project)
    now = clock_now()
    since = _last_visit(request, project, now=now)
    words = words_of(project)
    found = project.alerts.select_related("rule", "version", "acknowledged_by")
    rows: list[dict[str, Any]] = [
        {
            "alert": alert,
            "words": words.get(alert.rule.kind),
            "new": bool(since and _moved(alert) > since),
            "rows": _rows(request, project, alert),
        }
        for alert in found[:SHOWN]
    ]
    context = {
        "project": project,
        "place": "alerts",
        "open": [r for r in rows if r["alert"].state != Alert.State.RESOLVED],
        "over": [r for r in rows if r["alert"].state == Alert.State.RESOLVED],
        "since": since,
        "new": sum(row["new"] for row in rows),
        "sentence": _sentence(rows),
        "rules": [
            {"rule": rule, "words": words.get(rule.kind)}
            for rule in project.alert_rules.order_by("id")
        ],
    }
    return render(request, "monitoring/alerts.html", context)


def _sentence(rows: list[dict[str, Any]]) -> str:
    firing = sum(row["alert"].state == Alert.State.FIRING for row in rows)
    open_ones = sum(row["alert"].state in verbs.OPEN for row in rows)
    if firing:
        return f"{firing} {'needs' if firing == 1 else 'need'} you now."
    if open_ones:
        return "Nothing needs you now; what is open is seen to, or not sure yet."
    return "All is quiet. Judged on an interval's bound, twice in a row: one bad hour wakes nobody."


def _moved(alert: Alert) -> datetime:
    """When it last changed its state."""
    return max(
        moment
        for moment in (alert.opened_at, alert.fired_at, alert.resolved_at)
        if moment
    )


def _last_visit(
    request: HttpRequest, project: Project, *, now: datetime
) -> datetime | None:
    """When this person was here before this visit; None the first time."""
    user = request.actor.user  # type: ignore[attr-defined]
    seen, fresh = Glance.objects.get_or_create(
        project=project, user=user, defaults={"at": now}
    )
    if fresh:
        return None
    if now - seen.at > SAME_VISIT:
        seen.before = seen.at
    seen.at = now
    seen.save(update_fields=["before", "at"])
    return seen.before


def _rows(request: HttpRequest, project: Project, alert: Alert) -> str:
    """The predictions it speaks of, for whom the log opens."""
    if not request.actor.may("owner"):  # type: ignore[attr-defined]
        return ""
    end = alert.updated_at
    if until := alert.detail.get("until"):
        end = datetime.fromisoformat(until)
    start = end - timedelta(hours=alert.rule.window_hours)
    asked: dict[str, Any] = {"from": f"{start:%FT%H:%M}", "to": f"{end:%FT%H:%M}"}
    if alert.version and alert.rule.kind != "failures":
        asked["model"] = alert.version.number
    if alert.rule.kind == "failures":
        asked["only"] = "fallback"
    return f"{reverse('predictions', args=[project.slug])}?{urlencode(asked)}"


def _act(request: HttpRequest, project: Project) -> HttpResponse:
    deed = request.POST.get("do", "acknowledge")
    try:
        if deed == "rule":
            _change_rule(request, project)
        else:
            _on_alert(request, project, deed)
    except InvalidInput as error:
        wrong = " ".join(f"{each.field}: {each.message}" for each in error.errors)
        messages.error(request, f"{error.detail} {wrong}".strip())
    except DomainError as error:
        if isinstance(error, NotFound):
            raise
        messages.error(request, error.detail)
    return redirect(request.path)


def _on_alert(request: HttpRequest, project: Project, deed: str) -> None:
    found = alert_of(project, whole_number(request.POST.get("alert")) or 0)
    now, actor = clock_now(), request.actor  # type: ignore[attr-defined]
    if deed == "mute":
        verbs.mute(alert=found, until=now + MUTED, by=actor, now=now)
        messages.success(request, "Quiet about it for a day.")
    elif deed == "acknowledge":
        verbs.acknowledge(alert=found, by=actor, now=now)
        messages.success(request, "You look after it; everybody sees that.")
    else:
        raise InvalidInput("There is no such button.")


def _change_rule(request: HttpRequest, project: Project) -> None:
    pk = whole_number(request.POST.get("rule")) or 0
    found: AlertRule | None = project.alert_rules.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such rule.")
    before = {
        "do": "rule",
        "rule": found.pk,
        "enabled": "on" if found.enabled else "",
        "limit": "" if found.limit is None else found.limit,
        "window_hours": found.window_hours,
        "pending_evaluations": found.pending_evaluations,
    }
    verbs.change_rule(
        rule=found,
        enabled=bool(request.POST.get("enabled")),
        limit=_number(request.POST.get("limit", "")),
        window_hours=whole_number(request.POST.get("window_hours")) or 0,
        pending_evaluations=whole_number(request.POST.get("pending_evaluations")) or 0,
        by=request.actor,  # type: ignore[attr-defined]
    )
    undo.offer(request, "The rule is changed.", action=request.path, **before)


def _number(text: str) -> float | None:
    """An empty field is no limit; a word is one that no rule takes."""
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("nan")
