"""`manage.py run PROJECT`: one run in the foreground; 0 accepted, 1 rejected, 2 failed."""

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from typing import Any

from django.core.management.base import CommandError

from mlsystem import commands, tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.foreground import work_through
from mlsystem.orchestrator.progress import Lines, verdict_lines
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
        run = pipeline.start(
            project=found, budget=budget, as_of=at, trigger="command", now=now()
        )
        return follow(run, write=self.stdout.write)


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
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r}: write 2026-01-31 or 2026-01-31T12:00:00Z."
        ) from None
    if len(text) == len("2026-01-31"):
        return datetime.combine(at, time.max, tzinfo=UTC)
    if at.tzinfo is None:
        raise ArgumentTypeError(f"{text!r}: write the offset, as 2026-01-31T12:00:00Z.")
    return at
