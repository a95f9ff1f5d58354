"""`manage.py create_user NAME --role PROJECT:ROLE`: a person, and the link that lets
them in."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from registry import people
from registry.actors import COMMAND_LINE
from registry.commands import HouseCommand
from registry.errors import DomainError
from registry.models import Project, User


class Command(HouseCommand):
    help = (
        "Makes a person and prints a one-time link with which they choose a password. "
        "For somebody who exists: adds the roles and prints a new link."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "--role", action="append", default=[], metavar="PROJECT:ROLE", dest="roles"
        )
        parser.add_argument("--email", default="")
        parser.add_argument("--staff", action="store_true", help="may run the house")

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            with transaction.atomic():
                user = _person(options)
                for project, role in [_role(text) for text in options["roles"]]:
                    people.set_role(
                        project=project, user=user, role=role, by=COMMAND_LINE
                    )
                return people.invite(user=user, by=COMMAND_LINE)
        except DomainError as error:
            raise CommandError(error.detail) from error


def _person(options: dict[str, Any]) -> User:
    known = User.objects.filter(username=options["name"], is_service=False).first()
    if known and options["staff"] and not known.is_staff:
        raise CommandError(f"{known} exists already: make them staff in /admin.")
    return known or people.create_user(
        name=options["name"],
        email=options["email"],
        staff=options["staff"],
        by=COMMAND_LINE,
    )


def _role(text: str) -> tuple[Project, str]:
    slug, colon, role = text.partition(":")
    project = Project.objects.filter(slug=slug).first()
    if not colon or project is None:
        raise CommandError(f"--role {text}: write PROJECT:ROLE of a project there is.")
    return project, role
