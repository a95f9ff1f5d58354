"""Inputs that code adds, or takes back with what it had named them for."""

import pytest

from registry import definition_sync
from registry.models import Project
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

pytestmark = pytest.mark.django_db


def test_a_field_that_is_declared_later_is_an_input_without_a_source_too(
    modules: Modules,
) -> None:
    bare = 'p = Project("orders", task="regression", target="minutes")\n'
    first = bare + 'p.field("items", kind="integer")\n'
    name = modules.write(first)
    assert definition_sync.sync() == []

    modules.change(name, first + 'p.field("note", kind="text")\np.field("rain")')
    assert definition_sync.sync() == []

    assert Project.objects.get().fields == [
        {"name": "items", "kind": "integer"},
        {"name": "note", "kind": "text"},
        {"name": "rain", "kind": "numeric"},
    ]


TRIPS = """
p = Project("trips", task="regression", target="minutes", entity="trip")
p.source("trips", file="trips.csv", watermark="sent")
"""
WINDOW = """
@p.window
class Recent:
    key = ["line"]
    events = Events("trips")
    window = Hours(6)
    n = Count()
"""


def test_the_moment_that_windows_needed_is_learnt_from_when_they_are_gone_neither(
    modules: Modules,
) -> None:
    lines = [
        f"t{n},2026-10-01T{n % 24:02d}:00:00Z,{'NS'[n % 2]},{n % 7}" for n in range(60)
    ]
    modules.data("trips.csv", ["trip,sent,line,minutes", *lines])
    name = modules.write(TRIPS + WINDOW)
    assert definition_sync.sync() == []
    project = Project.objects.get()
    with_window = project.fields
    moment = {"name": "sent", "kind": "datetime", "learn": False}
    assert project.time_column == "sent"
    assert moment in with_window

    modules.change(name, TRIPS)
    assert definition_sync.sync() == []
    project.refresh_from_db()
    assert "sent" not in [field["name"] for field in project.fields]

    modules.change(name, TRIPS + WINDOW)
    assert definition_sync.sync() == []
    project.refresh_from_db()
    assert moment in project.fields
