"""Large tables and those of sources are read, and their projects made, behind pages
that show how far it is."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from mlsystem import bring
from registry import drafts, jobs
from registry.models import Draft, Job, Project
from tests.bring import csv, newcomer, step, take, to_baseline
from tests.pages import text
from tests.test_create_project import HEADER, deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def nina() -> Client:
    return newcomer()


def test_a_large_table_is_read_and_made_behind_pages_that_show_progress(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 100)
    monkeypatch.setattr(bring, "AT_ONCE", 100)
    draft = take(nina, csv(deliveries(200)))
    assert "Reading the table" in text(nina.get(f"/new/{draft.pk}"))
    jobs.work_here(Job.objects.get(task=drafts.TASK))
    to_baseline(nina, draft)

    waiting = step(nina, draft, "baseline", kind="majority")
    assert waiting.headers["Location"] == f"/new/{draft.pk}"
    assert "Making the project" in text(nina.get(f"/new/{draft.pk}"))
    assert step(nina, draft, "baseline", kind="majority").status_code == 302  # twice
    jobs.work_here(Job.objects.get(task=bring.TASK))

    assert nina.get(f"/new/{draft.pk}").headers["Location"] == "/p/late-orders/start"


def test_a_large_table_that_is_broken_says_so(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 10)
    draft = take(nina, csv([*deliveries(30), "x,1"]))
    jobs.work_here(Job.objects.get(task=drafts.TASK))

    page = text(nina.get(f"/new/{draft.pk}"))

    assert "Row 31 has 2 values, not 5" in page
    assert 'role="alert"' in page


def test_a_table_of_a_source_becomes_a_project(
    nina: Client, tmp_path: Path, settings: Any
) -> None:
    import sqlite3

    database = sqlite3.connect(tmp_path / "shop.db")
    database.execute("create table orders (order_id, distance, weather, hour, late)")
    rows = [line.split(",") for line in deliveries(120)]
    database.executemany("insert into orders values (?, ?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    settings.SOURCES = {"shop": f"sqlite:///{tmp_path}/shop.db"}

    assert "shop" in text(nina.get("/new"))
    assert "orders" in text(nina.get("/new/source/shop"))
    assert nina.post("/new/source/shop", {"table": "secrets"}).status_code == 400
    answer = nina.post("/new/source/shop", {"table": "orders"})
    draft = Draft.objects.get()
    assert answer.headers["Location"] == f"/new/{draft.pk}"
    jobs.work_here(Job.objects.get(task=drafts.TASK))
    to_baseline(nina, draft)
    step(nina, draft, "baseline", kind="majority")

    lineage = Project.objects.get().datasets.get().lineage
    assert (lineage["source"], lineage["table"]) == ("shop", "orders")


def test_a_file_of_a_folder_is_offered_and_one_outside_is_not(
    nina: Client, tmp_path: Path, settings: Any
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "orders.csv").write_text("\n".join([HEADER, *deliveries(60)]))
    (folder / "notes.pdf").write_text("no table")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    settings.SOURCES = {"files": f"file://{folder}"}

    page = nina.get("/new/source/files")

    assert page.context["tables"] == ["orders.csv"]
    outside = nina.post("/new/source/files", {"table": "../secret.csv"})
    assert outside.status_code == 400
    assert nina.get("/new/source/nothing").status_code == 404


@pytest.mark.faults
def test_a_source_that_is_down_says_so(nina: Client, settings: Any) -> None:
    settings.SOURCES = {"shop": "sqlite:////nowhere/shop.db"}

    page = nina.get("/new/source/shop")

    assert page.status_code == 400
    assert "its database is not there" in text(page)
