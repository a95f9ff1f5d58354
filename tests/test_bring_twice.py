"""Two attempts at one project: the one that fails takes nothing from the other."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from mlsystem import baselines, bring
from registry import jobs
from registry.models import Draft, Job, Project
from serving.models import Rollout
from tests.bring import csv, newcomer, step, take, to_baseline
from tests.test_create_project import deliveries

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.faults,
]


@pytest.fixture
def nina() -> Client:
    return newcomer()


@pytest.fixture
def draft(nina: Client) -> Draft:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    return draft


def test_a_project_that_another_opened_meanwhile_stays_where_this_attempt_fails(
    nina: Client, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = baselines.open_if_missing

    def failing(**given: Any) -> Any:
        opened(**given)  # the job that waits behind the attempt
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(baselines, "open_if_missing", failing)
        failed = step(nina, draft, "baseline", kind="majority")
    assert failed.status_code == 503

    assert Rollout.objects.get().project == Project.objects.get()
    again = step(nina, draft, "baseline", kind="majority")
    assert again.headers["Location"] == "/p/late-orders/start"
    assert Project.objects.count() == 1


@pytest.mark.parametrize("at_once", [10, 50_000])
def test_a_project_that_was_handed_over_meanwhile_stays_where_this_attempt_fails(
    nina: Client, draft: Draft, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(bring, "AT_ONCE", at_once)

    def failing(**given: Any) -> Any:
        bring._finish(Draft.objects.get(pk=draft.pk), given["project"])
        raise baselines.InvalidInput("This baseline cannot be.")

    with monkeypatch.context() as patched:
        patched.setattr(baselines, "open_if_missing", failing)
        step(nina, draft, "baseline", kind="majority")
        for job in Job.objects.filter(task=bring.TASK):
            jobs.work_here(job)

    draft.refresh_from_db()
    assert draft.state == "done"
    assert draft.project == Project.objects.get()


def test_a_project_that_nobody_knows_goes_with_the_attempt(
    nina: Client, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**given: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(baselines, "open_if_missing", failing)
    step(nina, draft, "baseline", kind="majority")

    assert not Project.objects.exists()
    draft.refresh_from_db()
    assert draft.state == "ready"
