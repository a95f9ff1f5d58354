"""A small story on small data, told by the product's own code."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlsystem.demo import acts
from mlsystem.demo.bar import Bar
from mlsystem.demo.play import play
from mlsystem.demo.story import Case, Story
from mlsystem.demo.timeline import Steady
from registry.models import Dataset, Project
from tests.factories import make_dataset, make_project, make_rows

SLUG = "parcels"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROWS = make_rows(40)


def cases(began: datetime, start: datetime, end: datetime) -> Iterator[Case]:
    """One an hour from four days before the start on; every other one is heard of."""
    for turn in Steady(began - 4 * DAY, HOUR, len(ROWS), 0).between(start, end):
        truth = {"value": "Yes"} if turn.row % 2 else None
        yield Case(
            name=turn.named(f"r{turn.row}"),
            at=turn.at,
            request={"input": ROWS[turn.row]},
            truth=truth,
            known_at=turn.at + 3 * HOUR,
        )


def make_story(**given: Any) -> Story:
    usual = {
        "slug": SLUG,
        "source": "Made of forty rows.",
        "invented": "All of it.",
        "ahead": 5 * DAY,
        "acts": (acts.REPLAY,),
        "cases": cases,
        "late": 3 * HOUR,
    }
    return Story(**(usual | given))


def tell(story: Story, now: datetime = NOW) -> Project:
    return play(story, now=now, bar=Bar(story.stages, out=io.StringIO()))


def install_small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a declared module's; everything else is the product's."""

    def install(*, slug: str) -> tuple[Project, Dataset]:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            project = make_project(slug, definition=f"mlsystem.examples.{slug}")
            make_dataset(project)
        return project, project.datasets.get()

    monkeypatch.setattr("registry.definition_sync.install", install)
