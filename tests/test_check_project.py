"""`manage.py check_project`: what is wrong, where, and what to do about it."""

import io

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from registry import definition_sync
from registry.featurizer import parity
from registry.models import Project
from tests import every_part
from tests.factories import make_dataset, make_project

pytestmark = pytest.mark.django_db


def told(slug: str) -> str:
    out = io.StringIO()
    call_command("check_project", slug, stdout=out)
    return out.getvalue()


@pytest.fixture
def parcels(settings: Settings) -> str:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    return every_part.parcels.slug


def test_a_module_is_checked_before_its_project_is_there(parcels: str) -> None:
    said = told(parcels)

    assert "Source parcels: 240 rows" in said
    assert "rows to learn late from." in said
    assert "Not in the database yet" in said
    assert not Project.objects.exists()


def test_a_sound_project_agrees_with_itself(parcels: str) -> None:
    definition_sync.install(slug=parcels)

    assert "rows are the same in training and serving." in told(parcels)


def test_a_project_without_code_is_checked_too() -> None:
    project = make_project("own")
    make_dataset(project)

    assert "rows are the same in training and serving." in told("own")


def test_features_that_differ_are_named(
    monkeypatch: pytest.MonkeyPatch, parcels: str
) -> None:
    definition_sync.install(slug=parcels)
    real = parity.compute

    def wrong(**given: object) -> list[dict[str, object]]:
        return [{**row, "speed": -1.0} for row in real(**given)]  # type: ignore[arg-type]

    monkeypatch.setattr(parity, "compute", wrong)
    with pytest.raises(CommandError, match="1 to put right"):
        told(parcels)


def test_what_cannot_be_checked_is_said(settings: Settings) -> None:
    with pytest.raises(CommandError, match="There is no project nonsense"):
        told("nonsense")

    make_project("bare")
    with pytest.raises(CommandError, match="1 to put right"):
        told("bare")

    settings.MLSYSTEM_DEFINITIONS = ["tests.no_such_module"]
    with pytest.raises(CommandError, match="There is no project parcels"):
        told("parcels")
