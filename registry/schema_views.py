"""The schema editor: what an input is, for the versions to come."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from registry import cost_words, csv_files, datasets, definition_store, frames, projects
from registry.errors import DomainError, EditedMeanwhile
from registry.models import Dataset, Project
from registry.schema import KINDS, NUMBERS
from registry.web.pages import PageRequest, project_page, whole_number
from registry.web.wide_forms import wide_form

BOUNDS = ("minimum", "maximum")
FIELDS_A_COLUMN = 8  # seven in a row of the form, and one for what stands around
Row = dict[str, Any]


@wide_form(FIELDS_A_COLUMN * csv_files.MOST_COLUMNS)
@project_page("viewer", POST="owner")
def schema(request: PageRequest, project: Project) -> HttpResponse:
    """Fields as a form for owners, as a table for viewers. Who edits an old page is told
    so, and keeps what they typed."""
    rows, told, status = rows_of(project), list[str](), 200
    if request.method == "POST":
        saved = [_words(row) for row in rows]
        _take(rows, request.POST)
        told, status = [f"{r['name']}: {r['error']}" for r in rows if r["error"]], 400
        if not told:
            told, status = _save(request, project, rows)
        if not told:
            messages.success(
                request, "The schema is changed. What serves now stays as it is."
            )
            return redirect(request.path)
        if status == EditedMeanwhile.status:
            for row, words in zip(rows, saved, strict=True):
                row["saved"] = words if words != _words(row) else ""
        project.refresh_from_db()
    context = {
        "project": project,
        "place": "data",
        "tab": "schema",
        "rows": rows,
        "told": told,
        "at_a_cell": any(row["wrong"] for row in rows),
        "kinds": KINDS,
        "declared": definition_store.declared(project),
    }
    return render(request, "registry/schema.html", context, status=status)


def rows_of(project: Project) -> list[Row]:
    """The project's fields, then columns of the newest dataset that are no inputs."""
    places = definition_store.declared(project)
    newest = project.datasets.first()
    rows = [{**field, "use": True} for field in project.fields]
    known = {field["name"] for field in project.fields}
    rows += [
        {**column, "use": False}
        for column in (newest.columns if newest else [])
        if column["role"] == "excluded" and column["name"] not in known
    ]
    for number, row in enumerate(rows):
        row |= {"number": number, "error": "", "wrong": "", "declared": ""}
        row["declared"] = places.get(f"fields.{row['name']}", "")
        row["is_number"] = row["kind"] in NUMBERS
        row["was"] = row["kind"]
    return rows


def _words(row: Row) -> str:
    """A field in one line, to be told from another's."""
    if not row["use"]:
        return "not used"
    told = [row["kind"], "must be sent" if row.get("required") else ""]
    if row.get("minimum") is not None:
        told.append(f"at least {row['minimum']}")
    if row.get("maximum") is not None:
        told.append(f"at most {row['maximum']}")
    return ", ".join(word for word in [*told, row.get("unit", "")] if word)


def _take(rows: list[Row], typed: Mapping[str, str]) -> None:
    """What was typed of each name: rows may have moved since. Declared ones stay as the
    code says, and a row that the page did not have yet stays as it is."""
    places = {v: k.removeprefix("name-") for k, v in typed.items() if k[:5] == "name-"}
    for row in rows:
        number = places.get(row["name"])
        if row["declared"] or number is None:
            continue
        row["use"] = f"use-{number}" in typed
        row["required"] = f"required-{number}" in typed
        row["unit"] = typed.get(f"unit-{number}", "").strip()
        if (kind := typed.get(f"kind-{number}", "")) in KINDS:
            row["kind"] = kind
        for bound in BOUNDS:
            text = typed.get(f"{bound}-{number}", "").strip()
            row[bound] = text
            if not text or row["kind"] not in NUMBERS:
                row[bound] = None
                continue
            try:
                row[bound] = cost_words.read_number(text)
            except ValueError as error:
                row |= {"error": f"{bound}: {error}", "wrong": bound}
        if len(row["unit"]) > 40:
            row |= {"error": "unit: write up to 40 characters.", "wrong": "unit"}


def _save(
    request: PageRequest, project: Project, rows: list[Row]
) -> tuple[list[str], int]:
    """The verb; what speaks against it, and the status that says so."""
    newest = project.datasets.select_related("split").first()
    changed = [r for r in rows if r["use"] and _is_new(r)]
    if newest and changed:
        _check_kinds(newest, changed)
        if told := [f"{r['name']}: {r['error']}" for r in changed if r["error"]]:
            return told, 400
    revision = whole_number(request.POST.get("revision")) or 0
    try:
        projects.update_project(
            project=project,
            by=request.actor,
            revision=revision,
            changes={"fields": [_field(row, newest) for row in rows if row["use"]]},
        )
    except EditedMeanwhile:
        lost = projects.lost_race(project, revision=revision)
        return [lost.detail], lost.status
    except DomainError as error:
        return [error.detail, *(one.message for one in error.errors)], error.status
    return [], 200


def _is_new(row: Row) -> bool:
    """Whether the rows have to be asked: another kind, or a category without values."""
    no_values = row["kind"] == "categorical" and not row.get("categories")
    return bool(row["kind"] != row["was"] or no_values)


def _check_kinds(dataset: Dataset, changed: list[Row]) -> None:
    """Kinds that the newest rows do not bear out are refused by row; what becomes a
    category has every value that they hold. Only these columns are read."""
    stored = {column["name"] for column in dataset.columns}
    here = [row for row in changed if row["name"] in stored]
    names = [row["name"] for row in here]
    table, bad = frames.conform(here, datasets.training_frame(dataset, columns=names))
    wrong = {one.column: str(one) for one in bad}
    for row in here:
        row["error"] = wrong.get(row["name"], "")
        row["wrong"] = "kind" if row["error"] else ""
        if row["kind"] == "categorical":
            row["categories"] = sorted(table[row["name"]].dropna().unique())


def _field(row: Row, newest: Dataset | None) -> Row:
    """The row as a project keeps it: only what is said."""
    if row["declared"]:
        own = {"number", "use", "error", "wrong", "saved", "declared"}
        own |= {"is_number", "was", "role"}
        return {key: value for key, value in row.items() if key not in own}
    field: Row = {"name": row["name"], "kind": row["kind"]}
    if row.get("required"):
        field["required"] = True
    if row.get("unit"):
        field["unit"] = row["unit"]
    field |= {bound: row[bound] for bound in BOUNDS if row.get(bound) is not None}
    if row["kind"] == "categorical":
        field["categories"] = row.get("categories") or _categories(row, newest)
    return field


def _categories(row: Row, newest: Dataset | None) -> list[str]:
    """What a column that becomes a category has had so far."""
    figures = newest.profile.get(row["name"], {}) if newest else {}
    return sorted(value for value, _ in figures.get("top", []))
