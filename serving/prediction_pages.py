"""Pages of the predictions log, and of one prediction with all that led to it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from registry import moments
from registry.clock import now as clock_now
from registry.models import Project
from registry.web.pages import PageRequest, project_page, whole_number
from serving.explained import bars, shares
from serving.models import Prediction
from serving.predictions import found_at_once, kept, log, missing, page

PAGE = 50
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
    narrow: Any = {"reference": given["reference"], "entity": given["entity"]}
    narrow |= {"since": since, "until": until}
    rows = log(
        project,
        role=given["role"] if given["role"] in Prediction.Role.values else "",
        model=whole_number(given["model"]),
        **narrow,
    )
    if given["only"] in ONLY:
        rows = rows.filter(ONLY[given["only"]][1])
    at_once = (
        not any(given.values())
        or given["only"] in INDEXED
        or found_at_once(project, **narrow)
    )
    found = page(rows, request, project=project, at_once=at_once, limit=PAGE)
    context = {
        "project": project,
        "place": "predictions",
        "rows": found["results"],
        "next": found["next"],
        "looked": found["looked"],
        "filters": given,
        "wrong": _wrong(given, since=since, until=until),
        "filtered": any(given.values()),
        "since": f"{since:{MINUTES}}" if since else given["from"],
        "until": f"{until:{MINUTES}}" if until else given["to"],
        "later": "cursor" in request.GET,
        "roles": Prediction.Role.values,
        "kept": kept(project),
        "oldest": project.predictions.order_by("pk").first(),
        "only": [(key, words) for key, (words, _) in ONLY.items()],
    }
    return render(request, "serving/predictions.html", context)


def _wrong(
    given: Mapping[str, str], *, since: datetime | None, until: datetime | None
) -> dict[str, str]:
    """Filters that cannot be read, by name: the others hold, and the field says so."""
    wrong = {}
    if given["model"] and whole_number(given["model"]) is None:
        wrong["model"] = "Not a version's number, so it is not used: write 3."
    moment = "Not used: write a day or a moment, as 2026-01-31T12:00."
    if given["from"] and since is None:
        wrong["from"] = moment
    if given["to"] and until is None:
        wrong["to"] = moment
    if given["role"] and given["role"] not in Prediction.Role.values:
        wrong["role"] = f"Not used: choose one of {', '.join(Prediction.Role.values)}."
    if given["only"] and given["only"] not in ONLY:
        wrong["only"] = f"Not used: choose one of {', '.join(ONLY)}."
    return wrong


def _moment(text: str, *, end: bool = False) -> datetime | None:
    """A day, or a moment as links of charts name it; of a day its end, if asked."""
    try:
        found = moments.read(text)
    except ValueError:
        return None
    is_day = len(text) == len("2026-01-01")
    return found + timedelta(days=1) if end and is_day else found


@project_page("owner")
def prediction(request: PageRequest, project: Project, id: UUID) -> HttpResponse:
    """One answer: what came in, what the model saw, why it said so, by which version."""
    row = project.predictions.select_related("version").filter(pk=id).first()
    if row is None:
        raise missing(project, id, now=clock_now())
    shadows = Prediction.objects.filter(shadow_of=row.pk).select_related("version")
    context = {
        "project": project,
        "place": "predictions",
        "row": row,
        "sentence": _sentence(row),
        "values": _values(row),
        "shadows": shadows,
        "bars": bars(row.explanation),
        "shares": shares(row.output.get("probabilities")),
    }
    return render(request, "serving/prediction.html", context)


def _sentence(row: Prediction) -> str:
    """Who said it, about whom."""
    about = row.entity or row.reference
    if row.error:
        return f"Version {row.version.number} failed{f' at {about}' if about else ''}."
    said = f"Version {row.version.number} said so" + (f" of {about}" if about else "")
    return (
        f"{said}, in place of another: {row.fallback}" if row.fallback else f"{said}."
    )


def _values(row: Prediction) -> list[dict[str, Any]]:
    """Every value with where it came from: the client, a look-up, or a computation."""
    names = [field["name"] for field in row.version.fields]
    units = {field["name"]: field.get("unit", "") for field in row.version.fields}
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
