"""Pages of the top floor: runs, one run, what people decide about versions, operator."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from mlsystem.orchestrator import approval, pipeline
from mlsystem.version import VERSION
from registry.catalogue import METRICS
from registry.clock import now as clock_now
from registry.errors import DomainError, NotFound
from registry.models import Job, ModelVersion, Project, Run
from registry.web.pages import house_page, project_page, whole_number

DEFAULT_SECONDS = 60


@project_page("viewer", POST="owner")
def runs(request: HttpRequest, project: Project) -> HttpResponse:
    """Every run, and the button that starts one."""
    if request.method == "POST":
        try:
            run = pipeline.start(
                project=project,
                now=clock_now(),
                budget=whole_number(request.POST.get("budget")) or 0,
                by=request.actor.user,  # type: ignore[attr-defined]
            )
        except DomainError as error:
            words = " ".join([error.detail, *(e.message for e in error.errors)])
            messages.error(request, words)
            return redirect(request.path)
        return redirect(f"{request.path}/{run.number}")
    rows = project.runs.select_related("requested_by")[:100]
    context = {
        "project": project,
        "place": "runs",
        "rows": rows,
        "seconds": DEFAULT_SECONDS,
    }
    return render(request, "mlsystem/runs.html", context)


@project_page("viewer", POST="owner")
def run(request: HttpRequest, project: Project, number: int) -> HttpResponse:
    """Six steps filling up, the leaderboard growing, and the verdict with its reasons.

    While it goes on, the page asks for its inner part again; over, it stops.
    """
    found = project.runs.filter(number=number).select_related("requested_by").first()
    if found is None:
        raise NotFound(f"There is no run {number}.")
    if request.method == "POST":
        verbs: dict[str, Callable[..., Run]] = {
            "cancel": pipeline.cancel,
            "retry": pipeline.retry,
        }
        verb = verbs.get(request.POST.get("do", ""))
        if verb is None:
            raise NotFound("There is no such button.")
        try:
            verb(run=found, now=clock_now())
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.path)
    metric = METRICS.get(project.primary_metric)
    better = metric is not None and metric.larger_is_better
    trials = found.trials.filter(state="finished")
    context = {
        "project": project,
        "place": "runs",
        "run": found,
        "steps": found.steps.select_related("job"),
        "trials": trials.order_by("-score" if better else "score")[:15],
        "tried": found.trials.count(),
        "metric": metric,
        "version": found.versions.first(),
    }
    htmx = getattr(request, "htmx", False)
    template = "mlsystem/partials/run.html" if htmx else "mlsystem/run.html"
    return render(request, template, context)


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
        VERBS[verb](version=version, by=request.actor)  # type: ignore[attr-defined]
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
