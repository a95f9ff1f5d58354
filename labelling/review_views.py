"""Component 2, Data Labeller: what reviewers do: decide disputes, see how people do,
write the guideline, bring examples in."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from labelling.example_views import place
from labelling.labeller import amend, guidelines, honesty, intake_jobs, quality
from labelling.labeller.face import choices, face_of, say
from labelling.labeller.reading import read_form
from labelling.models import Annotation, Example, Guideline, Queue
from registry import cards
from registry.clock import now as clock_now
from registry.errors import DomainError
from registry.models import Project
from registry.web.pages import project_page, whole_number
from registry.web.uploads import form_file

SHOWN = 20


@project_page("reviewer", POST="reviewer")
def review(request: HttpRequest, project: Project) -> HttpResponse:
    """The disagreement inbox: one at a time, the answers beside each other."""
    if request.method == "POST":
        try:
            amend.decide(
                project=project,
                example_id=whole_number(request.POST.get("example")) or 0,
                user=request.actor.user,  # type: ignore[attr-defined]
                answer=read_form(request.POST, project),
                now=clock_now(),
            )
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.get_full_path())
    after = whole_number(request.GET.get("after")) or 0
    waiting = Example.objects.filter(project=project, state="disputed")
    rows = waiting.select_related("payload").order_by("pk")
    row = rows.filter(pk__gt=after).first() or rows.first()
    context = place(project, "review") | {"choices": choices(project), "row": row}
    if row:
        answers = Annotation.objects.filter(example=row, state="submitted")
        payload = cards.visible(
            row.payload.data, card=project.card, target=project.target
        )
        context |= {
            "face": face_of(project, payload),
            "answers": [
                {
                    "row": one,
                    "said": "cannot tell" if one.cannot_tell else say(one.value),
                }
                for one in answers.select_related("user").order_by("pk")
            ],
        }
    return render(request, "labelling/review.html", context)


@project_page("reviewer", POST="reviewer")
def people(request: HttpRequest, project: Project) -> HttpResponse:
    """Who labels, how fast, how well; and how well the learner does by now."""
    if request.method == "POST":
        try:
            quality.let_go_on(
                project=project,
                user_id=whole_number(request.POST.get("user")) or 0,
                by=request.actor,  # type: ignore[attr-defined]
            )
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.path)
    queue = Queue.objects.filter(project=project).first()
    history = queue.history if queue else []
    context = place(project, "people") | {
        "people": quality.people(project),
        "agreement": quality.agreement_of(project),
        "honest": honesty.estimate(project),
        "advice": honesty.advice(history),
        "history": history[::-1][:SHOWN],
        "queue": queue,
    }
    return render(request, "labelling/people.html", context)


@project_page("labeller", POST="reviewer")
def guideline(request: HttpRequest, project: Project) -> HttpResponse:
    """How to label here; reviewers write it, every version is kept."""
    current = guidelines.current(project)
    context: dict[str, Any] = place(project, "guideline")
    context |= {"text": current.text if current else "", "error": ""}
    status = 200
    if request.method == "POST":
        try:
            guidelines.write(
                project=project,
                text=request.POST.get("text", ""),
                after=whole_number(request.POST.get("after")) or 0,
                by=request.actor,  # type: ignore[attr-defined]
                now=clock_now(),
            )
            messages.success(request, "The guideline is changed.")
            return redirect(request.path)
        except DomainError as error:
            context |= {"text": request.POST.get("text", ""), "error": error.detail}
            status = error.status
    context |= {
        "current": current,
        "choices": choices(project),
        "versions": Guideline.objects.filter(project=project)
        .select_related("author")
        .order_by("-version")[:SHOWN],
    }
    return render(request, "labelling/guideline.html", context, status=status)


@project_page("reviewer", POST="reviewer")
def bring(request: HttpRequest, project: Project) -> HttpResponse:
    """Examples out of a file, by a job; what became of the last ones."""
    error, status = "", 200
    if request.method == "POST":
        try:
            with form_file(request) as upload:
                intake_jobs.start(
                    project=project,
                    upload=upload,
                    overlap=whole_number(request.POST.get("overlap")) or 0,
                    by=request.actor,  # type: ignore[attr-defined]
                )
            return redirect(request.path)
        except DomainError as problem:
            error, status = problem.detail, problem.status
    context = place(project, "import") | {
        "jobs": intake_jobs.recent(project),
        "error": error,
    }
    context["busy"] = any(not job.is_over for job in context["jobs"])
    if request.htmx and request.method == "GET":  # type: ignore[attr-defined]
        return render(request, "labelling/partials/imports.html", context)
    return render(request, "labelling/import.html", context, status=status)
