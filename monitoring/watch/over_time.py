"""Component 4, the monitor page: charts over time, which zoom together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from monitoring.monitor.histograms import LATENCY
from monitoring.monitor.inputs import latency_of
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.performance import read_metric
from monitoring.monitor.rollups import Piece, mature_until, outcomes_of
from monitoring.watch.asked import Asked, Shown
from monitoring.watch.rollups import grouped, pieces, steps
from registry.templatetags.words import percent
from registry.web.charts import Chart
from registry.web.figures import Mark, Series, colour, frame, line, table
from registry.written import number

NOTHING = "No predictions in this period. Choose a longer one above."
TOLD = {
    "open": "baseline {live} opens",
    "start": "version {candidate} tried",
    "promote": "version {live} live",
    "rollback": "back to {live}",
    "baseline": "baseline for all",
}
MOST_MARKS = 40


def metric_chart(asked: Asked) -> Chart:
    """The metric of every version, bucket by bucket, with its interval."""
    found = pieces(asked, "outcomes")
    by_place = grouped(found, lambda p: (p.version, asked.step_of(p.at)))
    by_version = grouped(found, lambda p: p.version)
    series = [
        _metric_of(asked, one, by_place) for one in asked.shown if one.version.pk in by_version
    ]  # fmt: skip
    total = outcomes_of(by_version.get(asked.first.version.pk, []))
    if not any(y is not None for one in series for y in one.y):
        series = []
    return line(
        title=_metric_title(asked, total),
        series=series,
        x="From (UTC)",
        y=asked.metric.label,
        unit=unit_of(asked),
        marks=marks(asked),
        shade=immature(asked),
        span=(asked.start, asked.end),
        empty=_why_empty(asked, found),
    )


def _why_empty(asked: Asked, found: Sequence[Piece]) -> str:
    if not found:
        return NOTHING
    if asked.by != "week" and any(p.truths and p.mature for p in found):
        least, label = asked.metric.minimum_n, asked.metric.label.lower()
        return (
            f"No {asked.by} has the {least} truths that the {label} needs: "
            "choose longer steps above."
        )
    return "No truth of this period is complete yet."


def _metric_of(
    asked: Asked, one: Shown, by_place: dict[tuple[int, datetime], list[Piece]]
) -> Series:
    moments = list(steps(asked))
    answers = [
        read(asked, outcomes_of(by_place.get((one.version.pk, at), [])))
        for at in moments
    ]
    return Series(
        name=one.name,
        role=one.role,
        x=moments,
        y=[a["value"] for a in answers],
        low=[a["low"] for a in answers],
        high=[a["high"] for a in answers],
        n=[a["n"] for a in answers],
        links=[asked.rows(at, of=one) for at in moments],
    )


def read(asked: Asked, outcomes: Outcomes) -> dict[str, Any]:
    """The metric asked for; no value where nothing is known."""
    if not outcomes.n:
        return {"value": None, "low": None, "high": None, "n": 0}
    return read_metric(outcomes, asked.metric.key)


def _metric_title(asked: Asked, total: Outcomes) -> str:
    answer, label = read(asked, total), asked.metric.label
    name = asked.first.name.lower()
    if answer["value"] is None:
        why = answer.get("reason") or "no truth of this period is complete yet."
        return f"{label} of {name}: {why[0].lower()}{why[1:]}"
    reach = ""
    if answer["low"] is not None and answer["high"] is not None:
        reach = f"{number(answer['low'])} to {number(answer['high'])}, "
    apart = ""
    if left_out := answer.get("left_out"):
        apart = f", {number(left_out)} counted for another positive class left out"
    return (
        f"{label} of {name} is {with_unit(asked, answer['value'])} "
        f"({reach}{number(answer['n'])} truths{apart})."
    )


def unit_of(asked: Asked) -> str:
    currency = (asked.project.costs or {}).get("currency", "")
    return asked.metric.unit_in(
        currency=f"{currency} a prediction".strip(), target=asked.project.unit
    )


def with_unit(asked: Asked, value: float) -> str:
    return f"{number(value)} {unit_of(asked)}".strip()


def coverage_chart(asked: Asked) -> Chart:
    """How much of every bucket's truth is known."""
    found = grouped(pieces(asked), lambda p: (p.version, asked.step_of(p.at)))
    series = []
    for one in asked.shown:
        moments = [at for at in steps(asked) if (one.version.pk, at) in found]
        counts = [
            (sum(p.truths for p in group), _answers(group))
            for group in (found[one.version.pk, at] for at in moments)
        ]
        series.append(
            Series(
                name=one.name,
                role=one.role,
                x=moments,
                y=[known / n if n else None for known, n in counts],
                n=[n for _, n in counts],
            )
        )
    chart = line(
        title=_coverage_title(asked, list(found.values())),
        series=[one for one in series if one.x],
        x="From (UTC)",
        y="share known",
        shade=immature(asked),
        span=(asked.start, asked.end),
        empty=NOTHING,
    )
    chart.figure["layout"]["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    return chart


def _coverage_title(asked: Asked, groups: Sequence[Sequence[Piece]]) -> str:
    known = sum(p.truths for group in groups for p in group)
    n = sum(_answers(group) for group in groups)
    if not n:
        return "Truth known of every bucket."
    return f"The truth is known of {number(known)} of {number(n)} predictions ({percent(known / n)})."


def traffic_chart(asked: Asked) -> Chart:
    """Answers a bucket as bars, half and 95 % of the first version's latencies over it."""
    found = pieces(asked, "inputs")
    by_version = grouped(found, lambda p: (p.version, asked.step_of(p.at)))
    moments = sorted({asked.step_of(p.at) for p in found})
    first = asked.first
    counts = [_latency(by_version.get((first.version.pk, at), [])) for at in moments]
    latency = [
        Series(
            name=name,
            role=role,
            x=moments,
            y=[LATENCY.quantile(of_one, q) for of_one in counts],
            dashed=dashed,
            links=[asked.rows(at, of=first) for at in moments],
        )
        for name, q, role, dashed in (
            ("95 % within (ms)", 0.95, first.role, False),
            ("half within (ms)", 0.5, first.role, True),
        )
    ]
    answers = [
        Series(
            name=f"Answers of {one.name.lower()}",
            role=one.role,
            x=moments,
            y=[_answers(by_version.get((one.version.pk, at), [])) for at in moments],
        )
        for one in asked.shown
    ]
    head, rows, links = table([*latency, *answers], x="From (UTC)")
    return Chart(
        title=_traffic_title(asked, found),
        head=head,
        rows=rows,
        links=links,
        unit="ms",
        figure=_traffic_figure(asked, latency, answers),
        empty=NOTHING,
    )


def _answers(group: Sequence[Piece]) -> int:
    return sum(piece.answers for piece in group)


def _traffic_figure(
    asked: Asked, latency: Sequence[Series], answers: Sequence[Series]
) -> dict[str, Any]:
    upper = line(title="", series=latency)
    bars = [
        {
            "type": "bar",
            "name": one.name,
            "x": list(one.x),
            "y": list(one.y),
            "yaxis": "y2",
            "marker": {"color": colour(one.role, faint=True)},
            "hovertemplate": "%{y} answers",
        }
        for one in answers
    ]
    figure = frame([*bars, *upper.figure["data"]], y="ms", legend=True)
    layout = figure["layout"]
    layout |= {"dragmode": "zoom", "hovermode": "x unified", "barmode": "stack"}
    layout["xaxis"] |= {"fixedrange": False, "range": [asked.start, asked.end]}
    layout["yaxis"] |= {"rangemode": "tozero"}
    layout["yaxis2"] = layout["yaxis"] | {
        "side": "right",
        "showgrid": False,
        "title": {"text": "answers", "font": {"size": 12}},
    }
    layout["yaxis"] |= {
        "overlaying": "y2",
        "side": "left",
        "tickmode": "auto",
        "nticks": 6,
    }
    return figure


def _latency(found: Iterable[Piece]) -> np.ndarray:
    return latency_of(piece.inputs_blob for piece in found)


def _traffic_title(asked: Asked, found: Sequence[Piece]) -> str:
    n, failed = _answers(found), sum(piece.errors for piece in found)
    if not n and not failed:
        return "Latency and traffic."
    ours = [p for p in found if p.version == asked.first.version.pk]
    slow = LATENCY.quantile(_latency(ours), 0.95)
    words = f"{number(n)} answers"
    if slow is not None:
        words += f", 95 % of {asked.first.name.lower()}'s within {number(slow)} ms"
    return f"{words}; {number(failed)} failed."


def immature(asked: Asked) -> tuple[Any, Any, str] | None:
    """From where on truth is still arriving."""
    until = mature_until(asked.project, now=asked.now)
    if until is None or (start := asked.step_of(until)) >= asked.end:
        return None
    return max(start, asked.start), asked.end, "truth still arriving"


def marks(asked: Asked, *, words: bool = True) -> list[Mark]:
    """What was deployed, and the owner's notes; without words where they have no room."""
    project, span = asked.project, (asked.start, asked.end)
    events = project.rollout_events.filter(at__range=span, action__in=TOLD)
    notes = project.notes.filter(at__range=span)
    told = [
        Mark(
            at=event.at,
            text=TOLD[event.action].format(live=event.live, candidate=event.candidate),
            role="live",
        )
        for event in events[:MOST_MARKS]
    ]
    told += [
        Mark(at=note.at, text=f"✎ {note.text}", role="text")
        for note in notes[:MOST_MARKS]
    ]
    return told if words else [replace(mark, text="") for mark in told]
