"""The try-it console: a form made from the schema, the answer, and the same request as
a program would send it. What is sent from here is a test and counts nowhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry import csv_files
from registry.clock import now as clock_now
from registry.errors import InvalidInput
from registry.models import Project
from registry.web.pages import PageRequest, project_page
from registry.web.wide_forms import wide_form
from serving import samples
from serving.explained import bars, shares
from serving.frontend import forms, inputs
from serving.frontend.front import answer, problem
from serving.models import Rollout

Asked = dict[str, Any]
Fields = Sequence[Mapping[str, Any]]


@wide_form(2 * csv_files.MOST_COLUMNS)  # fields, the entity, and who asks
@project_page("viewer", POST="viewer")
def try_it(request: PageRequest, project: Project) -> HttpResponse:
    """The form with an example in it; asked, the answer beside it."""
    context: Asked = {"project": project, "place": "try"}
    read_now = inputs.fields_now(project)
    asked: Asked | None = None
    if request.method == "POST":
        asked, told = _sent(project, read_now, request)
        context |= told
    shown = asked or {"input": samples.example(project, read_now)}
    pictures = [f["name"] for f in read_now if f["kind"] == "image"]
    url = request.build_absolute_uri(f"/api/v1/projects/{project.slug}/predict")
    wrong = _wrong(context.get("answer") or {})
    fields = _fields(project, read_now, shown, wrong)
    entity = _entity(project, read_now, shown, wrong)
    user = {"id": "user", "value": shown.get("user", ""), "error": wrong.get("user")}
    words = _words(shown.get("attributes") or {})
    attributes = {"id": "attributes", "value": words, "error": wrong.get("attributes")}
    context |= {
        "fields": fields,
        "entity": entity,
        "user": user,
        "attributes": attributes,
        "controls": [*fields, *entity, user, attributes],
        "looks_up": _looks_up(project),
        "pictures": pictures,
        "code": samples.programs(url, shown, pictures=pictures),
    }
    htmx = getattr(request, "htmx", False)
    part = "serving/partials/tried.html"
    if htmx:
        return render(request, part, context)
    status = context["status"] if wrong else 200
    return render(request, "serving/try.html", context, status=status)


def _wrong(answer: Asked) -> dict[str, str]:
    """What is wrong with each field, by its name."""
    return {
        one["field"].removeprefix("input."): one["message"]
        for one in answer.get("errors", [])
    }


def _sent(
    project: Project, fields: Fields, request: PageRequest
) -> tuple[Asked, Asked]:
    """What was typed, which stays though it is refused; and what the page says to it."""
    try:
        asked = read(project, fields, request)
    except InvalidInput as error:
        told = {"status": error.status, "answer": problem(error)}
        return read(project, fields, request, files=False), told
    return asked, _answered(project, request, asked)


def _answered(project: Project, request: PageRequest, asked: Asked) -> Asked:
    status, body = answer(
        project=project,
        request={**asked, "explain": True, "test": True},
        actor=request.actor,
        now=clock_now(),
    )
    return {
        "status": status,
        "answer": body,
        "number": str(body.get("model", "")).rpartition("/")[2],
        "bars": bars(body.get("explanation")),
        "shares": shares(body.get("probabilities")),
        "raw": samples.pretty(body),
    }


def read(
    project: Project, fields: Fields, request: HttpRequest, *, files: bool = True
) -> Asked:
    """What was typed, as a request; empty is missing. A file is an image, and one that
    was sent before need not be chosen again; without `files` only that one counts."""
    given: Asked = {}
    for field in fields:
        name, kind = field["name"], field["kind"]
        text = request.POST.get(f"field:{name}", "").strip()
        if kind == "image":
            file = request.FILES.get(f"field:{name}") if files else None
            text = forms.as_base64(name, file) if file else text
            text = text or request.POST.get(f"sent:{name}", "")
        if kind == "datetime":
            text = samples.with_offset(text, project.zone)
        if text:
            given[name] = forms.typed(text, kind)
    named = {
        name: text
        for name in project.entity
        if (text := request.POST.get(f"entity:{name}", "").strip())
    }
    asked: Asked = {"input": given} if given or not named else {}
    if named:
        asked["entity"] = (
            named if len(project.entity) > 1 else next(iter(named.values()))
        )
    if user := request.POST.get("user", "").strip():
        asked["user"] = user
    if attributes := samples.attributes(request.POST.get("attributes", "")):
        asked["attributes"] = attributes
    return asked


def _fields(
    project: Project, fields: Fields, shown: Asked, wrong: Mapping[str, str]
) -> list[Asked]:
    """Each field with what its control holds, and what is wrong with it."""
    given = shown.get("input") or {}
    found = []
    for place, field in enumerate(fields, start=1):
        value = given.get(field["name"], "")
        if field["kind"] == "datetime":
            value = samples.without_offset(value, project.zone)
        elif isinstance(value, bool):
            value = "true" if value else "false"
        told = {"id": f"f{place}", "error": wrong.get(field["name"], "")}
        found.append({**field, **told, "value": value})
    return found


def _entity(
    project: Project, fields: Fields, shown: Asked, wrong: Mapping[str, str]
) -> list[Asked]:
    """The columns that name the subject, each with what was typed; those that are
    fields too have a control already."""
    there = {field["name"] for field in fields}
    given: Any = shown.get("entity") or {}
    if not isinstance(given, dict):
        given = dict.fromkeys(project.entity, given)
    return [
        {"id": f"e{place}", "name": name, "value": given.get(name, "")}
        | {"error": wrong.get(name) or wrong.get("entity", "")}
        for place, name in enumerate(project.entity, start=1)
        if name not in there
    ]


def _looks_up(project: Project) -> bool:
    rollout = Rollout.objects.filter(project=project).select_related("live").first()
    return bool(rollout and rollout.live.features.get("lookups"))


def _words(attributes: Asked) -> str:
    return ", ".join(f"{name}={value}" for name, value in attributes.items())
