"""`manage.py export_labels PROJECT --format …`: what people agreed on, as a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from labelling.labeller import export
from registry.commands import HouseCommand
from registry.models import Project


class Command(HouseCommand):
    help = "Writes the labels of a project to stdout, or to --out, as a stream."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project")
        parser.add_argument("--format", choices=list(export.MEDIA_TYPES), default="csv")
        parser.add_argument("--out", type=Path, help="a file instead of stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        parts = export.stream(project=project, kind=options["format"])
        if options["out"] is None:
            raw = getattr(self.stdout, "buffer", None)  # a real stdout takes bytes
            for part in parts:
                if raw is not None:
                    raw.write(part)
                else:
                    self.stdout.write(part.decode(), ending="")
            return
        try:
            with options["out"].open("wb") as file:
                file.writelines(parts)
        except OSError as error:
            raise CommandError(f"{options['out']}: {error}") from error
