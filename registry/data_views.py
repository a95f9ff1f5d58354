"""The data pages: what is in, where from, how it is distributed, what is wrong with it."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import redirect, render

from registry import cures, dataset_rows, differences, imports, intake, tables
from registry.api.datasets import dataset_of
from registry.api.imports import import_of, learnt_by
from registry.clock import now as clock_now
from registry.errors import DomainError
from registry.models import Dataset, Job, ModelVersion, Project
from registry.web import bars, keyset, live, uploads
from registry.web.pages import PageRequest, onwards, project_page, whole_number
from registry.written import UNDER_ONE, percent, whole

DATASETS = 50  # a page
ROWS = 50
ALL_DIFFERENT = 20  # values, from which on a bar for each says nothing
SHOWN_PARTS = ("training", "validation")
TOLD_AT_ONCE = 8  # differences; the rest is folded away


@project_page("viewer")
def data(
    request: PageRequest, project: Project, number: int | None = None
) -> HttpResponse:
    """One dataset (the newest, if none is named), among the others."""
    datasets = project.datasets.select_related("split", "created_by").defer("profile")
    numbers = Prefetch(
        "versions", ModelVersion.objects.only("project", "number", "dataset")
    )
    listed = datasets.prefetch_related(numbers)
    page = keyset.page(listed, request, order="-number", limit=DATASETS)
    rows, newest = page["results"], None
    if "cursor" not in request.GET:
        newest = rows[0] if rows else None
    else:
        newest = datasets.order_by("-number").first()
    shown = newest
    if number is not None:
        found = [row for row in rows if row.number == number]
        shown = found[0] if found else dataset_of(project, number)
    context: dict[str, Any] = {
        "project": project,
        "place": "data",
        "tab": "data",
        "datasets": rows,
        "dataset": shown,
        "next": page["next"],
        "later": "cursor" in request.GET,
        "is_newest": shown is not None and shown == newest,
        "sources": project.sources.all(),
        "learnt": learnt_by(project),
        "set": set(settings.SOURCES),
    }
    if shown:
        context |= _about(shown)
    if request.actor.may("owner"):
        context["broken"] = [
            {"job": job, "may_retry": imports.may_retry(job)}
            for job in imports.broken(project, now=clock_now())
        ]
    return render(request, "registry/data.html", context)


def _about(dataset: Dataset) -> dict[str, Any]:
    before = dataset.project.datasets.filter(number__lt=dataset.number).first()
    changes = _changes(before, dataset) if before else []
    places = {column["name"]: n for n, column in enumerate(dataset.columns, start=1)}
    findings = [
        {
            **finding,
            "cure": cures.cure_of(finding["rule"]),
            "place": places.get(finding["column"]),
        }
        for finding in dataset.findings
    ]
    return {
        "before": before,
        "changes": changes[:TOLD_AT_ONCE],
        "more_changes": changes[TOLD_AT_ONCE:],
        "findings": [f for f in findings if f["level"] != "info"],
        "remarks": [f for f in findings if f["level"] == "info"],
        "columns": [_column(dataset, column) for column in dataset.columns],
        "seen": sum(dataset.split.counts[p] for p in ("training", "validation")),
        "origin": origin(dataset.lineage),
    }


def _changes(before: Dataset, now: Dataset) -> list[differences.Difference]:
    return differences.of_datasets(
        rows=(before.rows, now.rows),
        columns=(before.columns, now.columns),
        profiles=(before.profile, now.profile),
    )


def _column(dataset: Dataset, column: dict[str, Any]) -> dict[str, Any]:
    figures = dataset.profile.get(column["name"], {})
    rows, missing = figures.get("n", 0), figures.get("missing", 0)
    words = percent(missing / rows) if rows else ""
    different = (
        "top" in figures and figures["distinct"] == rows - missing > ALL_DIFFERENT
    )
    found = [f for f in dataset.findings if f["column"] == column["name"]]
    return {
        **column,
        "figures": figures,
        "share_words": UNDER_ONE if words == percent(0) else words,
        "all_different": different,
        "odd": found[0]["text"] if found else "",
        **({} if different else bars.of_figures(figures)),
    }


def origin(lineage: dict[str, Any]) -> str:
    """Where the rows came from, in a few words.

    >>> origin({"upload": "march.csv", "delimiter": "comma"})
    'the file march.csv'
    >>> origin({"kind": "production", "root": 1, "rows_added": 120,
    ...         "counts": {"from labels": 100}})
    'dataset 1, 20 rows from production and 100 that experts labelled'
    """
    if lineage.get("kind") == "production":
        labels = lineage.get("counts", {}).get("from labels", 0)
        produced = lineage.get("rows_added", 0) - labels
        parts = (
            [f"{whole(produced)} rows from production"]
            if produced or not labels
            else []
        )
        parts += [f"{whole(labels)} that experts labelled"] if labels else []
        joint = ", " if len(parts) > 1 else " and "
        return f"dataset {lineage.get('root')}{joint}{' and '.join(parts)}"
    if extended := lineage.get("extends"):
        return f"dataset {extended} and {whole(lineage.get('rows_added', 0))} rows more"
    if source := lineage.get("source"):
        where = lineage.get("table") or lineage.get("file") or ""
        return f"the source {source}{f', {where}' if where else ''}"
    if name := lineage.get("upload") or lineage.get("file"):
        return f"the file {name}"
    return "a table"


@project_page("owner", POST="owner")
def dataset_new(request: PageRequest, project: Project) -> HttpResponse:
    """A new version of the data: small files at once, large ones in the background, and
    rows of a source, which are read anew."""
    problem: dict[str, Any] = {}
    if source := request.POST.get("source"):
        return _read_again(request, project, source)
    if request.method == "POST":
        try:
            with uploads.form_file(request) as upload:
                return _import(request, project, upload)
        except DomainError as error:
            places = [f"{one.field}: {one.message}" for one in error.errors]
            told = [one for one in places if not one.endswith(error.detail)]
            problem = {"detail": error.detail, "errors": told}
    context = {
        "project": project,
        "place": "data",
        "tab": "data",
        "problem": problem,
        "wanted": [*project.fields, {"name": project.target, "kind": "target"}],
        "name": request.POST.get("name", ""),
    }
    status = 400 if problem else 200
    return render(request, "registry/dataset_new.html", context, status=status)


def _import(
    request: PageRequest, project: Project, upload: uploads.Upload
) -> HttpResponse:
    title = request.POST.get("name", "").strip() or upload.name
    actor = request.actor
    if not tables.is_quick(path=upload.path, name=upload.name, most=intake.AT_ONCE):
        job = intake.later_from_file(
            project=project,
            staged=intake.keep_file(project=project, path=upload.path),
            name=upload.name,
            title=title,
            by=actor.user,
        )
        return redirect("dataset-import", project.slug, job.pk)
    frame, read = tables.read_table(path=upload.path, name=upload.name)
    lineage = {"upload": upload.name, "sha256": upload.sha256, **read}
    prepared = intake.prepare(project=project, frame=frame, name=title, lineage=lineage)
    dataset = intake.commit(prepared, by=actor)
    messages.success(
        request, f"Dataset {dataset.number} is in: {whole(dataset.rows)} rows."
    )
    return redirect("dataset", project.slug, dataset.number)


def _read_again(request: PageRequest, project: Project, source: str) -> HttpResponse:
    try:
        job = intake.later_from_source(
            project=project, source=source, title="", by=request.actor.user
        )
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("data", project.slug)
    return redirect("dataset-import", project.slug, job.pk)


@project_page("owner", POST="owner")
def dataset_import(request: PageRequest, project: Project, job: UUID) -> HttpResponse:
    """A large file or a source on its way: the page asks again until it is in, or refused."""
    found = import_of(project, job)
    if request.method == "POST" and request.POST.get("do") == "again":
        return _again(request, project, found)
    if request.method == "POST":
        return _cancel(request, project, found)
    if found.state == Job.State.SUCCEEDED:
        return onwards(request, "dataset", project.slug, found.result["dataset"])
    errors = [f"{e['field']}: {e['message']}" for e in found.result.get("errors", [])]
    context = {
        "project": project,
        "place": "data",
        "tab": "data",
        "job": found,
        "may_retry": imports.may_retry(found),
        "problem": {
            "detail": found.result.get("detail") or found.message,
            "errors": errors,
        },
    }
    return live.answer(
        request,
        page="registry/dataset_import.html",
        part="registry/partials/dataset_import.html",
        etag=live.tag(found.state, found.progress, found.message),
        context=context,
    )


def _again(request: PageRequest, project: Project, job: Job) -> HttpResponse:
    try:
        job = imports.again(job=job, by=request.actor.user)
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("data", project.slug)
    return redirect("dataset-import", project.slug, job.pk)


def _cancel(request: PageRequest, project: Project, job: Job) -> HttpResponse:
    try:
        intake.stop(job=job)
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "The import is cancelled; nothing was kept.")
    return redirect("data", project.slug)


@project_page("owner")
def rows(request: PageRequest, project: Project, number: int) -> HttpResponse:
    """Rows to look at, training and validation only; by part, or by a column's value."""
    dataset = dataset_of(project, number)
    part = request.GET.get("part", "")
    part = part if part in SHOWN_PARTS else SHOWN_PARTS[0]
    column, value = request.GET.get("column", ""), request.GET.get("value", "")
    after = whole_number(request.GET.get("after"))
    found = dataset_rows.rows_after(
        dataset,
        after=after,
        count=ROWS + 1,
        part=part,
        only=(column, value) if column else None,
    )
    following = ""
    if len(found) > ROWS:
        query = request.GET.copy()
        query["after"] = str(found[ROWS - 1]["row"])
        following = f"?{query.urlencode()}"
    context = {
        "project": project,
        "place": "data",
        "tab": "data",
        "dataset": dataset,
        "rows": found[:ROWS],
        "part": part,
        "column": column,
        "value": value,
        "parts": [(name, dataset.split.counts[name]) for name in SHOWN_PARTS],
        "next": following,
        "later": after is not None,
    }
    return render(request, "registry/rows.html", context)
