"""`manage.py create_project SLUG --data FILE --target COLUMN`: bring your own table; its
baseline is live at once, and with `--run` what beats it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from mlsystem import commands, tasks  # noqa: F401  # registers the tasks
from mlsystem.bring import Brought, bring_table
from mlsystem.management.commands.run import follow
from mlsystem.management.commands.up import first_admin
from mlsystem.orchestrator import pipeline, publish
from mlsystem.supervisor import ground
from monitoring.models import Evaluation
from registry import people, project_rules
from registry.catalogue import METRICS
from registry.clock import now
from registry.models import User


class Command(commands.Verdict):
    help = (
        "Makes a project of a table: guessed schema, dataset, baseline live at once; "
        "with --run a first run. Exit 0, 1 (rejected: the baseline stays live), "
        "2 failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--data", type=Path, required=True, metavar="FILE")
        parser.add_argument("--target", required=True, metavar="COLUMN")
        parser.add_argument("--task", choices=project_rules.TASKS, default="")
        parser.add_argument("--time", default="", metavar="COLUMN")
        parser.add_argument("--group", default="", metavar="COLUMN")
        parser.add_argument("--run", action="store_true")
        parser.add_argument(
            "--budget", type=int, default=pipeline.DEFAULT_BUDGET, metavar="SECONDS"
        )

    def act(self, *, slug: str, run: bool, budget: int, **options: Any) -> int:  # type: ignore[override]
        pipeline.check_budget(budget)  # before anything is stored
        make_ready()
        for line in first_admin():
            self.stderr.write(line)
        brought = bring_table(
            slug=slug,
            path=options["data"],
            target=options["target"],
            task=options["task"],
            time=options["time"],
            group=options["group"],
            by=_owner(),
        )
        self._tell_brought(brought)
        if not run:
            return commands.ACCEPTED
        started = pipeline.start(
            project=brought.project,
            budget=budget,
            trigger=publish.FIRST_RUN,
            now=now(),
        )
        return follow(started, write=self.stdout.write)

    def _tell_brought(self, brought: Brought) -> None:
        project, dataset = brought.project, brought.dataset
        columns = ", ".join(f"{f['name']} ({f['kind']})" for f in project.fields)
        self.stdout.write(
            f"{project.slug}: {project.task} of {project.target}, {dataset.rows} rows "
            f"{dataset.split.counts}."
        )
        self.stdout.write(f"Inputs: {columns}.")
        for finding in dataset.findings:
            about = f"{finding['column']}: " if finding["column"] else ""
            self.stdout.write(f"  {finding['level']}: {about}{finding['text']}")
        live = brought.rollout.live
        self.stdout.write(
            f"Live: version {live.number}, {live.name}{_judged(live.evaluations)}"
        )


def _judged(evaluations: Any) -> str:
    """The project's metric on the sealed test, with its interval."""
    evaluation: Evaluation | None = evaluations.first()
    if evaluation is None:
        return "."
    key = evaluation.project.primary_metric
    metric = evaluation.report["metrics"].get(key, {})
    if metric.get("value") is None:
        return f"; {METRICS[key].label}: {metric.get('reason', 'unknown')}"
    low, high = metric.get("low"), metric.get("high")
    span = "" if low is None else f" ({low:.4g} to {high:.4g})"
    return f"; {METRICS[key].label} {metric['value']:.4g}{span} on the sealed test."


def make_ready() -> None:
    """The embedded database is made by whoever comes first; one of many machines is
    migrated once, by whoever runs them."""
    try:
        ground.migrated(migrate=connection.vendor == "sqlite")
    except ground.CannotStart as refusal:
        raise CommandError(str(refusal)) from None


def _owner() -> User:
    """Whoever runs commands here is an administrator: the first one gets the project."""
    found = people.administrators().order_by("pk").first()
    if found is None:
        raise CommandError(
            "Nobody may administer here: manage.py create_user NAME --staff."
        )
    return found
