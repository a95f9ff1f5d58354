"""Component 4, Monitor: hours and days as charts and lists read them: one query, only the
parts it needs, and which of them have all the truth that silence will give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet

from monitoring.monitor.inputs import Inputs
from monitoring.monitor.outcomes import Outcomes
from registry.models import Project

COUNTS = ("project_id", "version_id", "role", "slice")
SUMS = ("n", "errors", "fallbacks", "truths")
WIDTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True, kw_only=True)
class Piece:
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
    by: str = "hour"  # or "day"
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

    def outcomes(self, *, whole: bool = True) -> Outcomes:
        """Nothing where truth is still arriving: what is known of it is of one kind.
        `whole`: with histograms; else the means over rows alone, ten times quicker."""
        if not self.mature:
            return Outcomes()
        blob = self.outcomes_blob
        return Outcomes.unpack(blob) if whole else Outcomes.means_of(blob)


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
    names = (*COUNTS, *SUMS, by, *parts)
    found = []
    for values in rows.order_by(by, "pk").values_list(*names):
        row = dict(zip(names, values, strict=True))
        at = row[by]
        if by == "day":
            at = datetime.combine(at, time(), tzinfo=UTC)
        ends = until[row["project_id"]]
        found.append(
            Piece(
                project=row["project_id"],
                version=row["version_id"],
                role=row["role"],
                slice=row["slice"],
                at=at,
                by=by,
                **{name: row[name] for name in SUMS},
                mature=ends is None or at + WIDTHS[by] <= ends,
                inputs_blob=bytes(row.get("inputs", b"")),
                outcomes_blob=bytes(row.get("outcomes", b"")),
            )
        )
    return found


def mature_until(project: Project, *, now: datetime) -> datetime | None:
    """Answers before it have all the truth they will ever have by silence; None: silence
    says nothing here, so that all are as mature as they get."""
    if project.silence != Project.Silence.NEGATIVE or project.horizon is None:
        return None
    return now - project.horizon


def outcomes_of(found: Iterable[Piece], *, whole: bool = True) -> Outcomes:
    merged = Outcomes()
    for piece in found:
        merged = merged.merge(piece.outcomes(whole=whole))
    return merged


def inputs_of(found: Iterable[Piece]) -> Inputs:
    merged = Inputs()
    for piece in found:
        merged = merged.merge(piece.inputs())
    return merged
