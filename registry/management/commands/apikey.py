"""`manage.py apikey create PROJECT --scope predict`: the key, once, alone on stdout."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from registry import keys
from registry.catalogue import LONGEST_DAYS, SCOPES
from registry.clock import now
from registry.commands import HouseCommand
from registry.errors import DomainError
from registry.models import Project, User


class Command(HouseCommand):
    help = "Makes an API key and prints it once, alone on stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help=self.help)
        create.add_argument("project", metavar="PROJECT")
        create.add_argument(
            "--scope", action="append", required=True, choices=SCOPES, dest="scopes"
        )
        create.add_argument(
            "--user",
            help="whom it acts for; default: a service user of its own. With scope "
            "label, the annotator",
        )
        create.add_argument("--name", default="command line", help="shown in lists")
        create.add_argument("--days", type=_days, help="it expires after so many days")

    def handle(self, *args: Any, **options: Any) -> str:
        days = options["days"]
        try:
            _, plain = keys.create_key(
                project=_project(options["project"]),
                scopes=options["scopes"],
                name=options["name"],
                user=_user(options["user"]) if options["user"] else None,
                expires_at=now() + timedelta(days=days) if days is not None else None,
            )
        except DomainError as error:
            raise CommandError(error.detail) from error
        return plain


def _days(text: str) -> int:
    days = int(text) if text.isdecimal() and len(text) < 10 else 0
    if 1 <= days <= LONGEST_DAYS:
        return days
    raise ArgumentTypeError(f"{text!r}: write a whole number from 1 to {LONGEST_DAYS}.")


def _project(slug: str) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)[:20])
        raise CommandError(f"There is no project {slug}; there are: {known or 'none'}.")
    return project


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(
            f"There is no person {name}. Make one with: manage.py create_user {name}"
        )
    return user
