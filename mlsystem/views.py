"""Pages of the top floor: runs, one run, what people decide about versions, operator."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from mlsystem.orchestrator import approval
from registry.errors import DomainError, NotFound
from registry.models import ModelVersion, Project
from registry.web.pages import PageRequest, project_page

VERBS: dict[str, Callable[..., ModelVersion]] = {
    "approve": approval.approve,
    "reject": approval.reject,
    "archive": approval.archive,
}


@project_page(POST="owner")
def decide(
    request: PageRequest, project: Project, number: int, verb: str
) -> HttpResponse:
    """Approve, reject or archive a version, from its card."""
    version = project.versions.select_related("project").filter(number=number).first()
    if version is None or verb not in VERBS:
        raise NotFound(f"There is no version {number}.")
    try:
        VERBS[verb](
            version=version,
            by=request.actor,
            reason=request.POST.get("reason", "").strip()[:500],
        )
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect("model", project.slug, number)
