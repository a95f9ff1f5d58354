"""Component 4, the monitor page: what decisions cost a day, and against the baseline."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from monitoring.evaluator.moments import Moments
from monitoring.judging.side_by_side import moments, pairs
from monitoring.judging.statistics import Interval, confidence_sequence
from monitoring.judging.strata import Strata
from monitoring.models import DayBucket
from monitoring.monitor.rollups import Piece, outcomes_of
from monitoring.monitor.traffic import answers_a_day
from monitoring.watch.asked import Asked, Shown, length
from monitoring.watch.over_time import marks
from monitoring.watch.rollups import grouped, pieces, steps
from registry.catalogue import METRICS
from registry.web.charts import Chart
from registry.web.figures import Series, line
from registry.written import number

NO_COSTS = "This project gives no costs: say in its settings what a mistake costs."
NO_TRUTH = "No truth of this period is complete yet, so nothing has a price."


def money_chart(asked: Asked) -> Chart:
    """A day of the first version's traffic, at every version's mean cost."""
    currency = (asked.project.costs or {}).get("currency", "")
    if not asked.project.costs:
        return line(title="Money a day.", series=[], empty=NO_COSTS)
    found = pieces(asked, "outcomes")
    by_place = grouped(found, lambda p: (p.version, asked.step_of(p.at)))
    series = [_series(asked, one, by_place) for one in asked.shown]
    return line(
        title=_title(asked, found, currency=currency),
        series=[one for one in series if any(y is not None for y in one.y)],
        x="From (UTC)",
        unit=f"{currency} a day".strip(),
        marks=marks(asked, words=False),
        span=(asked.start, asked.end),
        empty=NO_TRUTH,
    )


def costs_of(group: Sequence[Piece]) -> Moments:
    return outcomes_of(group).moments.get("cost", Moments())


def _series(
    asked: Asked, one: Shown, by_place: dict[tuple[int, datetime], list[Piece]]
) -> Series:
    moments = list(steps(asked))
    values, lows, highs, counts = [], [], [], []
    a_day = timedelta(days=1) / length(asked.by)
    for at in moments:
        traffic = by_place.get((asked.first.version.pk, at), [])
        answers = a_day * sum(p.answers for p in traffic if p.role != "shadow")
        cost = costs_of(by_place.get((one.version.pk, at), []))
        known = cost.n >= METRICS["cost"].minimum_n and bool(answers)
        span = cost.interval() if known else None
        values.append(answers * cost.mean if known else None)
        lows.append(answers * span[0] if span else None)
        highs.append(answers * span[1] if span else None)
        counts.append(cost.n)
    return Series(
        name=one.name,
        role=one.role,
        x=moments,
        y=values,
        low=lows,
        high=highs,
        n=counts,
    )


def _hour_after(now: datetime) -> datetime:
    """The same for an hour, so that an unchanged chart is answered by 304."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _title(asked: Asked, found: Sequence[Piece], *, currency: str) -> str:
    by_version = grouped(found, lambda p: p.version)
    ours = by_version.get(asked.first.version.pk, [])
    cost = costs_of(ours)
    if not cost.n:
        return "What decisions cost a day."
    a_day = _answers_a_day(asked, ours)
    name = asked.first.name
    words = f"{name} costs about {number(cost.mean * a_day)} {currency} a day"
    rival = next((one for one in asked.shown if one.role == "baseline"), None)
    theirs = by_version.get(rival.version.pk, []) if rival else []
    gap = _saved(ours, theirs) if rival != asked.first else None
    if gap is None:
        return f"{words}."
    less = "less" if gap.value >= 0 else "more"
    low, high = sorted((gap.low * a_day, gap.high * a_day))
    sure = f"{number(low)} to {number(high)} less, by the {_unit(asked)}s both answered"
    return (
        f"{words}, {number(abs(gap.value) * a_day)} {less} than the baseline would "
        f"({sure})."
    )


def _answers_a_day(asked: Asked, ours: Sequence[Piece]) -> float:
    before = DayBucket.objects.filter(
        version=asked.first.version, slice="", day__lt=asked.start.date()
    ).exclude(role="shadow")
    return answers_a_day(
        [(p.at, p.answers) for p in ours if p.role != "shadow"],
        end=min(asked.end, _hour_after(asked.now)),
        since=asked.start if before.exists() else None,
    )


def _unit(asked: Asked) -> str:
    return "hour" if asked.by == "hour" else "day"


def _saved(ours: Iterable[Piece], theirs: Iterable[Piece]) -> Interval | None:
    """What an answer costs less than the baseline's of the same hour or day: when either
    had all to itself says nothing of the other."""
    strata = Strata()
    for _, one, other in pairs(ours, theirs):
        strata.add(moments(other, "cost"), moments(one, "cost"))
    gap = strata.difference()
    return confidence_sequence(gap) if gap else None
