"""Pages of the top floor: runs, one run, what people decide about versions, operator."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from mlsystem.orchestrator import approval
from monitoring.versions.views import ReasonForm, report
from registry.errors import DomainError, NotFound
from registry.models import ModelVersion, Project
from registry.web import undo
from registry.web.pages import PageRequest, project_page

VERBS: dict[str, Callable[..., ModelVersion]] = {
    "approve": approval.approve,
    "reject": approval.reject,
    "archive": approval.archive,
    "bring-back": approval.bring_back,
}


@project_page("owner", POST="owner")
def decide(
    request: PageRequest, project: Project, number: int, verb: str
) -> HttpResponse:
    """Approve, reject, archive or bring back a version, from its card; refused, the card
    comes again with the reason as it was typed. Looked at, the address leads to it."""
    version = project.versions.select_related("project").filter(number=number).first()
    if version is None or verb not in VERBS:
        raise NotFound(f"There is no version {number}.")
    if request.method == "POST":
        form = ReasonForm(request.POST, verb=verb)
        if not form.is_valid():
            return report(request, project, number, form)
        reason = form.cleaned_data["reason"]
        try:
            VERBS[verb](version=version, by=request.actor, reason=reason)
        except DomainError as error:
            return report(request, project, number, form.refuse(error))
        _tell(request, version, verb)
    return redirect("model", project.slug, number)


def _tell(request: PageRequest, version: ModelVersion, verb: str) -> None:
    """What was done; what only put it away can be taken back."""
    state = version.get_state_display().lower()
    if verb == "archive":
        back = reverse(
            "decide", args=[version.project.slug, version.number, "bring-back"]
        )
        undo.offer(request, f"Version {version.number} is archived.", action=back)
    elif verb == "bring-back":
        messages.success(request, f"Version {version.number} is back: it is {state}.")
    else:
        messages.success(request, f"Version {version.number} is {state}.")
