"""`manage.py import_examples PROJECT FILE`: examples to label, out of a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from labelling.labeller import files
from labelling.labeller.intake import import_examples
from registry.clock import now as clock_now
from registry.commands import HouseCommand
from registry.errors import DomainError
from registry.models import Project

LINES = (".jsonl", ".ndjson")
SHOWN = 20  # bad rows that are told one by one


class Command(HouseCommand):
    help = (
        "Imports examples to label from a CSV (a row each) or NDJSON file. What is "
        "here already is passed over, so an import that broke off is started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        path: Path = options["file"]
        lines = path.suffix.lower() in LINES
        read = (
            files.read_lines(path, bare=True)
            if lines
            else files.read_csv(path, project=project)
        )
        try:
            taken = import_examples(project=project, items=read, now=clock_now())
        except (OSError, DomainError) as error:
            raise CommandError(f"{path}: {error}") from error
        self.stdout.write(
            f"{taken.created} added, {taken.duplicates} were here already."
        )
        first = 1 if lines else 2  # the header is line 1
        for bad in taken.errors[:SHOWN]:
            self.stderr.write(f"row {bad['index'] + first}: {bad['message']}")
        if taken.failed:
            raise CommandError(
                f"{taken.failed} rows were left out. Mend them and import again."
            )
