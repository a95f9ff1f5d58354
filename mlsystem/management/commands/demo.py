"""`manage.py demo`: the demo projects, taken round the whole loop, then served."""

import json
import sys
from argparse import ArgumentParser
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.demo import people
from mlsystem.demo.bar import Bar
from mlsystem.demo.play import play
from mlsystem.demo.stories import STORIES
from mlsystem.demo.story import Story
from mlsystem.management.commands.up import first_admin, serve
from mlsystem.supervisor import ground
from registry import sending
from registry.clock import now
from registry.errors import DomainError
from registry.models import Project

AT_ONCE = 2  # stories
GOES_ON = "What is told so far stays; the next start goes on from there."


class Command(BaseCommand):
    help = "Loads the demo projects and serves them; may be run again."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=list(STORIES), metavar="SLUG")
        parser.add_argument("--no-serve", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # Nobody else's feed may tell the same story meanwhile.
            with ground.only_one(settings.DATA_DIR):
                self._play(options["only"], serves=not options["no_serve"])
        except ground.CannotStart as refusal:
            raise CommandError(str(refusal)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {GOES_ON}", returncode=130) from None
        except (DatabaseError, OSError) as error:
            raise CommandError(f"{error}. {GOES_ON}") from error

    def _play(self, only: str | None, *, serves: bool) -> None:
        if serves:
            ground.port_is_free(settings.HOST, settings.PORT)
        call_command("migrate", verbosity=0, interactive=False)
        lines = self._load(only)
        if serves:
            serve(welcome=lines)
        else:
            self.stdout.write("\n".join(lines))

    def _load(self, only: str | None) -> list[str]:
        password = first_admin()
        stories = [STORIES[only]] if only else list(STORIES.values())
        stages = [stage for story in stories for stage in story.stages.items()]
        bar = Bar(dict(stages), out=sys.stdout)
        try:
            with sending.without_broker():  # none runs yet
                projects = _tell_all(stories, bar)
        finally:
            bar.end()
        return [*password, *_doors(projects[0]), *_curl(stories[0])]


def _tell_all(stories: list[Story], bar: Bar) -> list[Project]:
    """Two at a time: while one trains, in a process of its own, another is replayed."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        told = [pool.submit(_tell, story, bar) for story in stories]
        try:
            over, _ = wait(told, return_when=FIRST_EXCEPTION)
            for one in over:
                one.result()  # or what went wrong
            return [one.result() for one in told]
        except BaseException:
            bar.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(story: Story, bar: Bar) -> Project:
    try:
        return play(story, now=now(), bar=bar)
    finally:
        connection.close()  # the thread's own


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
