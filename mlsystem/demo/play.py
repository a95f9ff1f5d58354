"""Tell a story up to a moment: at the first start all of it, later what is missing."""

from datetime import datetime

from mlsystem.demo import acts, people
from mlsystem.demo.bar import Bar
from mlsystem.demo.memory import Memory
from mlsystem.demo.story import Story, Telling
from registry.models import Project


def play(story: Story, *, now: datetime, bar: Bar) -> Project:
    """Bring the demo to where it should be at `now`. What was interrupted goes on."""
    bar.begin(f"{story.slug}: installing")
    project = acts.install(story, now=now)
    telling = _telling(story, project, now=now, bar=bar)
    for act in story.acts:
        bar.begin(f"{story.slug}: {act.name}")
        act.do(telling)
        project.refresh_from_db()
    telling.memory.finish()
    return project


def _telling(story: Story, project: Project, *, now: datetime, bar: Bar) -> Telling:
    memory = Memory.find(project)
    if memory is None:
        first = now - story.ahead
        acts.date_the_start(project, first=first)
        about = {"source": story.source, "invented": story.invented}
        memory = Memory.begin(project, began=now, first=first, **about)
        project.refresh_from_db()
    cast = people.cast(project)
    return Telling(
        story=story, project=project, now=now, memory=memory, people=cast, bar=bar
    )
