"""The goal over time: what people got of it, version by version, with what happened."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from monitoring.monitor.performance import read_metric
from monitoring.monitor.rollups import Piece, outcomes_of
from monitoring.owner.days import LIVE, History, first_open_day
from monitoring.owner.standing import summarise, terms_of
from monitoring.verdicts.cards import goal_title
from monitoring.verdicts.terms import Terms, amount
from registry.catalogue import METRICS
from registry.models import Project
from registry.web.charts import Chart
from registry.web.figures import Mark, Series, across, line
from serving.models import Rollout

MANY = 100  # answers a day from which days are drawn, else weeks
SPAN = timedelta(weeks=13)
TELLING = {"open", "start", "promote", "rollback", "baseline"}


def goal_chart(rollout: Rollout, history: History, *, now: datetime) -> Chart:
    """Live, candidate and baseline with their bands; deploys, notes, the target."""
    project, terms = rollout.project, terms_of(rollout.project)
    end = first_open_day(project, now=now)
    step = _step(history)
    first = min((each.day for each in history.days), default=end)
    starts = _starts(max(first, end - SPAN), end, step=step)
    series = [
        one
        for name, role, days in _parts(rollout, history)
        if (one := _series(name, role, days, terms, starts=starts, step=step))
    ]
    unit = terms.unit
    sides = summarise(rollout, history, now=now)["sides"]
    found = line(
        title=goal_title(
            terms,
            number=rollout.live.number,
            live=sides["live"]["value"],
            baseline=sides.get("baseline", {}).get("value"),
        ),
        series=series,
        x="Week from" if step.days == 7 else "Day",
        y=f"{terms.goal}, {unit}" if unit else terms.goal,
        unit=unit,
        marks=_marks(project, since=(starts or [end])[0] - step),
        shade=_shade(project, end, now=now) if series else None,
        empty="No truth is known yet: the line begins with the first answers known.",
    )
    return _with_target(found, project, terms)


def _step(history: History) -> timedelta:
    by_day: dict[date, int] = {}
    for each in history.answered():
        by_day[each.day] = by_day.get(each.day, 0) + each.answers
    busy = bool(by_day) and median(by_day.values()) >= MANY
    return timedelta(days=1 if busy else 7)


def _starts(first: date, end: date, *, step: timedelta) -> list[date]:
    """Whole steps back from the last mature day."""
    steps = (end - first) // step
    return [end - step * ago for ago in range(steps, 0, -1)]


def _parts(
    rollout: Rollout, history: History
) -> Iterator[tuple[str, str, list[Piece]]]:
    """What serves now, whatever its role then, and what was live before."""
    shown = {rollout.live_id, rollout.baseline_id, rollout.candidate_id}
    before = [d for d in history.days if d.role == LIVE and d.version not in shown]
    yield "Live before", "shadow", before
    if rollout.baseline_id != rollout.live_id:
        yield "Baseline", "baseline", list(history.of(rollout.baseline_id))
    if rollout.candidate is not None:
        days = list(history.of(rollout.candidate_id))
        yield f"Version {rollout.candidate.number}", "candidate", days
    yield (
        f"Version {rollout.live.number}, live",
        "live",
        list(history.of(rollout.live_id)),
    )


def _series(
    name: str,
    role: str,
    days: list[Piece],
    terms: Terms,
    *,
    starts: list[date],
    step: timedelta,
) -> Series | None:
    key = terms.metric.key
    if key not in METRICS:
        return None
    found = []
    for start in starts:
        part = [each for each in days if start <= each.day < start + step]
        outcomes = outcomes_of(part)
        found.append(read_metric(outcomes, key) if outcomes.n else {})
    if not any(one.get("value") is not None for one in found):
        return None

    def column(which: str) -> list[Any]:
        return [one.get(which) for one in found]

    return Series(
        name=name,
        role=role,
        x=[start.isoformat() for start in starts],
        y=column("value"),
        low=column("low"),
        high=column("high"),
        n=column("n"),
    )


def _marks(project: Project, *, since: date) -> list[Mark]:
    """What happened while the line is drawn: deploys and the owner's notes."""
    words = {
        "open": "{live} live",
        "start": "{candidate} begins",
        "promote": "{live} live",
        "rollback": "back to {live}",
        "baseline": "baseline for all",
    }
    events = project.rollout_events.filter(
        action__in=TELLING, at__date__gte=since
    ).values("action", "at", "live", "candidate")
    told = [
        Mark(at=each["at"], text=words[each["action"]].format(**each), role="live")
        for each in events[:8]
    ]
    notes = project.notes.filter(at__date__gte=since).values_list("at", "text")[:8]
    return told + [Mark(at=at, text=text, role="unknown") for at, text in notes]


def _shade(
    project: Project, end: date, *, now: datetime
) -> tuple[Any, Any, str] | None:
    if end >= now.date():
        return None
    return (end.isoformat(), now.date().isoformat(), "truth still open")


def _with_target(found: Chart, project: Project, terms: Terms) -> Chart:
    target = getattr(project, "target_set", None)
    if target is None or target.metric != terms.metric.key:
        return found
    text = f"target {amount(terms, target.value)}"
    shape = across(target.value, role="good", text=text)
    layout = found.figure["layout"]
    shapes = [*layout.get("shapes", []), shape]
    return replace(
        found, figure={**found.figure, "layout": {**layout, "shapes": shapes}}
    )
