"""How pages tell of windows: what is declared, and what a version chose."""

from typing import Any

from django import template
from django.db.models import Count, Max

from registry.catalogue import METRICS
from registry.definition_store import definition_of
from registry.models import Event, ModelVersion, Project
from registry.windows import Window, duration

register = template.Library()


@register.simple_tag
def declared_windows(project: Project) -> list[dict[str, Any]]:
    """What the definition declares, with how much is known of it."""
    definition = definition_of(project)
    windows = definition.windows if definition else []
    if not windows:
        return []
    facts = Event.objects.filter(
        project=project, stream__in=[window.stream for window in windows]
    )
    rows = facts.values("stream").annotate(n=Count("id"), last=Max("known_at"))
    known: dict[str, Any] = {row["stream"]: row for row in rows}
    return [
        {
            "name": window.name,
            "key": window.key,
            "events": events_of(window.stream),
            "value": window.events.value,
            "length": duration(window.length.microseconds),
            "tuned": _bounds(window),
            "features": _said(window.declared()["features"]),
            "facts": known.get(window.stream, {}).get("n", 0),
            "last": known.get(window.stream, {}).get("last"),
            "listed": window.listed,
        }
        for window in windows
    ]


@register.simple_tag
def version_windows(version: ModelVersion) -> list[dict[str, Any]]:
    """The windows that a version reads, over the lengths it was trained with."""
    definition = definition_of(version.project)
    known = {one.name: one for one in definition.windows} if definition else {}
    return [
        {
            "name": name,
            "key": given["key"],
            "events": events_of(given["events"]),
            "length": duration(given["microseconds"]),
            "tuned": _bounds(known[name]) if name in known else "",
            "features": _said(given["features"]),
        }
        for name, given in version.features.get("windows", {}).items()
    ]


@register.simple_tag
def windows_bring(version: ModelVersion) -> dict[str, Any]:
    """What windows are worth by the run that compared the version, ready to be said."""
    found = version.card.get("windows_bring") or {}
    if not found:
        return {}
    metric = METRICS.get(version.project.primary_metric)
    project = version.project
    unit = project.unit if metric and metric.unit == "target" else ""
    return {
        **found,
        "names": found.get("windows", []),
        "metric": metric.label.lower() if metric else project.primary_metric,
        "unit": unit,
        "sure": found["low"] > 0 or found["high"] < 0,
        "better": found["gain"] > 0,
        "size": abs(found["gain"]),
        "bounds": sorted(abs(found[end]) for end in ("low", "high"))
        if found["low"] * found["high"] > 0
        else [found["low"], found["high"]],
    }


def events_of(stream: str) -> str:
    """A stream as it is called: the project's own truth has one a key."""
    return "truth" if stream.startswith("truth:") else stream


def _bounds(window: Window) -> str:
    if window.length.tune is None:
        return ""
    low, high = window.length.tune[:2]
    return f"{low:g} to {high:g} {window.length.unit}"


def _said(features: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "what": what} for name, what in features.items()]


@register.simple_tag
def newest_worth(project: Project) -> ModelVersion | None:
    """The version of the last run that measured what windows bring."""
    for version in project.versions.select_related("project")[:20]:
        if version.card.get("windows_bring"):
            return version
    return None
