"""Component 2, Data Labeller: what reviewers do: decide disputes, see how people do,
write the guideline, bring examples in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from labelling.example_views import answered, face_of_example, place, said
from labelling.forms import AnswerForm, GuidelineForm, ImportForm
from labelling.labeller import amend, gold, guidelines, honesty, intake_jobs, quality
from labelling.labeller.face import choices
from labelling.models import Annotation, Example, Guideline, Queue
from registry.clock import now as clock_now
from registry.errors import DomainError
from registry.models import Project
from registry.web import live, undo
from registry.web.pages import project_page, whole_number
from registry.web.uploads import form_file

SHOWN = 20


@project_page("reviewer", POST="reviewer")
def review(request: HttpRequest, project: Project) -> HttpResponse:
    """The disagreement inbox: one at a time, the answers beside each other. A decision
    that comes too late stays on its example, beside the one that was there before."""
    rows = Example.objects.filter(project=project).select_related("payload")
    disputed = rows.filter(state="disputed").order_by("pk")
    form = AnswerForm(project=project)
    if request.POST.get("do") == "undo":
        return _take_back(request, project)
    if request.method == "POST":
        pk = whole_number(request.POST.get("example")) or 0
        done = answered(request, project, amend.decide, example_id=pk)
        if isinstance(done, Annotation):
            told = f"Decided: {said(done) or 'none'}."
            again = {"do": "undo", "annotation": done.pk}
            undo.offer(request, told, action=request.path, **again)
            return redirect(request.get_full_path())
        form, row = done, rows.filter(pk=pk).first()
    else:
        after = whole_number(request.GET.get("after")) or 0
        row = disputed.filter(pk__gt=after).first() or disputed.first()
    context = place(project, "review") | {
        "choices": choices(project),
        "row": row,
        "form": form,
    }
    if row:
        answers = Annotation.objects.filter(example=row, state="submitted")
        context |= {
            "face": face_of_example(project, row),
            "answers": [
                {"row": one, "said": said(one)}
                for one in answers.select_related("user").order_by("pk")
            ],
        }
    return render(request, "labelling/review.html", context, status=form.status)


def _take_back(request: HttpRequest, project: Project) -> HttpResponse:
    try:
        decision = amend.take_back(
            project=project,
            annotation_id=whole_number(request.POST.get("annotation")) or 0,
            user=request.actor.user,  # type: ignore[attr-defined]
            now=clock_now(),
        )
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect(request.path)
    messages.success(request, "Your decision is taken back.")
    return redirect(f"{request.path}?after={decision.example_id - 1}")  # it again


@project_page("reviewer", POST="reviewer")
def people(request: HttpRequest, project: Project) -> HttpResponse:
    """Who labels, how fast, how well; and how well the learner does by now."""
    if request.method == "POST":
        try:
            gold.let_go_on(
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
    form = GuidelineForm()
    if request.method == "POST":
        form = GuidelineForm(request.POST)
        try:
            guidelines.write(
                project=project,
                text=request.POST.get("text", ""),
                after=whole_number(request.POST.get("after")) or 0,
                by=request.actor,  # type: ignore[attr-defined]
                now=clock_now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, "The guideline is changed.")
            return redirect(request.path)
    current = guidelines.current(project)
    number = current.version if current else 0
    form.initial["text"] = current.text if current else ""
    form.fields["text"].label = f"The guideline, version {number}"
    if not number:
        form.fields["text"].label = "The guideline"
    context = place(project, "guideline") | {
        "form": form,
        "current": current,
        "choices": choices(project),
        "versions": Guideline.objects.filter(project=project)
        .select_related("author")
        .order_by("-version")[:SHOWN],
    }
    return render(request, "labelling/guideline.html", context, status=form.status)


@project_page("reviewer", POST="reviewer")
def bring(request: HttpRequest, project: Project) -> HttpResponse:
    """Examples out of a file, by a job; what became of the last ones."""
    form = ImportForm(project=project)
    if request.method == "POST":
        form = ImportForm(request.POST, project=project)
        try:
            with form_file(request) as upload:
                intake_jobs.start(
                    project=project,
                    upload=upload,
                    overlap=whole_number(request.POST.get("overlap")) or 0,
                    by=request.actor,  # type: ignore[attr-defined]
                )
            return redirect(request.path)
        except DomainError as error:
            form.refuse(error)
    context = place(project, "import") | {
        "jobs": intake_jobs.recent(project),
        "form": form,
    }
    context["busy"] = any(not job.is_over for job in context["jobs"])
    shown = [(job.pk, job.state, job.progress, job.message) for job in context["jobs"]]
    return live.answer(
        request,
        page="labelling/import.html",
        part="labelling/partials/imports.html",
        etag=live.tag(shown),
        context=context,
        status=form.status,
    )
