"""The operator's page: what somebody needs who is called at night."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from mlsystem import machine
from registry import audit, jobs
from registry.clock import now as clock_now
from registry.errors import DomainError, NotFound
from registry.models import Job, Project
from registry.web import live
from registry.web.pages import PageRequest, house_page

SHOWN, FAILED = 50, 20


@house_page("staff", POST="staff")
def operator(request: PageRequest) -> HttpResponse:
    """Queues, jobs with their progress, storage and versions; a job can be stopped."""
    if request.method == "POST":
        return _cancel(request)
    now = clock_now()
    unfinished = Job.objects.filter(state__in=("queued", "running"))
    running = unfinished.select_related("project").order_by("state", "due_at")
    failed = Job.objects.filter(state=Job.State.FAILED).select_related("project")
    lanes = machine.lanes(now=now)
    working = machine.told(list(running.order_by("-state", "due_at")[:SHOWN]))
    broken = machine.told(list(failed.order_by("-finished_at")[:FAILED]))
    etag = live.tag(
        [{k: v for k, v in lane.items() if k != "waits"} for lane in lanes],
        [[row["job"].pk, row["job"].progress, row["job"].message] for row in working],
        [row["job"].pk for row in broken],
    )
    context = {
        "lanes": lanes,
        "working": working,
        "failed": broken,
        "projects": Project.objects.count(),
    }
    if not getattr(request, "htmx", False):
        context |= {"storage": machine.storage(), "versions": machine.versions()}
    return live.answer(
        request,
        page="mlsystem/operator.html",
        part="mlsystem/partials/operator_jobs.html",
        etag=etag,
        context=context,
    )


def _cancel(request: PageRequest) -> HttpResponse:
    job = _job(request.POST.get("job", ""))
    try:
        jobs.cancel(job=job)
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        audit.record(
            project=job.project,
            actor=request.actor,
            action="job.cancel",
            target=f"{job.task} {job.pk}",
        )
        messages.success(request, "It is being stopped.")
    return redirect(request.path)


def _job(text: str) -> Job:
    try:
        found = Job.objects.select_related("project").filter(pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such job.")
    return found


@house_page("staff")
def workers(request: PageRequest) -> HttpResponse:
    """Who answers; asked apart, because a broken broker takes its time."""
    context = {"workers": machine.workers()}
    return render(request, "mlsystem/partials/operator_workers.html", context)
