"""`manage.py up`: web, workers, beat and their broker in one foreground command."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mlsystem import embedded
from mlsystem.supervisor import ground, programs
from mlsystem.supervisor.fleet import Fleet
from mlsystem.supervisor.output import Printer
from registry import people


class Command(BaseCommand):
    help = (
        "Starts web, workers, beat and their private broker in the foreground; with "
        "a role, that part alone, for one of many machines."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", nargs="?", choices=programs.ROLES)

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        alone = ground.only_one(settings.DATA_DIR) if role is None else nullcontext()
        try:
            with alone:
                serve(role)
        except ground.CannotStart as refusal:
            raise CommandError(str(refusal)) from None


def serve(role: str | None = None, *, welcome: Sequence[str] = ()) -> None:
    """Runs until a signal comes; refuses with `ground.CannotStart`. Whoever serves every
    role holds the folder (`ground.only_one`). `welcome` is said when all of it answers."""
    ground.runs_here()
    roles = [role] if role else list(programs.ROLES)
    say = Printer(sys.stdout)
    if "web" in roles:
        ground.port_is_free(settings.HOST, settings.PORT)
        ground.static_files_collected()
    ground.migrated(migrate=role is None)
    welcome = [*(first_admin() if role is None else ()), *welcome]
    ground.connections_suffice(roles)
    needed = [program for name in roles for program in programs.of_role(name)]
    if settings.EMBEDDED_BROKER and role is None:
        ground.end_stray_broker()
        needed.insert(0, programs.broker())
    elif settings.EMBEDDED_BROKER and not embedded.broker_answers(settings.DATA_DIR):
        raise ground.CannotStart(
            f"`up {role}` finds no broker: set REDIS_URL, or start everything with `up`."
        )
    Fleet(needed, say=say).run(
        ready=lambda: (
            "web" not in roles or ground.answers(settings.HOST, settings.PORT)
        ),
        announce=lambda: _announce(say, _greeting(roles), welcome),
    )


def first_admin() -> list[str]:
    """On an empty installation: somebody who may sign in, told once."""
    password = people.ensure_first_admin()
    if password is None:
        return []
    name = people.FIRST_ADMIN
    return [f"Administrator: {name}, password {password} (shown this once)", ""]


def _announce(say: Printer, greeting: str, welcome: Sequence[str]) -> None:
    """`welcome` is there to be copied: links and commands without a name before them."""
    say("up", greeting)
    for line in ("", *welcome) if welcome else ():
        say("", line)


def _greeting(roles: list[str]) -> str:
    if "web" in roles:
        return f"mlsystem is at {settings.PUBLIC_URL} (Ctrl-C stops it)."
    return f"{' and '.join(roles)} started (Ctrl-C stops it)."
