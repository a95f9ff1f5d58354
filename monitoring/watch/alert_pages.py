"""Component 4, Performance Monitor: what went wrong, who looks after it, what is watched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from monitoring.models import Alert, AlertRule, Glance
from monitoring.monitor import alerts as verbs
from monitoring.monitor.api import alert_of
from monitoring.monitor.findings import FAILURE_LIMIT, LONGER_THAN_USUAL
from monitoring.watch.alert_forms import RuleForm
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.errors import DomainError, InvalidInput, NotFound
from registry.models import Project
from registry.web import keyset, live, undo
from registry.web.pages import project_page, whole_number

OVER = 50  # a page of those that are over
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
            watches=f"{label} in production, once it is surely {worse} the limit: over the "
            "window, or less so over a week.",
            limit=label,
            default="what the sealed test gave at worst, or what hardly one day in a "
            "thousand would reach, going by the model's first four weeks",
            value=label,
        ),
        "drift": Words(
            title="Drift",
            watches="Every input against the data the version was made with.",
            limit="",
            default="a change that is sure, large, and more than ordinary days differ",
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
    refused: RuleForm | None = None
    if request.method == "POST":
        refused = _act(request, project)
        if refused is None:
            return redirect(request.path)
    part = bool(getattr(request, "htmx", False))
    since = _last_visit(request, project, now=clock_now(), here=not part)
    open_ones = _open(request, project, since)
    ended = None if open_ones else _over(project).first()
    context = {
        "project": project,
        "place": "alerts",
        "open": open_ones,
        "sentence": _sentence(open_ones),
        "ended": ended,
    }
    if not part:
        context |= _rest(request, project, since, refused)
    shown = [(row["alert"].state, row["alert"].updated_at) for row in open_ones]
    told = [(row["alert"].message, row["new"]) for row in open_ones]
    return live.answer(
        request,
        page="monitoring/alerts.html",
        part="monitoring/partials/alerts_open.html",
        etag=live.tag(shown, told, ended and ended.pk),
        context=context,
        status=refused.status if refused else 200,
    )


def _open(
    request: HttpRequest, project: Project, since: datetime | None
) -> list[dict[str, Any]]:
    """One a rule, so they are few."""
    return _shown(request, _found(project).exclude(state=Alert.State.RESOLVED), since)


def _found(project: Project) -> QuerySet[Alert]:
    return project.alerts.select_related("rule", "version", "acknowledged_by")


def _over(project: Project) -> QuerySet[Alert]:
    return _found(project).filter(state=Alert.State.RESOLVED)


def _shown(
    request: HttpRequest, alerts: Iterable[Alert], since: datetime | None
) -> list[dict[str, Any]]:
    project = request.project  # type: ignore[attr-defined]
    words = words_of(project)
    return [
        {
            "alert": alert,
            "words": words.get(alert.rule.kind),
            "new": bool(since and _moved(alert) > since),
            "rows": _rows(request, project, alert),
        }
        for alert in alerts
    ]


def _rest(
    request: HttpRequest,
    project: Project,
    since: datetime | None,
    refused: RuleForm | None,
) -> dict[str, Any]:
    """What the page shows below, and does not ask for again: rules, and what is over."""
    words = words_of(project)
    page = keyset.page(_over(project), request, order="-id", limit=OVER)
    return {
        "over": _shown(request, page["results"], since),
        "next": page["next"],
        "later": "cursor" in request.GET,
        "since": since,
        "new": _moved_since(project, since) if since else 0,
        "rules": [
            {
                "words": words.get(rule.kind),
                "rule": rule,
                "form": refused
                if refused and refused.rule == rule
                else _form(rule, words.get(rule.kind)),
            }
            for rule in project.alert_rules.order_by("id")
        ],
    }


def _form(rule: AlertRule, words: Words | None, typed: Any = None) -> RuleForm:
    limit, otherwise = (words.limit, words.default) if words else ("", "")
    return RuleForm(typed, rule=rule, limit=limit, otherwise=otherwise)


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


def _moved_since(project: Project, since: datetime) -> int:
    """How many changed their state, on whichever page they stand."""
    moved = Q(opened_at__gt=since) | Q(fired_at__gt=since) | Q(resolved_at__gt=since)
    return project.alerts.filter(moved).count()


def _last_visit(
    request: HttpRequest, project: Project, *, now: datetime, here: bool
) -> datetime | None:
    """When this person was here before this visit; None the first time. A page that is
    only left open is no visit."""
    user = request.actor.user  # type: ignore[attr-defined]
    if not here:
        kept = Glance.objects.filter(project=project, user=user)
        return kept.values_list("before", flat=True).first()
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
    hours = alert.detail.get("hours", alert.rule.window_hours)
    start = end - timedelta(hours=hours)
    asked: dict[str, Any] = {"from": f"{start:%FT%H:%M}", "to": f"{end:%FT%H:%M}"}
    if alert.version and alert.rule.kind != "failures":
        asked["model"] = alert.version.number
    if alert.rule.kind == "failures":
        asked["only"] = "fallback"
    return f"{reverse('predictions', args=[project.slug])}?{urlencode(asked)}"


def _act(request: HttpRequest, project: Project) -> RuleForm | None:
    """Do what was pressed; a rule that cannot be is given back as it was typed."""
    deed = request.POST.get("do", "acknowledge")
    if deed == "rule":
        return _change_rule(request, project)
    try:
        _on_alert(request, project, deed)
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
    return None


def _on_alert(request: HttpRequest, project: Project, deed: str) -> None:
    found = alert_of(project, whole_number(request.POST.get("alert")) or 0)
    now, actor = clock_now(), request.actor  # type: ignore[attr-defined]
    if deed == "mute":
        verbs.mute(alert=found, until=now + MUTED, by=actor, now=now)
        back = {"do": "unmute", "alert": found.pk}
        undo.offer(request, "Quiet about it for a day.", action=request.path, **back)
    elif deed == "unmute":
        verbs.unmute(alert=found, by=actor, now=now)
        messages.success(request, "You hear of it again.")
    elif deed == "acknowledge":
        verbs.acknowledge(alert=found, by=actor, now=now)
        messages.success(request, "You look after it; everybody sees that.")
    else:
        raise InvalidInput("There is no such button.")


def _change_rule(request: HttpRequest, project: Project) -> RuleForm | None:
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
    form = _form(found, words_of(project).get(found.kind), request.POST)
    form.full_clean()
    try:
        verbs.change_rule(rule=found, by=request.actor, **form.changes())  # type: ignore[attr-defined]
    except InvalidInput as error:
        return form.refuse(error)
    undo.offer(request, "The rule is changed.", action=request.path, **before)
    return None
