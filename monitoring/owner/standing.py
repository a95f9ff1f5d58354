"""How a project stands: the verdict, the goal of each version, traffic and money.

Made of rollups alone. The monitor's jobs keep the newest of every project as a row, so
that a list of sixty projects is one query; one project is read anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q

from monitoring.models import Standing
from monitoring.monitor.performance import read_metric
from monitoring.monitor.rollups import outcomes_of
from monitoring.monitor.traffic import answers_a_day
from monitoring.owner.days import LIVE, SHADOW, History, first_open_day, histories
from monitoring.owner.evidence import control_gain, gain_on_test, production_gain
from monitoring.owner.money import saved_a_day
from monitoring.verdicts.terms import Gain, Terms
from monitoring.verdicts.verdict import Case, verdict
from registry import storage
from registry.catalogue import METRICS, Metric
from registry.models import ModelVersion, Project
from serving.models import Rollout, RolloutEvent
from serving.rollout_story import tried

PERIOD = timedelta(days=28)
HISTORY = timedelta(weeks=17)  # read for "since when"
WEEK = timedelta(days=7)
WEEKS = 12  # of the small line
STALE = timedelta(minutes=25)  # the monitor looks every ten


def terms_of(project: Project) -> Terms:
    """How this project's sentences speak."""
    key = project.primary_metric
    unknown = Metric(key, key.replace("_", " "), (project.task,), False)
    return Terms(
        metric=METRICS.get(key, unknown),
        money=str((project.costs or {}).get("currency") or ""),
        target_unit=project.unit,
        noun=noun_of(project),
    )


def noun_of(project: Project) -> str:
    """What an answer is about: the entity where one column names it."""
    name = project.entity[0] if len(project.entity) == 1 else ""
    name = name.removesuffix("_id").replace("_", " ").strip().lower()
    plain = name.replace(" ", "").isalpha() and len(name) <= 20 and name != "id"
    return name if plain else "prediction"


def standing(rollout: Rollout, *, now: datetime) -> dict[str, Any]:
    """One project, read anew."""
    return standings([rollout], now=now)[rollout.project_id]


def standings(
    rollouts: Sequence[Rollout], *, now: datetime
) -> dict[int, dict[str, Any]]:
    """Several projects, by the project's key, in two queries."""
    since = (now - HISTORY).date()
    for rollout in rollouts:
        for version in (rollout.live, rollout.baseline, rollout.candidate):
            if version is not None:
                version.project = rollout.project
    known = histories((row.project for row in rollouts), since=since, now=now)
    waiting = _waiting(rollouts)
    return {
        row.project_id: summarise(
            row,
            known[row.project_id],
            waiting=waiting.get(row.project_id),
            now=now,
        )
        for row in rollouts
    }


def _waiting(rollouts: Sequence[Rollout]) -> dict[int, int]:
    """The newest version of each project that passed the gate and was never tried."""
    tried = RolloutEvent.objects.filter(project=OuterRef("project")).filter(
        Q(candidate=OuterRef("number")) | Q(live=OuterRef("number"))
    )
    found = ModelVersion.objects.filter(
        ~Exists(tried),
        project__in=[row.project_id for row in rollouts],
        state=ModelVersion.State.ACCEPTED,
        kind=ModelVersion.Kind.TRAINED,
    )
    live = {row.project_id: row.live.number for row in rollouts}
    return {
        project: number
        for project, number in found.order_by("number").values_list("project", "number")
        if number > live[project]
    }


def store(project: Project, *, now: datetime) -> None:
    """Keep the newest summary; nothing serves, nothing to keep."""
    rollout = rollouts_of([project]).first()
    if rollout is None:
        return
    summary = standing(rollout, now=now)
    Standing.objects.update_or_create(
        project=project,
        defaults={"at": now, "revision": rollout.revision, "summary": summary},
    )


def stored(rollouts: Sequence[Rollout], *, now: datetime) -> dict[int, dict[str, Any]]:
    """The kept summaries; what is old, or of another rollout, is made anew."""
    kept = {
        row.project_id: row
        for row in Standing.objects.filter(project__in=[r.project_id for r in rollouts])
    }
    fresh, old = {}, []
    for rollout in rollouts:
        row = kept.get(rollout.project_id)
        if row and row.revision == rollout.revision and row.at > now - STALE:
            fresh[rollout.project_id] = row.summary
        else:
            old.append(rollout)
    return fresh | standings(old, now=now) if old else fresh


def rollouts_of(projects: Iterable[Project]) -> Any:
    return Rollout.objects.filter(project__in=list(projects)).select_related(
        "project", "live", "baseline", "candidate", "previous"
    )


