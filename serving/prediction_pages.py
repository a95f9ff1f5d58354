"""Pages of the predictions log, and of one prediction with all that led to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from registry.errors import NotFound
from registry.models import Project
from registry.web import keyset
from registry.web.pages import PageRequest, project_page, whole_number
from serving.explained import bars, shares
from serving.models import Prediction
from serving.predictions import log

PAGE = 50
LOOKED = 50_000  # answers a page looks through for what no index finds
INDEXED = {"fallback", "failed", "test"}  # of `only`; a reference and an entity are too
MINUTES = "%Y-%m-%dT%H:%M"
TEXTS = ("reference", "entity", "model", "role", "from", "to", "only")
ONLY: Mapping[str, tuple[str, Q]] = {
    "fallback": ("that fell back", ~Q(fallback="")),
    "failed": ("that failed", ~Q(error="")),
    "asked": ("without tests", Q(test=False)),
    "test": ("that were tests", Q(test=True)),
}


@project_page("owner")
def predictions(request: PageRequest, project: Project) -> HttpResponse:
    """What was answered, the newest first; the filters stay on every page."""
    given = {name: request.GET.get(name, "").strip() for name in TEXTS}
    since, until = _moment(given["from"]), _moment(given["to"], end=True)
    rows = log(
        project,
        reference=given["reference"],
        role=given["role"] if given["role"] in Prediction.Role.values else "",
        entity=given["entity"],
        model=whole_number(given["model"]),
        since=since,
        until=until,
    )
    if given["only"] in ONLY:
        rows = rows.filter(ONLY[given["only"]][1])
    found = _page(project, rows, request, given)
    context = {
        "project": project,
        "place": "predictions",
        "rows": found["results"],
        "next": found["next"],
        "looked": LOOKED if found.get("stopped") else 0,
        "filters": given,
        "filtered": any(given.values()),
        "since": f"{since:{MINUTES}}" if since else "",
        "until": f"{until:{MINUTES}}" if until else "",
        "later": "cursor" in request.GET,
        "roles": Prediction.Role.values,
        "only": [(key, words) for key, (words, _) in ONLY.items()],
    }
    return render(request, "serving/predictions.html", context)


def _page(
    project: Project,
    rows: QuerySet[Prediction],
    request: PageRequest,
    given: Mapping[str, str],
) -> dict[str, Any]:
    found_at_once = given["reference"] or given["entity"] or given["only"] in INDEXED
    if found_at_once or not any(given.values()):
        return keyset.page(rows, request, limit=PAGE)
    everything = project.predictions.all()
    return keyset.page_among(rows, request, among=everything, most=LOOKED, limit=PAGE)


def _moment(text: str, *, end: bool = False) -> datetime | None:
    """A day, or a moment as links of charts name it; of a day its end, if asked."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        is_day = len(text) == len("2026-01-01") and found.time() == time()
        found = found.astimezone(UTC)
        return found + timedelta(days=1) if end and is_day else found
    except (ValueError, OverflowError):
        return None


@project_page("owner")
def prediction(request: PageRequest, project: Project, id: UUID) -> HttpResponse:
    """One answer: what came in, what the model saw, why it said so, by which version."""
    row = project.predictions.select_related("version").filter(pk=id).first()
    if row is None:
        raise NotFound("There is no such prediction.")
    shadows = Prediction.objects.filter(shadow_of=row.pk).select_related("version")
    context = {
        "project": project,
        "place": "predictions",
        "row": row,
        "sentence": _sentence(row),
        "values": _values(project, row),
        "shadows": shadows,
        "bars": bars(row.explanation),
        "shares": shares(row.output.get("probabilities")),
    }
    return render(request, "serving/prediction.html", context)


def _sentence(row: Prediction) -> str:
    """Who said it, about whom."""
    about = row.entity or row.reference
    said = f"Version {row.version.number} said so" + (f" of {about}" if about else "")
    return (
        f"{said}, in place of another: {row.fallback}" if row.fallback else f"{said}."
    )


def _values(project: Project, row: Prediction) -> list[dict[str, Any]]:
    """Every value with where it came from: the client, a look-up, or a computation."""
    names = [field["name"] for field in project.fields]
    units = {field["name"]: field.get("unit", "") for field in project.fields}
    known = dict.fromkeys([*names, *row.input, *row.features])
    found = []
    for name in known:
        sent, seen = row.input.get(name), row.features.get(name)
        came = "sent" if sent is not None else "looked up" if seen is not None else ""
        if name not in units and sent is None:
            came = "computed"
        value = sent if sent is not None else seen
        found.append(
            {"name": name, "value": value, "came": came, "unit": units.get(name, "")}
            | {"seen": seen if sent is not None and seen != sent else None}
        )
    return found
