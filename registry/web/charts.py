"""Every chart: one answer that is drawn, read as a table, and taken away as CSV.

A view makes a `Chart`, mostly with a builder of `registry.web.figures`, and answers:

    @project_page("viewer")
    def cost_chart(request: HttpRequest, project: Project) -> HttpResponse:
        series = Series(name="live", role="live", x=days, y=costs, low=low, high=high)
        return answer(request, line(title="Cost fell in June.", x="Day", series=[series]))

    path("p/<slug:project>/charts/cost", views.cost_chart, name="cost-chart")

The page includes the frame, which fetches, draws, redraws and polls by itself:

    {% url "cost-chart" project.slug as chart_url %}
    {% include "partials/chart.html" with url=chart_url title="Cost by day" %}

More for the frame: `poll=30` asks again every 30 seconds (304 as long as nothing is
new); `size="small"` or `"tall"`; `link="time"` zooms together with all charts of that
name; `id="…"` where the page's own module wants it. Nothing else has to be loaded: the
frame brings script, Plotly and styles along, also when htmx swaps it in.

- Colours are roles (`figures.ROLES`: live, candidate, baseline, good, bad …), written as
  `colour("live")` and resolved in the browser, so that light and dark both work.
- `links`: one address a row (or None). The row's first cell leads there; builders give
  it to the drawn point too.
- `extra` is for a module of the page: the frame sends `chart:data` (detail: the whole
  answer) when it has data, `chart:range` (detail: {from, to} or null) when somebody
  zooms. Both bubble. It asks the frame in turn by `chart:ask`: see static/js/charts.js.
- No rows: the frame says `empty` instead of drawing axes around nothing.
- Numbers that are none (NaN, infinite) go out as null.
"""

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.text import slugify

from registry.errors import InvalidInput
from registry.spreadsheets import harmless

Cell = str | int | float | bool | datetime | date | None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`title` is a sentence that says what is to be seen; `rows` is what is drawn."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    figure: Mapping[str, Any]
    unit: str = ""
    empty: str = "There is nothing to draw yet."
    links: Sequence[str | None] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def answer(request: HttpRequest, chart: Chart) -> HttpResponse:
    """JSON for the frame, or the rows as CSV; 304 to whoever has it already."""
    wanted = request.GET.get("format", "json")
    if wanted not in {"json", "csv"}:
        raise InvalidInput(f"format={wanted[:40]!r}: ask for json or csv.")
    body = as_csv(chart) if wanted == "csv" else as_json(chart)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag}
    if wanted == "csv":
        name = slugify(chart.title)[:60] or "chart"
        headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        kind = "text/csv; charset=utf-8"
    else:
        kind = "application/json"
    found = HttpResponse(body, content_type=kind, headers=headers)
    same = get_conditional_response(request, etag=etag, response=found)
    return same or found


def as_json(chart: Chart) -> bytes:
    told = {name: getattr(chart, name) for name in chart.__dataclass_fields__}
    return msgspec.json.encode(told, enc_hook=_plain)


def as_csv(chart: Chart) -> bytes:
    """The table alone, under its own head."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([harmless(name) for name in chart.head])
    writer.writerows([[harmless(_cell(cell)) for cell in row] for row in chart.rows])
    return stream.getvalue().encode()


def _cell(cell: Cell) -> Cell:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    return cell


def _plain(value: Any) -> Any:
    """What msgspec does not know: arrays, numbers of NumPy, lazy text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
