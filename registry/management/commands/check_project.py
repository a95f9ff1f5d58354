"""`manage.py check_project SLUG`: what is wrong with a project module or schema."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry.checking import check
from registry.commands import HouseCommand
from registry.errors import DomainError


class Command(HouseCommand):
    help = (
        "Tells what is wrong with a project's module, data or features; exit 1 if so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        wrong = 0
        try:
            for line in check(slug):
                wrong += line.wrong
                self.stdout.write(f"{'✗' if line.wrong else '✓'} {line.text}")
        except DomainError as error:
            raise CommandError(error.detail) from error
        if wrong:
            raise CommandError(f"{wrong} to put right.")
