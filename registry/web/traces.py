"""Every chart: the look, and one series as what Plotly draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import groupby
from typing import Any

from django.utils.text import Truncator

from registry.written import four

ROLES = (
    *("live", "candidate", "baseline", "shadow"),
    *("good", "warning", "bad", "unknown", "text"),
    *("1", "2", "3", "4", "5", "6"),
)
MANY_MARKS = 8  # beyond it only the lines are drawn: their words would overlap
MARK_WORDS, LATE = (
    24,
    0.66,
)  # characters of a mark, and from where on they lean to the left
Figure = dict[str, Any]


def colour(role: str, *, faint: bool = False) -> str:
    """A role's colour as a name of the style sheet; `faint` for bands and areas.

    >>> colour("live"), colour("live", faint=True)
    ('var(--chart-live)', 'var(--chart-live-faint)')
    """
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role; roles are {', '.join(ROLES)}.")
    return f"var(--chart-{role}{'-faint' if faint else ''})"


GRID, QUIET, INK = "var(--chart-grid)", "var(--chart-quiet)", "var(--chart-ink)"
AXIS: Figure = {
    "gridcolor": GRID,
    "linecolor": GRID,
    "zerolinecolor": GRID,
    "automargin": True,
    "title": {"font": {"size": 12}, "standoff": 8},
    "fixedrange": True,
}
LAYOUT: Figure = {
    "font": {"size": 12, "color": QUIET},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 8, "r": 8, "t": 28, "b": 8, "pad": 4},
    "dragmode": False,
    "hovermode": "closest",
    "hoverlabel": {
        "bgcolor": "var(--chart-ground)",
        "bordercolor": GRID,
        "font": {"size": 12, "color": INK},
    },
    "legend": {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "bgcolor": "rgba(0,0,0,0)",
        "itemclick": False,
        "itemdoubleclick": False,
    },
    "bargap": 0.2,
    "showlegend": False,
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line, one set of bars or points; `low` and `high` are its interval."""

    name: str
    role: str
    x: Sequence[Any]
    y: Sequence[float | None]
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None
    n: Sequence[int | None] | None = None
    dashed: bool = False  # an estimate, not a measurement
    links: Sequence[str | None] = ()

    def intervals(self) -> list[tuple[float, float] | None]:
        """(low, high) of every x, None where it has none."""
        if self.low is None or self.high is None:
            return [None] * len(self.x)
        return [
            None if low is None or high is None else (low, high)
            for low, high in zip(self.low, self.high, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened at a time: a deploy, a note."""

    at: datetime
    text: str
    role: str = "unknown"


def frame(
    traces: Sequence[Figure], *, x: str = "", y: str = "", legend: bool = False
) -> Figure:
    """Traces in our look, for what no builder draws."""
    axes = {
        "xaxis": AXIS | {"title": AXIS["title"] | {"text": x}},
        "yaxis": AXIS | {"title": AXIS["title"] | {"text": y}},
    }
    margin = LAYOUT["margin"] | {"t": 28 if legend else 8}
    look = LAYOUT | axes | {"showlegend": legend, "margin": margin}
    return {"data": list(traces), "layout": look}


def lines_of(one: Series) -> Iterator[Figure]:
    if any(one.intervals()):
        x, y = _outline(one)
        yield {
            "type": "scatter",
            "x": x,
            "y": y,
            "fill": "toself",
            "mode": "none",
            "fillcolor": colour(one.role, faint=True),
            "hoverinfo": "skip",
            "showlegend": False,
        }
    yield points_of(one) | {
        "mode": "lines+markers",
        "line": {
            "color": colour(one.role),
            "width": 2,
            "dash": "dash" if one.dashed else "solid",
        },
        "marker": {"color": colour(one.role), "size": 4},
        "error_y": {"visible": False},
    }


def _outline(one: Series) -> tuple[list[Any], list[float | None]]:
    """The band as closed shapes, one for every stretch without a gap."""
    x: list[Any] = []
    y: list[float | None] = []
    pairs = zip(one.x, one.intervals(), strict=True)
    for known, group in groupby(pairs, key=lambda pair: pair[1] is not None):
        if not known:
            continue
        stretch = [(where, *span) for where, span in group if span]
        there, back = stretch, stretch[::-1]
        x += [p[0] for p in there] + [p[0] for p in back] + [None]
        y += [p[2] for p in there] + [p[1] for p in back] + [None]
    return x[:-1], y[:-1]


def points_of(one: Series) -> Figure:
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": one.name,
        "x": list(one.x),
        "y": list(one.y),
        "text": _asides(one),
        "marker": {"color": colour(one.role), "size": 8},
        "hovertemplate": "%{y:.4g}%{text}",
    }
    if any(one.links):
        trace["customdata"] = list(one.links)
    if any(one.intervals()):
        trace["error_y"] = _whiskers(one)
    return trace


def _asides(one: Series) -> list[str]:
    """What stands in brackets behind the value: interval and n."""
    found = []
    counts = one.n or [None] * len(one.x)
    for span, n in zip(one.intervals(), counts, strict=True):
        words = [f"{four(span[0])} to {four(span[1])}"] if span else []
        words += [f"n = {n}"] if n is not None else []
        found.append(f" ({', '.join(words)})" if words else "")
    return found


def _whiskers(one: Series) -> Figure:
    pairs = list(zip(one.y, one.intervals(), strict=True))
    up = [span[1] - y if span and y is not None else None for y, span in pairs]
    down = [y - span[0] if span and y is not None else None for y, span in pairs]
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "color": colour(one.role),
        "thickness": 1.5,
        "width": 4,
    }


def bars_of(one: Series, *, across: bool) -> Figure:
    whiskers = points_of(one).get("error_y")
    trace: Figure = {
        "type": "bar",
        "name": one.name,
        "orientation": "h" if across else "v",
        "x": list(one.y if across else one.x),
        "y": list(one.x if across else one.y),
        "text": _asides(one),
        "textposition": "none",
        "marker": {"color": colour(one.role)},
        "hovertemplate": "%{x:.4g}%{text}" if across else "%{y:.4g}%{text}",
    }
    if any(one.links):
        trace["customdata"] = list(one.links)
    if whiskers:
        trace["error_x" if across else "error_y"] = whiskers | {"color": QUIET}
    return trace


def rule(x: Sequence[float], y: Sequence[float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"color": QUIET, "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def upright(at: Any, *, role: str, text: str = "") -> Figure:
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": colour(role), "width": 1, "dash": "dot"},
        "label": {
            "text": Truncator(text).chars(MARK_WORDS),
            "textposition": "end",
            "textangle": 0,
            "xanchor": "left",
            "yanchor": "top",
            "padding": 4,
            "font": {"size": 11, "color": QUIET},
        },
    }


def across(at: float, *, role: str, text: str = "", side: str = "start") -> Figure:
    """A line at a height, which says what is there."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": at,
        "y1": at,
        "line": {"color": colour(role), "width": 1, "dash": "dash"},
        "label": {
            "text": text,
            "textposition": side,
            "yanchor": "bottom",
            "font": {"size": 11, "color": QUIET if role == "unknown" else colour(role)},
        },
    }


def marks_of(
    marks: Sequence[Mark], *, span: tuple[Any, Any] | None = None
) -> list[Figure]:
    """Words lean to the left where the right end is near."""
    few = len(marks) <= MANY_MARKS
    shapes = [upright(m.at, role=m.role, text=m.text if few else "") for m in marks]
    if span and marks:
        start, end = map(_seconds, span)
        late = start + LATE * (end - start)
        for mark, shape in zip(marks, shapes, strict=True):
            if _seconds(mark.at) > late:
                shape["label"]["xanchor"] = "right"
    return shapes


def _seconds(moment: date | str) -> float:
    """Of a moment, or of a day's first, or of how either is written."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    elif not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def shade_of(shade: tuple[Any, Any, str] | None) -> list[Figure]:
    if shade is None:
        return []
    start, end, why = shade
    return [
        {
            "type": "rect",
            "x0": start,
            "x1": end,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "fillcolor": "var(--chart-shade)",
            "line": {"width": 0},
            "layer": "below",
            "label": {
                "text": why,
                "textposition": "bottom right",
                "font": {"size": 11, "color": QUIET},
            },
        }
    ]
