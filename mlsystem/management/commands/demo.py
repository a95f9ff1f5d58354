"""`manage.py demo`: the demo projects, taken round the whole loop, then served."""

import json
import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import people
from mlsystem.demo.bar import Bar
from mlsystem.demo.play import play
from mlsystem.demo.stories import STORIES
from mlsystem.demo.story import Story
from mlsystem.management.commands.up import first_admin, serve
from mlsystem.supervisor import ground
from registry import jobs
from registry.clock import now
from registry.models import Project


class Command(BaseCommand):
    help = "Loads the demo projects and serves them; may be run again."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=list(STORIES), metavar="SLUG")
        parser.add_argument("--no-serve", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["no_serve"]:
                ground.port_is_free(settings.HOST, settings.PORT)
            call_command("migrate", verbosity=0, interactive=False)
            lines = self._load(options["only"])
            if options["no_serve"]:
                self.stdout.write("\n".join(lines))
            else:
                serve(welcome=lines)
        except ground.CannotStart as refusal:
            raise CommandError(str(refusal)) from None

    def _load(self, only: str | None) -> list[str]:
        password = first_admin()
        # No broker runs yet: this process works what it asks for.
        logging.getLogger(jobs.__name__).setLevel(logging.ERROR)
        stories = [STORIES[only]] if only else list(STORIES.values())
        stages = [stage for story in stories for stage in story.stages.items()]
        bar = Bar(dict(stages), out=sys.stdout)
        projects = [play(story, now=now(), bar=bar) for story in stories]
        bar.end()
        return [*password, *_doors(projects[0]), *_curl(stories[0])]


def _doors(project: Project) -> list[str]:
    links = people.links(people.cast(project))
    lines = ["One-time sign-in links:"]
    return [*lines, *(f"  {role:9} {link}" for role, link in links.items()), ""]


def _curl(story: Story) -> list[str]:
    if not story.ask:
        return []
    project = Project.objects.get(slug=story.slug)
    address = f"{settings.PUBLIC_URL}/api/v1/projects/{project.slug}/predict"
    return [
        "A prediction:",
        f"  curl -s {address} \\",
        f"    -H 'X-Api-Key: {people.key_of(project)}' \\",
        f"    -H 'Content-Type: application/json' -d '{json.dumps(dict(story.ask))}'",
    ]
