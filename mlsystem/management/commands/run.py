"""`manage.py run PROJECT`: one run in the foreground; 0 accepted, 1 rejected, 2 failed."""

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from typing import Any

from django.core.management.base import CommandError

from mlsystem import commands, tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.foreground import (
    STALE,
    last_sign,
    left_behind,
    work_through,
)
from mlsystem.orchestrator.progress import Lines, verdict_lines
from registry import jobs, moments
from registry.clock import now
from registry.models import Project, Run


class Command(commands.Verdict):
    help = "Runs a project's pipeline here; exit 0 accepted, 1 rejected, 2 failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project")
        parser.add_argument(
            "--budget",
            type=int,
            default=pipeline.DEFAULT_BUDGET,
            metavar="SECONDS",
            help="of building; default %(default)s",
        )
        parser.add_argument(
            "--at",
            type=moment,
            metavar="DATE",
            help="a back-test: on what was known then; publishes nothing",
        )

    def act(self, *, project: str, budget: int, at: datetime | None, **_: Any) -> int:  # type: ignore[override]
        found = Project.objects.filter(slug=project).first()
        if found is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)[:20])
            raise CommandError(
                f"There is no project {project}; there are: {known or 'none'}."
            )
        if at is not None and at > now():
            raise CommandError(f"--at {at:%Y-%m-%d} is in the future.")
        pipeline.check_budget(budget)
        run = self._taken_over(found, at, budget) or pipeline.start(
            project=found, budget=budget, as_of=at, trigger="command", now=now()
        )
        return follow(run, write=self.stdout.write)

    def _taken_over(
        self, project: Project, at: datetime | None, budget: int
    ) -> Run | None:
        """What another process of this command left half-done goes on here, so that
        cron heals by itself. Of another day, or asked for otherwise, it is ended: a
        lease after its last sign of life, for that cannot be undone."""
        clock = now()
        run = left_behind(project, now=clock)
        if run is None:
            return None
        told = f"Run {run.number} was left half-done by a process that is gone: "
        last = last_sign(run)
        asked_alike = (run.as_of, run.budget_seconds) == (at, budget)
        if last < clock - STALE or not asked_alike:
            if last > clock - jobs.LEASE:
                pipeline.refuse_second(project)
            pipeline.cancel(run=run, now=clock)
            self.stdout.write(f"{told}it is cancelled, a new one begins.")
            return None
        self.stdout.write(f"{told}it goes on here.")
        return run


def follow(run: Run, *, write: Any) -> int:
    """Work a run to its end, telling; the exit code of its verdict."""
    run = work_through(run, tell=Lines(write))
    for line in verdict_lines(run):
        write(line)
    if run.state != Run.State.SUCCEEDED:
        return commands.FAILED
    passed = run.verdict in {Run.Verdict.ACCEPTED, Run.Verdict.WAITING}
    return commands.ACCEPTED if passed else commands.REJECTED


def moment(text: str) -> datetime:
    """A date (its end, UTC) or an RFC 3339 moment."""
    from argparse import ArgumentTypeError

    try:
        at = moments.read(text)
    except ValueError as error:
        told = str(error) if str(error) == moments.BOUNDS else ""
        raise ArgumentTypeError(
            f"{text!r}: {told or 'write 2026-01-31 or 2026-01-31T12:00:00Z.'}"
        ) from None
    if len(text) == len("2026-01-31"):
        return datetime.combine(at, time.max, tzinfo=UTC)
    if datetime.fromisoformat(text).tzinfo is None:
        raise ArgumentTypeError(f"{text!r}: write the offset, as 2026-01-31T12:00:00Z.")
    return at
