"""What a story's warehouse would have by now: sources of the past, read once a day."""

from datetime import timedelta

from mlsystem.demo.story import Telling
from registry import definition_sync

DAILY = timedelta(days=1)


def read_sources(telling: Telling) -> None:
    """Look-ups as far as they are known, and truth of what nobody was asked about."""
    last = telling.memory.read
    if telling.story.moved and (last is None or telling.now - last >= DAILY):
        definition_sync.keep_read(project=telling.project, now=telling.now)
        telling.memory.has_read(telling.now)
