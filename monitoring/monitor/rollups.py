"""Component 4, Monitor: hours and days as charts and lists read them: one query, only the
parts it needs, and which of them have all the truth that silence will give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from django.db.models import QuerySet

from monitoring.monitor.inputs import Inputs
from monitoring.monitor.outcomes import Outcomes
from registry.models import Project

PLACE = ("project_id", "version_id", "role", "slice")
SUMS = ("n", "errors", "fallbacks", "truths")
KEPT_AS = {"project_id": "project", "version_id": "version"} | {
    part: f"{part}_blob" for part in ("inputs", "outcomes")
}
WIDTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One hour or day of one version in one role and slice."""

    version: int
    role: str
    at: datetime
    n: int
    errors: int
    fallbacks: int
    truths: int
    mature: bool  # all truth that silence stands for is in
    slice: str = ""
    project: int = 0
    inputs_blob: bytes = b""
    outcomes_blob: bytes = b""

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def answers(self) -> int:
        """Who failed answered nobody."""
        return self.n - self.errors

    def inputs(self) -> Inputs:
        return Inputs.unpack(self.inputs_blob)

    def outcomes(self) -> Outcomes:
        """Nothing where truth is still arriving: what is known of it is of one kind."""
        return Outcomes.unpack(self.outcomes_blob) if self.mature else Outcomes()


def read(
    rows: QuerySet[Any],
    *parts: str,
    by: str,
    projects: Mapping[int, Project],
    now: datetime,
) -> list[Piece]:
    """The buckets of a query by "hour" or "day", the oldest first. `parts`: "inputs",
    "outcomes", or none for the counts alone."""
    until = {key: mature_until(project, now=now) for key, project in projects.items()}
    names = {name: KEPT_AS.get(name, name) for name in (*PLACE, *SUMS, *parts)}
    found = []
    for at, *values in rows.order_by(by, "pk").values_list(by, *names):
        if by == "day":
            at = datetime.combine(at, time(), tzinfo=UTC)
        row = dict(zip(names.values(), values, strict=True))
        ends = until[row["project"]]
        mature = ends is None or at + WIDTHS[by] <= ends
        found.append(Piece(at=at, mature=mature, **row))
    return found


def mature_until(project: Project, *, now: datetime) -> datetime | None:
    """Answers before it have all the truth they will ever have by silence; None: silence
    says nothing here, so that all are as mature as they get."""
    if project.silence != Project.Silence.NEGATIVE or project.horizon is None:
        return None
    return now - project.horizon


def outcomes_of(found: Iterable[Piece]) -> Outcomes:
    merged = Outcomes()
    for piece in found:
        merged = merged.merge(piece.outcomes())
    return merged


def inputs_of(found: Iterable[Piece]) -> Inputs:
    merged = Inputs()
    for piece in found:
        merged = merged.merge(piece.inputs())
    return merged
