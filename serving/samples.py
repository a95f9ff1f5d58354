"""An example to begin with, and one request as curl, Python and JavaScript send it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from registry.clock import now as clock_now
from registry.models import Project

PLAIN = {"numeric": 1.0, "integer": 1, "boolean": True, "text": "some words"}


def example(project: Project, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A plausible input: the middle of every column of the newest dataset."""
    newest = project.datasets.only("profile").first()
    profile = newest.profile if newest else {}
    found = {f["name"]: _middle(f, profile.get(f["name"]) or {}) for f in fields}
    return {name: value for name, value in found.items() if value is not None}


def _middle(field: Mapping[str, Any], figures: Mapping[str, Any]) -> Any:
    kind, top = field["kind"], figures.get("top")
    if kind == "image":
        return None
    if kind == "datetime":
        return clock_now().replace(second=0, microsecond=0).isoformat()
    if top:
        return top[0][0] == "true" if kind == "boolean" else top[0][0]
    median = (figures.get("quantiles") or {}).get("0.5")
    if median is not None:
        return round(median) if kind == "integer" else float(f"{median:.6g}")
    categories = field.get("categories") or [None]
    return PLAIN.get(kind, categories[0])


def attributes(text: str) -> dict[str, str]:
    """`plan=gold, country=CH` as attributes.

    >>> attributes("plan=gold, country = CH")
    {'plan': 'gold', 'country': 'CH'}
    """
    pairs = (part.partition("=") for part in text.replace("\n", ",").split(","))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def with_offset(text: str, zone: str) -> str:
    """A time of a form, which has no offset, as one of the project's zone.

    >>> with_offset("2026-07-01T12:00", "Europe/Zurich")
    '2026-07-01T12:00:00+02:00'
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text  # the schema says what is wrong with it
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(zone))
    return found.isoformat()


def without_offset(value: Any, zone: str) -> str:
    """A moment as a form's control holds it, in the project's zone.

    >>> without_offset("2026-07-01T10:00:00+00:00", "Europe/Zurich")
    '2026-07-01T12:00'
    """
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        found = found.astimezone(ZoneInfo(zone))
    except OverflowError:  # the first or the last day of all: as it was typed
        pass
    return found.replace(tzinfo=None).isoformat(timespec="minutes")


def pretty(body: Any) -> str:
    return json.dumps(body, indent=2, default=str, ensure_ascii=False)


def programs(
    url: str, asked: Mapping[str, Any], *, pictures: Sequence[str]
) -> list[dict[str, str]]:
    """The request as three programs; images go as files, beside the rest as JSON."""
    given = {k: v for k, v in (asked.get("input") or {}).items() if k not in pictures}
    request = {**asked, "input": given, "explain": True}
    if "entity" in asked and not given:
        del request["input"]
    # It stands in single quotes, in a shell and in Python.
    body = json.dumps(request, ensure_ascii=False).replace("'", "\\u0027")
    return [
        {"name": "curl", "text": _curl(url, body, pictures)},
        {"name": "Python", "text": _python(url, body, pictures)},
        {"name": "JavaScript", "text": _javascript(url, request, pictures)},
    ]


def _curl(url: str, body: str, pictures: Sequence[str]) -> str:
    if not pictures:
        kind = '-H "Content-Type: application/json"'
        return f"curl -s {url} \\\n  -H \"X-Api-Key: $KEY\" {kind} \\\n  -d '{body}'"
    files = "".join(
        f"  -F {shlex.quote(f'{name}=@image.png')} \\\n" for name in pictures
    )
    return f"curl -s {url} -H \"X-Api-Key: $KEY\" \\\n{files}  -F 'request={body}'"


def _python(url: str, body: str, pictures: Sequence[str]) -> str:
    sent = f"    data=r'''{body}''',"
    if pictures:
        files = ", ".join(f'{name!r}: open("image.png", "rb")' for name in pictures)
        sent = f"    files={{{files}}},\n    data={{\"request\": r'''{body}'''}},"
    return (
        f'import requests\n\nanswer = requests.post(\n    "{url}",\n'
        f'    headers={{"X-Api-Key": KEY}},\n{sent}\n).json()'
    )


def _javascript(url: str, request: Mapping[str, Any], pictures: Sequence[str]) -> str:
    text = json.dumps(request, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    if not pictures:
        return (
            f'const answer = await fetch("{url}", {{\n  method: "POST",\n'
            '  headers: { "X-Api-Key": KEY, "Content-Type": "application/json" },\n'
            f"  body: JSON.stringify({text}),\n}}).then((response) => response.json());"
        )
    files = "".join(f"form.append({json.dumps(n)}, file);\n" for n in pictures)
    return (
        f"const form = new FormData();\n{files}"
        f'form.append("request", JSON.stringify({text}));\n'
        f'const answer = await fetch("{url}", {{\n  method: "POST",\n'
        '  headers: { "X-Api-Key": KEY },\n  body: form,\n'
        "}).then((response) => response.json());"
    )
