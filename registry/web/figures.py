"""Every chart: the kinds that are drawn, each with its table, in one look.

Builders return a `Chart`; what they do not know may be changed by `dataclasses.replace`.
Figures are plain dicts that Plotly's own validation accepts (a test asks it).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from registry.web.charts import Cell, Chart
from registry.web.traces import (
    Figure,
    Mark,
    Series,
    across,
    bars_of,
    colour,
    frame,
    lines_of,
    marks_of,
    points_of,
    rule,
    shade_of,
    upright,
)

__all__ = [
    "Mark",
    "Series",
    "across",
    "bars",
    "colour",
    "forest",
    "frame",
    "heatmap",
    "histogram",
    "line",
    "scatter",
    "table",
]


def line(
    *,
    title: str,
    series: Sequence[Series],
    x: str = "Time",
    y: str = "",
    unit: str = "",
    marks: Sequence[Mark] = (),
    shade: tuple[Any, Any, str] | None = None,
    span: tuple[Any, Any] | None = None,
    **more: Any,
) -> Chart:
    """Values over time, each with its band. `shade` greys a part and says why;
    `span` is what the axis shows, so that charts beside each other show the same.

    `x` is the head of the table's first column; a time axis needs no name.
    """
    traces = [trace for one in series for trace in lines_of(one)]
    figure = frame(traces, y=y or unit, legend=len(series) > 1)
    figure["layout"] |= {"dragmode": "zoom", "hovermode": "x unified"}
    figure["layout"]["xaxis"]["fixedrange"] = False
    if span:
        figure["layout"]["xaxis"]["range"] = list(span)
    if marks:
        span = span or _extent(series, shade)
    figure["layout"]["shapes"] = [*shade_of(shade), *marks_of(marks, span=span)]
    head, rows, links = table(series, x=x)
    return Chart(
        **{"title": title, "unit": unit, "head": head, "rows": rows}
        | {"figure": figure, "links": links}
        | more
    )


def _extent(
    series: Sequence[Series], shade: tuple[Any, Any, str] | None
) -> tuple[Any, Any] | None:
    """What an axis shows that is given no span."""
    at = [x for one in series for x in one.x if x is not None]
    return (min(at), shade[1] if shade else max(at)) if at else None


def bars(
    *,
    title: str,
    series: Sequence[Series],
    x: str = "",
    y: str = "",
    unit: str = "",
    across: bool = False,
    stacked: bool = False,
    **more: Any,
) -> Chart:
    """Bars by name or by bin; `across` lays them down, for long names."""
    traces = [bars_of(one, across=across) for one in series]
    names = (y or unit, x) if across else (x, y or unit)
    figure = frame(traces, x=names[0], y=names[1], legend=len(series) > 1)
    figure["layout"]["barmode"] = "stack" if stacked else "group"
    if across:
        figure["layout"]["yaxis"]["autorange"] = "reversed"  # the first on top
    head, rows, links = table(series, x=x)
    return Chart(
        **{"title": title, "unit": unit, "head": head, "rows": rows}
        | {"figure": figure, "links": links}
        | more
    )


def histogram(*, title: str, series: Sequence[Series], **more: Any) -> Chart:
    """Counts or shares by bin, several of them one over the other."""
    found = bars(title=title, series=series, **more)
    layout = found.figure["layout"]
    layout |= {"barmode": "overlay", "bargap": 0.04}
    for trace in found.figure["data"]:
        trace["opacity"] = 0.65 if len(series) > 1 else 1
    return found


def scatter(
    *,
    title: str,
    series: Sequence[Series],
    x: str,
    y: str,
    diagonal: bool = False,
    **more: Any,
) -> Chart:
    """Points; `diagonal` draws where both would be equal."""
    traces = [points_of(one) for one in series]
    figure = frame(traces, x=x, y=y, legend=len(series) > 1)
    if diagonal:
        known = [v for s in series for v in (*s.x, *s.y) if v is not None]
        ends = [min(known, default=0), max(known, default=1)]
        figure["data"].insert(0, rule(ends, ends))
    head, rows, links = table(series, x=x)
    return Chart(
        **{"title": title, "head": head, "rows": rows}
        | {"figure": figure, "links": links}
        | more
    )


def forest(
    *,
    title: str,
    series: Series,
    x: str,
    y: str = "",
    unit: str = "",
    reference: float | None = None,
    **more: Any,
) -> Chart:
    """A value with its interval for every name; a line at the reference.

    `series.x` holds the names, `series.y` the values, the first on top.
    """
    trace = points_of(series)
    trace |= {"x": list(series.y), "y": list(series.x)}
    trace["error_x"] = trace.pop("error_y", {"visible": False})
    figure = frame([trace], x=unit or x, y=y)
    figure["layout"]["yaxis"] |= {"autorange": "reversed", "type": "category"}
    if reference is not None:
        figure["layout"]["shapes"] = [upright(reference, role="unknown")]
    head, rows, links = table([series], x=y or "Name")
    return Chart(
        **{"title": title, "unit": unit, "head": head, "rows": rows}
        | {"figure": figure, "links": links}
        | more
    )


def heatmap(
    *,
    title: str,
    x: Sequence[Any],
    y: Sequence[str],
    z: Sequence[Sequence[float | None]],
    names: tuple[str, str, str],
    top: float | None = None,
    links: Sequence[Sequence[str | None]] = (),
    **more: Any,
) -> Chart:
    """A number for every pair; the darker the more. `names`: of x, y and the number."""
    across, down, number = names
    trace: Figure = {
        "type": "heatmap",
        "x": list(x),
        "y": list(y),
        "z": [list(row) for row in z],
        "zmin": 0,
        "zmax": top,
        "colorscale": [[0, "var(--chart-least)"], [1, "var(--chart-most)"]],
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "colorbar": {"thickness": 8, "outlinewidth": 0, "title": {"text": number}},
        "hovertemplate": f"%{{y}}<br>%{{x}}<br>{number} %{{z:.3g}}<extra></extra>",
    }
    if links:
        trace["customdata"] = [list(row) for row in links]
    figure = frame([trace], x=across, y=down)
    figure["layout"]["yaxis"] |= {"autorange": "reversed", "type": "category"}
    rows, places = [], []
    for j, name in enumerate(y):
        for i, where in enumerate(x):
            rows.append((name, where, z[j][i]))
            places.append(links[j][i] if links else None)
    return Chart(
        **{"title": title, "head": (down, across, number), "rows": rows}
        | {"figure": figure, "links": places}
        | more
    )


def table(
    series: Sequence[Series], *, x: str
) -> tuple[list[str], list[list[Cell]], list[str | None]]:
    """Head, rows and links: a row an x, up to four columns a series.

    An x that a series holds twice has two rows.
    """
    head = [x or "Name"]
    cells: dict[tuple[Any, int], dict[int, Cell]] = {}
    links: dict[tuple[Any, int], str | None] = {}
    for one in series:
        columns = _columns(one)
        first = len(head)
        plain = [one.name, *list(columns)[1:]]
        told = [one.name, *(f"{one.name}: {name}" for name in list(columns)[1:])]
        head += plain if len(series) == 1 else told
        seen: Counter[Any] = Counter()
        for i, where in enumerate(one.x):
            place = (where, seen[where])
            seen[where] += 1
            row = cells.setdefault(place, {})
            row |= {first + j: c[i] for j, c in enumerate(columns.values())}
            if i < len(one.links) and one.links[i]:
                links.setdefault(place, one.links[i])
    rows = [
        [place[0], *(row.get(column) for column in range(1, len(head)))]
        for place, row in cells.items()
    ]
    return head, rows, [links.get(place) for place in cells]


def _columns(one: Series) -> dict[str, Sequence[Cell]]:
    found: dict[str, Sequence[Cell]] = {"value": one.y}
    if one.low is not None and one.high is not None:
        found |= {"low": one.low, "high": one.high}
    if one.n is not None:
        found["n"] = one.n
    return found
