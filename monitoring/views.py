"""Pages of this floor: the monitor and its alerts."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from monitoring.models import Alert, Note
from monitoring.monitor import alerts as alert_verbs
from monitoring.monitor.api import alert_of
from monitoring.monitor.drifting import drift_report
from monitoring.monitor.series import Window, points, read, total
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.errors import DomainError
from registry.models import Project
from registry.web.pages import project_page, whole_number
from serving.models import Rollout

DAYS = 84  # shown on the monitor page


def _rollout(project: Project) -> Rollout | None:
    found = Rollout.objects.select_related(
        "project", "live", "baseline", "candidate", "previous"
    )
    return found.filter(project=project).first()


@project_page("viewer", POST="owner")
def monitor(request: HttpRequest, project: Project) -> HttpResponse:
    """Numbers over time, and drift; the owner writes notes beside them."""
    if request.method == "POST":
        text = request.POST.get("text", "").strip()
        if text:
            Note.objects.create(
                project=project,
                at=clock_now(),
                text=text[:500],
                author=request.actor.user,  # type: ignore[attr-defined]
            )
        return redirect(request.path)
    now = clock_now()
    rollout = _rollout(project)
    context = {"project": project, "place": "monitor", "rollout": rollout}
    if rollout:
        rollout.live.project = project
        window = Window(start=now - timedelta(days=DAYS), end=now, by="day")
        metric = METRICS[project.primary_metric]
        context |= {
            "metric": metric,
            "points": points(rollout.live, window, metric.key, now=now)[::-1],
            "drift": drift_report(rollout.live, now=now),
            "operations": _operations(rollout, now=now),
            "notes": project.notes.select_related("author")[:20],
        }
    return render(request, "monitoring/monitor.html", context)


def _operations(rollout: Rollout, *, now: datetime) -> dict[str, Any]:
    window = Window(start=now - timedelta(days=1), end=now + timedelta(hours=1))
    found = total(rollout.live, window, now=now)
    return {
        name: read(found, name)
        for name in ("predictions", "latency_p50", "latency_p95", "error_rate")
    }


@project_page("viewer", POST="owner")
def alerts(request: HttpRequest, project: Project) -> HttpResponse:
    """What happened, what is open, and who looks after it."""
    if request.method == "POST":
        found = alert_of(project, whole_number(request.POST.get("alert")) or 0)
        now = clock_now()
        actor = request.actor  # type: ignore[attr-defined]
        try:
            if request.POST.get("do") == "mute":
                until = now + timedelta(days=1)
                alert_verbs.mute(alert=found, until=until, by=actor, now=now)
            else:
                alert_verbs.acknowledge(alert=found, by=actor, now=now)
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.path)
    rows = project.alerts.select_related("rule", "version__project")[:100]
    context = {
        "project": project,
        "place": "monitor",
        "rows": rows,
        "open": [row for row in rows if row.state != Alert.State.RESOLVED],
        "rules": project.alert_rules.all(),
    }
    return render(request, "monitoring/alerts.html", context)
