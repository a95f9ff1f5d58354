"""What this floor adds to a prediction's page: its truth, what users said, and the button
that asks an expert."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from labelling import feedback
from labelling.models import Example, Feedback, Match
from registry.clock import now as clock_now
from registry.errors import InvalidInput, NotFound
from registry.models import Project
from registry.web.pages import PageRequest, project_page, safe_next
from serving.models import Prediction

REASON = "somebody sent it from the log"


@project_page("owner")
def truth_card(request: PageRequest, project: Project, id: UUID) -> HttpResponse:
    """What is known of one prediction's truth: for its page, or as a page of its own."""
    matches = Match.objects.select_related("truth__author").filter(
        project=project, prediction_id=id
    )
    said = Feedback.objects.filter(project=project, prediction_id=id)
    examples = Example.objects.filter(project=project, prediction_id=id)
    context = {
        "project": project,
        "place": "predictions",
        "id": id,
        "match": matches.first(),
        "feedback": said.order_by("-id")[:10],
        "example": examples.first(),
        "test": Prediction.objects.filter(project=project, pk=id, test=True).exists(),
    }
    part = bool(getattr(request, "htmx", False))
    name = "labelling/partials/truth.html" if part else "labelling/truth.html"
    return render(request, name, context)


@project_page(POST="owner")
def ask(request: PageRequest, project: Project, id: UUID) -> HttpResponse:
    """Send one prediction to the labelling queue, where it is handed out first."""
    found = Prediction.objects.filter(project=project, pk=id).first()
    if found is None:
        raise NotFound("There is no such prediction.")
    if found.test:
        raise InvalidInput("A test is nobody's to label.")
    waits = feedback.ask_for_label(
        project=project, prediction=found, now=clock_now(), reason=REASON
    )
    if waits:
        messages.success(request, "It waits in the labelling queue, first in line.")
    else:
        messages.info(request, "Experts have looked at it already: their word stands.")
    home = f"/p/{project.slug}/predictions/{id}"
    return redirect(safe_next(request) if request.POST.get("next") else home)
