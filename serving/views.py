"""Pages of this floor: the predictions log, one prediction, the try-it console."""

import json
import shlex
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry.clock import now as clock_now
from registry.errors import InvalidInput, NotFound
from registry.models import Project
from registry.web.pages import project_page, whole_number
from serving.frontend import forms
from serving.frontend.front import answer, problem
from serving.models import Prediction
from serving.predictions import log

PAGE = 50
EXAMPLE_VALUES = {
    "numeric": 1.0,
    "integer": 1,
    "boolean": True,
    "text": "some words",
    "datetime": "2026-01-01T12:00:00Z",
}


@project_page("owner")
def predictions(request: HttpRequest, project: Project) -> HttpResponse:
    """What was answered, the newest first; older pages by the last id shown."""
    given = {name: request.GET.get(name, "").strip() for name in ("reference", "role")}
    entity, model = request.GET.get("entity", "").strip(), request.GET.get("model", "")
    rows = log(
        project,
        reference=given["reference"],
        role=given["role"],
        entity=entity,
        model=whole_number(model),
    )
    before = _uuid(request.GET.get("before", ""))
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-id")[: PAGE + 1])
    following = ""
    if len(found) > PAGE:
        query = request.GET.copy()
        query["before"] = str(found[PAGE - 1].pk)
        following = f"?{query.urlencode()}"
    context = {
        "project": project,
        "place": "predictions",
        "rows": found[:PAGE],
        "next": following,
        "filters": {**given, "entity": entity, "model": model},
        "roles": Prediction.Role.values,
    }
    return render(request, "serving/predictions.html", context)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@project_page("owner")
def prediction(request: HttpRequest, project: Project, id: UUID) -> HttpResponse:
    """One answer: what came in, what the model saw, why it said so, by which version."""
    row = project.predictions.select_related("version").filter(pk=id).first()
    if row is None:
        raise NotFound("There is no such prediction.")
    context = {
        "project": project,
        "place": "predictions",
        "row": row,
        "shadows": Prediction.objects.filter(shadow_of=row.pk).select_related(
            "version"
        ),
        "bars": bars(row.explanation),
    }
    return render(request, "serving/prediction.html", context)


def bars(explanation: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Contributions as bars, the longest is 100 wide."""
    parts = (explanation or {}).get("contributions") or []
    longest = max((abs(part["contribution"]) for part in parts), default=0) or 1
    return [
        {**part, "width": round(100 * abs(part["contribution"]) / longest)}
        for part in parts
    ]


@project_page("viewer", POST="viewer")
def try_it(request: HttpRequest, project: Project) -> HttpResponse:
    """A form made from the schema; what it sends is a test and counts nowhere."""
    context: dict[str, Any] = {
        "project": project,
        "place": "try",
        "url": request.build_absolute_uri(f"/api/v1/projects/{project.slug}/predict"),
    }
    asked: dict[str, Any] | None = None
    if request.method == "POST":
        try:
            asked = _typed(project, request)
        except InvalidInput as error:
            context |= {"status": error.status, "answer": problem(error)}
        else:
            context |= _answered(project, request, asked)
    context["fields"] = [_shown(field, asked) for field in project.fields]
    pictures = [f["name"] for f in context["fields"] if f["kind"] == "image"]
    given = {f["name"]: f["value"] for f in context["fields"] if f["value"] != ""}
    rest = {name: value for name, value in given.items() if name not in pictures}
    sent = {"input": rest, "explain": True}
    context["files"] = [shlex.quote(f"{name}=@image.png") for name in pictures]
    context["pictures"] = pictures
    # It stands in single quotes, in a shell and in Python.
    context["body"] = json.dumps(sent, ensure_ascii=False).replace("'", "\\u0027")
    return render(request, "serving/try.html", context)


def _answered(
    project: Project, request: HttpRequest, asked: dict[str, Any]
) -> dict[str, Any]:
    status, body = answer(
        project=project,
        request={"input": asked, "explain": True, "test": True},
        actor=request.actor,  # type: ignore[attr-defined]
        now=clock_now(),
    )
    raw = json.dumps(body, indent=2, default=str, ensure_ascii=False)
    return {
        "status": status,
        "answer": body,
        "bars": bars(body.get("explanation")),
        "raw": raw,
    }


def _shown(field: dict[str, Any], asked: dict[str, Any] | None) -> dict[str, Any]:
    """A field with the value that its input holds: what was asked, else an example."""
    name = field["name"]
    if asked is not None:
        return {**field, "value": asked.get(name, "")}
    categories = field.get("categories") or []
    first = categories[0] if categories else EXAMPLE_VALUES.get(field["kind"], "")
    return {**field, "value": first}


def _typed(project: Project, request: HttpRequest) -> dict[str, Any]:
    """What was typed, as JSON would carry it; empty is missing. A file is an image, and
    one that was sent before need not be chosen again."""
    found: dict[str, Any] = {}
    for field in project.fields:
        name, kind = field["name"], field["kind"]
        text = request.POST.get(f"field:{name}", "").strip()
        if kind == "image":
            file = request.FILES.get(f"field:{name}")
            text = forms.as_base64(name, file) if file else text
            text = text or request.POST.get(f"sent:{name}", "")
        if text:
            found[name] = forms.typed(text, kind)
    return found
