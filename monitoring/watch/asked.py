"""Component 4, the monitor page: what is asked for, read from the address alone, so that
back, reload and a sent link show the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from monitoring.monitor.days import hours_since
from monitoring.monitor.series import ROLES
from registry import moments
from registry.catalogue import METRICS, Metric, default_metric
from registry.models import ModelVersion, Project
from registry.web.pages import whole_number
from serving.models import Rollout

PERIODS: Mapping[str, timedelta] = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "28d": timedelta(days=28),
    "12w": timedelta(weeks=12),
    "1y": timedelta(days=364),
}
BUCKETS = ("hour", "day", "week")
MOST_HOURS = timedelta(days=14)
MOST_DAYS = timedelta(days=186)
MOST_DAYS_AT_FIRST = timedelta(days=42)  # more of them are hardly read apart
LONGEST = timedelta(days=3 * 366)
MOST_MODELS = 4
SLOW_TRUTH = timedelta(days=7)  # a horizon from which 28 days show too little


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One version, and the colour it has on every chart of the page."""

    version: ModelVersion
    role: str

    @property
    def name(self) -> str:
        return f"Version {self.version.number}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`start` ≤ at < `end` in whole buckets, UTC; the first model leads the page."""

    project: Project
    rollout: Rollout
    start: datetime
    end: datetime
    by: str
    shown: Sequence[Shown]
    metric: Metric
    now: datetime
    period: str = ""  # "" where from and to are given
    feature: str = ""
    rows_for: str = ""  # the log's address, for whom it opens
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> Shown:
        return self.shown[0]

    @property
    def roles(self) -> Sequence[str]:
        return ROLES

    def step_of(self, at: datetime) -> datetime:
        """The start of the bucket that a moment lies in; weeks begin on Monday."""
        return floor(at, by=self.by)

    def query(self, **changes: Any) -> str:
        """The address's question with some answers changed; None takes one out."""
        kept = {**self.given, **changes}
        pairs = [(k, v) for k, v in kept.items() if v not in (None, "", [])]
        return urlencode(pairs, doseq=True)

    def here(self, **changes: Any) -> str:
        """The page itself, with some answers changed."""
        question = self.query(**changes)
        place = f"/p/{self.project.slug}/monitor"
        return f"{place}?{question}" if question else place

    def rows(
        self, start: datetime, end: datetime | None = None, *, of: Shown
    ) -> str | None:
        """Where the predictions themselves are, for who may see them."""
        if not self.rows_for:
            return None
        until = end or start + length(self.by)
        asked = {"from": f"{start:%FT%H:%M}", "to": f"{until:%FT%H:%M}"}
        return f"{self.rows_for}?{urlencode(asked | {'model': of.version.number})}"


def read_asked(
    query: Any, *, rollout: Rollout, now: datetime, rows_for: str = ""
) -> Asked:
    """What can be read counts; the rest is as if it were not there."""
    project = rollout.project
    start, end, period = _span(query, project, now=now)
    by = _bucket(query.get("bucket", ""), end - start)
    if by == "hour" and start < hours_since(project, now=now):
        by = "day"  # hours that old are merged and gone
    metric = METRICS.get(query.get("metric", ""))
    if metric is None or project.task not in metric.tasks:
        metric = METRICS.get(project.primary_metric) or _fallback(project)
    given = {
        "period": query.get("period") if period else None,
        "from": None if period else f"{start:%FT%H:%M}",
        "to": None if period else f"{end:%FT%H:%M}",
        "bucket": query.get("bucket") if query.get("bucket") in BUCKETS else None,
        "model": query.getlist("model")[:MOST_MODELS],
        "metric": query.get("metric") if metric.key == query.get("metric") else None,
        "feature": query.get("feature", "")[:200],
    }
    return Asked(
        project=project,
        rollout=rollout,
        start=floor(start, by=by),
        end=_ceiling(end, by=by),
        by=by,
        shown=_shown(rollout, [whole_number(m) for m in given["model"]]),
        metric=metric,
        now=now,
        period=period,
        feature=given["feature"],
        rows_for=rows_for,
        given=given,
    )


def _fallback(project: Project) -> Metric:
    """For a project whose goal is a function of its own, which is not folded here."""
    return METRICS[default_metric(project.task, has_costs=bool(project.costs))]


def length(by: str) -> timedelta:
    return {"hour": timedelta(hours=1), "week": timedelta(weeks=1)}.get(
        by, timedelta(days=1)
    )


def floor(at: datetime, *, by: str) -> datetime:
    """
    >>> floor(datetime(2026, 5, 7, 13, 5, tzinfo=UTC), by="week").isoformat()
    '2026-05-04T00:00:00+00:00'
    """
    at = at.astimezone(UTC)
    if by == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = datetime.combine(at.date(), time(), tzinfo=UTC)
    return day - timedelta(days=day.weekday()) if by == "week" else day


def _ceiling(at: datetime, *, by: str) -> datetime:
    down = floor(at, by=by)
    return down if down == at else down + length(by)


def _span(
    query: Any, project: Project, *, now: datetime
) -> tuple[datetime, datetime, str]:
    start, end = _moment(query.get("from", "")), _moment(query.get("to", ""))
    if start or end:
        end = end or now
        start = max(start or end - PERIODS["28d"], end - LONGEST)
        if start < end:
            return start, end, ""
    usual = "28d"
    if project.silence == Project.Silence.NEGATIVE and project.horizon:
        usual = "12w" if project.horizon > SLOW_TRUTH else usual
    period = query.get("period", "")
    period = period if period in PERIODS else usual
    return now - PERIODS[period], now, period


def _moment(text: str) -> datetime | None:
    try:
        return moments.read(text)
    except ValueError:
        return None


def _bucket(wanted: str, width: timedelta) -> str:
    """What was asked for, where it is not too fine."""
    usual = "hour" if width <= timedelta(days=2) else "day"
    if width > MOST_DAYS_AT_FIRST:
        usual = "week"
    by = wanted if wanted in BUCKETS else usual
    if by == "hour" and width > MOST_HOURS:
        by = "day"
    return "week" if by == "day" and width > MOST_DAYS else by


def _shown(rollout: Rollout, numbers: Sequence[int | None]) -> list[Shown]:
    """The versions asked for, else those that serve: live, candidate, baseline."""
    serving = {
        rollout.baseline_id: (rollout.baseline, "baseline"),
        rollout.candidate_id: (rollout.candidate, "candidate"),
        rollout.live_id: (rollout.live, "live"),
    }
    wanted = [number for number in numbers if number is not None]
    found = list(rollout.project.versions.filter(number__in=wanted)) if wanted else []
    if not found:
        order = (rollout.live_id, rollout.candidate_id, rollout.baseline_id)
        found = [serving[pk][0] for pk in dict.fromkeys(order) if pk]  # type: ignore[misc]
    else:
        found.sort(key=lambda version: wanted.index(version.number))
    shown, others = [], 1
    for version in found:
        version.project = rollout.project
        role = serving[version.pk][1] if version.pk in serving else ""
        if not role:
            others += 1
        shown.append(Shown(version=version, role=role or str(others)))
    return shown
