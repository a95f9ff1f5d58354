"""Bring your own table, in the browser: a file or a source's table, four small forms, and
a project whose baseline answers. Each step is a plain form; a draft outlives a reload."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from mlsystem import bring, new_steps
from registry import csv_files, drafts, source_tables
from registry.errors import DomainError, NotFound
from registry.models import Draft
from registry.web import live, uploads
from registry.web.pages import house_page, onwards
from registry.web.wide_forms import wide_form


@house_page("creator", POST="creator")
def new(request: HttpRequest) -> HttpResponse:
    """Where a table comes from: a file of one's own, or a source of the settings."""
    problem: dict[str, Any] = {}
    if request.method == "POST":
        try:
            with uploads.form_file(request) as upload:
                made = drafts.take_file(
                    path=upload.path,
                    name=upload.name,
                    sha256=upload.sha256,
                    by=request.user,  # type: ignore[arg-type]
                )
        except DomainError as error:
            problem = drafts.told(error)
        else:
            return redirect("draft", made.pk)
    context = {
        "problem": problem,
        "sources": source_tables.names(),
        "drafts": request.user.drafts.exclude(state="done")[:10],  # type: ignore[union-attr]
    }
    status = 400 if problem else 200
    return render(request, "mlsystem/new.html", context, status=status)


@house_page("creator", POST="creator")
def new_source(request: HttpRequest, source: str) -> HttpResponse:
    """The tables of one source; the chosen one is read in the background."""
    problem, found = "", list[str]()
    try:
        found = source_tables.of(source)
        if request.method == "POST":
            made = drafts.take_source(
                source=source,
                table=request.POST.get("table", ""),
                by=request.user,  # type: ignore[arg-type]
            )
            return redirect("draft", made.pk)
    except NotFound:
        if source not in {one["name"] for one in source_tables.names()}:
            raise
        problem = "Choose one of the tables."
    except DomainError as error:
        problem = error.detail
    context = {"source": source, "tables": found, "problem": problem}
    context["chosen"] = request.POST.get("table", "")
    status = 400 if problem else 200
    return render(request, "mlsystem/new_source.html", context, status=status)


@house_page("creator", POST="creator")
def draft(request: HttpRequest, draft: UUID) -> HttpResponse:
    """A draft that is being read or made, or cannot be read; else its next step."""
    found = drafts.of_user(draft, request.user)  # type: ignore[arg-type]
    if request.method == "POST":
        drafts.drop(found)
        messages.success(request, f"{found.name} is forgotten.")
        return redirect("new")
    found = bring.settle(found)
    if found.state == Draft.State.DONE and found.project:
        return onwards(request, "start", found.project.slug)
    if found.state == Draft.State.READY:
        step = "baseline" if found.problem else new_steps.next_of(found)
        return onwards(request, "draft-step", found.pk, step)
    failed = found.job is not None and found.job.state in {"failed", "cancelled"}
    job = found.job
    return live.answer(
        request,
        page="mlsystem/draft.html",
        part="mlsystem/partials/draft.html",
        etag=live.tag(found.state, failed, job and (job.progress, job.message)),
        context={"draft": found, "failed": failed},
    )


@wide_form(4 * csv_files.MOST_COLUMNS)  # use, kind, required; and a rest
@house_page("creator", POST="creator")
def draft_step(request: HttpRequest, draft: UUID, step: str) -> HttpResponse:
    """One of the four forms. What was typed stays when it cannot be."""
    found = drafts.of_user(draft, request.user)  # type: ignore[arg-type]
    if step not in new_steps.STEPS:
        raise NotFound("There is no such step.")
    if found.state != Draft.State.READY:
        return redirect("draft", found.pk)
    reached = list(new_steps.STEPS).index(new_steps.next_of(found))
    if list(new_steps.STEPS).index(step) > reached:
        return redirect("draft-step", found.pk, new_steps.next_of(found))
    context = {
        "draft": found,
        "step": step,
        "rail": new_steps.rail(found, step),
        "wide": step == "columns",
    }
    return _VIEWS[step](request, found, context)


def _target(request: HttpRequest, draft: Draft, context: Any) -> HttpResponse:
    form = new_steps.target_form(draft, request.POST or None)
    if request.method == "POST" and new_steps.save_target(draft, form):
        return _onwards(request, draft, "columns")
    return _show(request, context | {"form": form}, wrong=bool(form.errors))


def _columns(request: HttpRequest, draft: Draft, context: Any) -> HttpResponse:
    typed = request.POST if request.method == "POST" else None
    rows = new_steps.columns_of(draft, typed)
    told = new_steps.save_columns(draft, rows) if typed is not None else []
    if typed is not None and not told:
        return _onwards(request, draft, "value")
    context |= {
        "rows": rows,
        "told": told,
        "kinds": new_steps.KIND_WORDS,
        "about": draft.answers["target"],
    }
    return _show(request, context, wrong=bool(told))


def _value(request: HttpRequest, draft: Draft, context: Any) -> HttpResponse:
    typed = request.POST if request.method == "POST" else None
    form, costs = new_steps.value_forms(draft, typed)
    example = request.POST.get("do") == "example"
    if typed is not None and not example and new_steps.save_value(draft, form, costs):
        return _onwards(request, draft, "baseline")
    context |= {
        "form": form,
        "costs": costs,
        "about": draft.answers["target"]["about"],
        "sentences": new_steps.cost_sentences(draft, form, costs),
    }
    if example:
        return render(request, "registry/partials/cost_example.html", context)
    return _show(request, context, wrong=typed is not None)


def _baseline(request: HttpRequest, draft: Draft, context: Any) -> HttpResponse:
    form = new_steps.baseline_form(draft, request.POST or None)
    if request.method == "POST" and new_steps.save_baseline(draft, form):
        return _make(request, draft)
    context |= {
        "form": form,
        "about": draft.answers["target"]["about"],
        "inputs": new_steps.inputs_of(draft),
    }
    return _show(request, context, wrong=bool(form.errors))


_VIEWS: dict[str, Callable[[HttpRequest, Draft, Any], HttpResponse]] = {
    "target": _target,
    "columns": _columns,
    "value": _value,
    "baseline": _baseline,
}


def _onwards(request: HttpRequest, draft: Draft, step: str) -> HttpResponse:
    if request.POST.get("do") == "create":
        return _make(request, draft)
    return redirect("draft-step", draft.pk, step)


def _make(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The project; what speaks against it is told on the step that can change it."""
    try:
        made = new_steps.make_project(draft, by=request.user)  # type: ignore[arg-type]
    except drafts.Forgotten:
        raise  # there is no step any more to tell it on
    except DomainError as error:
        draft.refresh_from_db()
        draft.problem = drafts.told(error)
        draft.save(update_fields=["problem", "updated_at"])
        taken = any(one.field == "slug" for one in error.errors)
        step = "target" if taken else request.resolver_match.kwargs["step"]  # type: ignore[union-attr]
        return redirect("draft-step", draft.pk, step)
    if made.project:
        return redirect("start", made.project.slug)
    return redirect("draft", made.pk)


def _show(request: HttpRequest, context: Any, *, wrong: bool) -> HttpResponse:
    name = f"mlsystem/new_{context['step']}.html"
    return render(request, name, context, status=400 if wrong else 200)
