"""A table that is forgotten while others work on it stays forgotten, with its rows."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from mlsystem import baselines, bring
from registry import datasets, drafts, jobs
from registry.models import Draft, Job, Project
from tests.bring import csv, newcomer, step, take, to_baseline
from tests.test_create_project import deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def nina() -> Client:
    return newcomer()


def files(settings: Any) -> list[Path]:
    """What is stored of drafts."""
    folder = Path(settings.ARTIFACTS_URL.removeprefix("file://")) / "drafts"
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_table_forgotten_while_it_is_read_stays_forgotten(
    nina: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 100)
    before = files(settings)
    draft = take(nina, csv(deliveries(200)))
    keep = drafts._keep

    def forgotten(*given: Any) -> None:
        keep(*given)
        nina.post(f"/new/{draft.pk}")

    monkeypatch.setattr(drafts, "_keep", forgotten)
    job = jobs.work_here(Job.objects.get(task=drafts.TASK))

    assert job.state == "cancelled"
    assert not Draft.objects.exists()
    assert files(settings) == before


@pytest.mark.parametrize("at_once", [10, 50_000])
def test_a_table_forgotten_while_its_project_is_made_makes_none(
    nina: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, at_once: int
) -> None:
    before = files(settings)
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring, "AT_ONCE", at_once)
    prepare = datasets.prepare

    def forgotten(**given: Any) -> Any:
        nina.post(f"/new/{draft.pk}")
        return prepare(**given)

    monkeypatch.setattr(datasets, "prepare", forgotten)
    made = step(nina, draft, "baseline", kind="majority")
    for job in Job.objects.filter(task=bring.TASK):
        assert jobs.work_here(job).state == "cancelled"

    assert made.status_code == (302 if at_once == 10 else 404)
    assert not Project.objects.exists()
    assert not Draft.objects.exists()
    assert files(settings) == before


def test_a_table_forgotten_when_its_project_is_there_does_not_come_back(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    opened = baselines.open_if_missing

    def forgotten(**given: Any) -> Any:
        nina.post(f"/new/{draft.pk}")
        return opened(**given)

    monkeypatch.setattr(baselines, "open_if_missing", forgotten)
    made = step(nina, draft, "baseline", kind="majority")

    assert made.headers["Location"] == "/p/late-orders/start"
    assert not Draft.objects.exists()
