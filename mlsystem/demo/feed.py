"""The live feed of a demo project: every minute, what production asked meanwhile, and the
truth that became known; through the same code as everybody's requests."""

from datetime import datetime, timedelta

from mlsystem.demo import people, replay
from mlsystem.demo.bar import Silent
from mlsystem.demo.memory import Memory
from mlsystem.demo.stories import STORIES
from mlsystem.demo.story import Telling
from registry import audit, jobs
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.demo_feed import TASK
from registry.errors import NotFound
from registry.models import Job, Project

KEPT = timedelta(hours=1)  # a job a minute: nobody needs to see yesterday's


def work(context: jobs.JobContext) -> None:
    """The handler of the feed's job."""
    project = context.project
    assert project is not None
    now = clock_now()
    if telling := _telling(project, now=now):
        context.result({"asked": replay.feed(telling)})
    done = Job.objects.filter(task=TASK, project=project, finished_at__lt=now - KEPT)
    done.filter(state=Job.State.SUCCEEDED).delete()


def _telling(project: Project, *, now: datetime) -> Telling | None:
    """Where the story is; None where it is not told yet, or the feed was switched off
    after the job was written."""
    story, memory = STORIES.get(project.slug), Memory.find(project)
    if story is None or memory is None or not (memory.played and memory.feeding):
        return None
    return Telling(
        story=story,
        project=project,
        now=now,
        memory=memory,
        people=people.known(project),
        bar=Silent({}),
    )


def switch(*, project: Project, on: bool, by: Actor) -> None:
    """Start or stop the feed; what it missed meanwhile is told when it starts again."""
    memory = Memory.find(project)
    if memory is None:
        raise NotFound(f"{project.slug} is no demo project: nothing feeds it.")
    memory.switch(on=on)
    action = f"demo.feed-{'on' if on else 'off'}"
    audit.record(project=project, actor=by, action=action, target=project.slug)
