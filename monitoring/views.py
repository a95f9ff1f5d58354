"""Pages of this floor: the monitor's alerts."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from monitoring.models import Alert
from monitoring.monitor import alerts as alert_verbs
from monitoring.monitor.api import alert_of
from registry.clock import now as clock_now
from registry.errors import DomainError
from registry.models import Project
from registry.web.pages import project_page, whole_number


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
