"""A fault that passes while modules are taken over: the job is tried again."""

from typing import Any

import pytest
from django.db import OperationalError

from registry import definition_sync, jobs, lookups
from registry.errors import Unavailable
from registry.models import Job, LookupRow, Project
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.faults,
]

MODULE = """
p = Project("{slug}", task="regression", target="minutes", entity="order")
p.source("orders", file="orders.csv")
p.lookup("orders", key="order", columns="inputs")
"""


@pytest.fixture(autouse=True)
def two_modules(modules: Modules) -> None:
    lines = [f"o{n},{n % 7},{10 + n % 11}" for n in range(60)]
    modules.data("orders.csv", ["order,items,minutes", *lines])
    modules.write(MODULE.format(slug="first"))
    modules.write(MODULE.format(slug="second"))


@pytest.mark.parametrize(
    "fault",
    [
        OperationalError("database is locked"),
        OSError(28, "No space left on device"),
        Unavailable("The store of artefacts does not answer."),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_what_passes_is_tried_again_and_stops_no_other_module(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    store, faults = lookups.store, [fault]

    def faulty(*, project: Project, **given: Any) -> int:
        if project.slug == "first" and faults:
            raise faults.pop()
        return store(project=project, **given)

    monkeypatch.setattr(lookups, "store", faulty)
    job = jobs.enqueue(task=definition_sync.TASK, key=definition_sync.TASK)
    jobs.work(job.pk, definition_sync.do_sync)

    again = Job.objects.get(pk=job.pk)
    assert again.state == Job.State.QUEUED
    assert "first" in again.message
    taken = LookupRow.objects.values_list("project__slug", flat=True)
    assert set(taken) == {"second"}

    Job.objects.filter(pk=job.pk).update(due_at=again.created_at)
    jobs.work(job.pk, definition_sync.do_sync)

    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
    assert set(LookupRow.objects.values_list("project__slug", flat=True)) == {
        "first",
        "second",
    }


def test_what_is_refused_is_told_once_and_not_tried_again(modules: Modules) -> None:
    modules.write(MODULE.format(slug="bad").replace('key="order"', 'key="ordr"'))
    job = jobs.enqueue(task=definition_sync.TASK, key=definition_sync.TASK)

    jobs.work(job.pk, definition_sync.do_sync)

    told = Job.objects.get(pk=job.pk)
    assert told.state == Job.State.SUCCEEDED
    assert "key ordr: no such column" in told.result["problems"][0]
