"""Pages of the top floor: runs, one run, what people decide about versions, operator."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from mlsystem.orchestrator import approval
from mlsystem.version import VERSION
from registry.errors import DomainError, NotFound
from registry.models import Job, ModelVersion, Project
from registry.web.pages import house_page, project_page

VERBS: dict[str, Callable[..., ModelVersion]] = {
    "approve": approval.approve,
    "reject": approval.reject,
    "archive": approval.archive,
}


@project_page(POST="owner")
def decide(
    request: HttpRequest, project: Project, number: int, verb: str
) -> HttpResponse:
    """Approve, reject or archive a version, from its card."""
    version = project.versions.select_related("project").filter(number=number).first()
    if version is None or verb not in VERBS:
        raise NotFound(f"There is no version {number}.")
    try:
        VERBS[verb](
            version=version,
            by=request.actor,  # type: ignore[attr-defined]
            reason=request.POST.get("reason", "").strip()[:500],
        )
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect("model", project.slug, number)


@house_page("staff")
def operator(request: HttpRequest) -> HttpResponse:
    """Workers, queues, jobs, versions: what somebody needs who is called at night."""
    unfinished = Job.objects.filter(state__in=("queued", "running"))
    lanes = unfinished.values("lane", "state").annotate(n=Count("id")).order_by("lane")
    failed = Job.objects.filter(state=Job.State.FAILED).select_related("project")
    context: dict[str, Any] = {
        "lanes": lanes,
        "running": unfinished.select_related("project").order_by("due_at")[:50],
        "failed": failed.order_by("-finished_at")[:20],
        "version": VERSION,
        "projects": Project.objects.count(),
    }
    return render(request, "mlsystem/operator.html", context)