def summarise(
    rollout: Rollout,
    history: History,
    *,
    waiting: int | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Everything that cards and stats say, JSON-ready."""
    project = rollout.project
    terms = terms_of(project)
    sides = {
        name: _side(version, history, terms, now=now)
        for name, version in _versions(rollout).items()
    }
    gains = _gains(rollout, history, terms)
    traffic = _traffic(history, today=now.date())
    case = _case(rollout, terms, sides, gains)
    case = replace(case, answers=traffic["period"], waiting=waiting)
    found = verdict(case, today=now.date())
    return {
        "tone": found.tone,
        "sentence": found.sentence,
        "detail": found.detail,
        "sides": sides,
        "gains": {name: _plain(gain) for name, gain in gains.items()},
        "traffic": traffic,
        "money": saved_a_day(rollout, history, gains, traffic=traffic["a_day"]),
        "weeks": _weeks(history, terms.metric, now=now),
    }


def _versions(rollout: Rollout) -> dict[str, ModelVersion]:
    named = {"live": rollout.live, "candidate": rollout.candidate}
    if rollout.baseline_id != rollout.live_id:
        named["baseline"] = rollout.baseline
    return {name: version for name, version in named.items() if version is not None}


def _gains(rollout: Rollout, history: History, terms: Terms) -> dict[str, Gain | None]:
    if rollout.live_id == rollout.baseline_id:
        return {"production": None, "tested": None, "control": None}
    pair = {"live": rollout.live_id, "baseline": rollout.baseline_id}
    control = None
    if rollout.project.control_share:
        control = control_gain(history, **pair, metric=terms.metric)
    return {
        "production": production_gain(history, **pair, metric=terms.metric),
        "tested": gain_on_test(rollout.live, rollout.baseline),
        "control": control,
    }


def _side(
    version: ModelVersion, history: History, terms: Terms, *, now: datetime
) -> dict[str, Any]:
    """A version over the last four weeks whose truth can be in."""
    end = first_open_day(version.project, now=now)
    start = end - PERIOD
    days = [each for each in history.of(version.pk) if start <= each.day < end]
    n, truths = sum(each.answers for each in days), sum(each.truths for each in days)
    number = {"number": version.number, "name": version.name, "answers": n}
    number |= {"coverage": truths / n if n else None}
    lately = now.date() - PERIOD
    recent = sum(
        each.answers
        for each in history.of(version.pk)
        if each.day >= lately and each.role != SHADOW
    )
    number["lately"] = recent
    outcomes = outcomes_of(days)
    if not outcomes.n or terms.metric.key not in METRICS:
        blank = {"value": None, "low": None, "high": None, "n": 0}
        return number | blank | {"reason": _why_nothing(recent)}
    return number | read_metric(outcomes, terms.metric.key)


def _why_nothing(answers: int) -> str:
    return "Its truth is not in yet." if answers else "It has answered nobody lately."


def _traffic(history: History, *, today: date) -> dict[str, Any]:
    """Answers a day, of whole days; shadows are no answers."""
    by_day: dict[date, int] = {}
    for each in history.answered():
        by_day[each.day] = by_day.get(each.day, 0) + each.answers
    line = [by_day.get(today - timedelta(days=ago), 0) for ago in range(28, 0, -1)]
    lately, before = sum(line[-7:]), sum(line[-14:-7])
    midnight = datetime.combine(today, time(), tzinfo=UTC)
    week = [(midnight - timedelta(days=ago), line[-ago]) for ago in range(1, 8)]
    began = midnight - WEEK
    was_asked = min(by_day, default=today) < began.date()
    return {
        "a_day": answers_a_day(week, end=midnight, since=began if was_asked else None),
        "before": before / 7,
        "change": (lately - before) / before if before else None,
        "today": by_day.get(today, 0),
        "period": sum(line) + by_day.get(today, 0),
        "line": line,
    }


def _weeks(history: History, metric: Metric, *, now: datetime) -> list[float | None]:
    """What people got of the goal, week by week from the first that is known."""
    if metric.key not in METRICS:
        return []
    live = [each for each in history.days if each.role == LIVE and each.mature]
    values = []
    end = min(now.date(), (live[-1].day if live else now.date()) + timedelta(days=1))
    for ago in range(WEEKS, 0, -1):
        start = end - ago * WEEK
        part = [each for each in live if start <= each.day < start + WEEK]
        outcomes = outcomes_of(part)
        found = read_metric(outcomes, metric.key) if outcomes.n else {"value": None}
        values.append(found["value"])
    known = next((i for i, value in enumerate(values) if value is not None), WEEKS)
    return values[known:]


def _case(
    rollout: Rollout,
    terms: Terms,
    sides: dict[str, dict[str, Any]],
    gains: dict[str, Gain | None],
) -> Case:
    live = sides["live"]
    return Case(
        terms=terms,
        live=f"Version {rollout.live.number}",
        is_baseline=rollout.live_id == rollout.baseline_id,
        baseline_for_all=rollout.baseline_for_all,
        gone=storage.is_gone(rollout.live.uri),
        stand_in=_stand_in(rollout),
        value=live["value"],
        n=live["n"],
        production=gains["production"],
        tested=gains["tested"],
        candidate=tried(rollout),
    )


def _stand_in(rollout: Rollout) -> str:
    """Who answers where the live version cannot be loaded, as the Model Server says."""
    before = rollout.previous
    if before and before.state == ModelVersion.State.ACCEPTED:
        return f"version {before.number}"
    is_baseline = rollout.live_id == rollout.baseline_id
    return "" if is_baseline else f"version {rollout.baseline.number}, the baseline"


def _plain(gain: Gain | None) -> dict[str, Any] | None:
    if gain is None:
        return None
    since = gain.since.isoformat() if gain.since else None
    return {
        "value": gain.value,
        "low": gain.low,
        "high": gain.high,
        "n": gain.n,
        "since": since,
    }
