"""The sources of a project on its data page: which of them is learnt from, and a button
that reads it again."""

import re
from typing import Any

import pytest

from registry import definition_sync, intake, jobs, sources
from registry import tasks as _tasks  # noqa: F401  # registers the jobs
from registry.clock import now
from registry.errors import InvalidInput
from registry.models import Job, Project
from tests.factories import sign_in
from tests.full_project import make_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


def text(response: Any) -> str:
    found: str = response.content.decode()
    return found


def main(page: str) -> str:
    return page.partition("<main")[2].partition("</main>")[0]


@pytest.fixture
def declared() -> Project:
    """A project of code, whose rows come from a source."""
    project, _ = definition_sync.install(slug="churn")
    make_people(project)
    return project


def test_a_source_is_read_again_by_a_button(declared: Project) -> None:
    owen = sign_in("Owen")
    (source,) = declared.sources.all()
    assert f"Read {source.name} again" in text(owen.get("/p/churn/data"))
    assert "again</button>" not in text(sign_in("Vera").get("/p/churn/data"))

    asked = owen.post("/p/churn/data/new", {"source": source.name})
    twice = owen.post("/p/churn/data/new", {"source": source.name})

    job = Job.objects.get(task=intake.TASK)
    address = f"/p/churn/data/imports/{job.pk}"
    assert asked.headers["Location"] == twice.headers["Location"] == address
    assert "Importing" in text(owen.get(address))
    jobs.work_here(job)
    assert owen.get(address).headers["Location"] == "/p/churn/data/2"
    page = text(owen.get("/p/churn/data/2"))
    assert "rows in dataset 2, from the source" in page
    assert sign_in("Vera").post("/p/churn/data/new", {"source": "x"}).status_code == 403


def test_a_source_that_teaches_nothing_cannot_be_read_again(declared: Project) -> None:
    declared.sources.create(name="weather", setting="shop", table="weather")
    owen = sign_in("Owen")

    page = text(owen.get("/p/churn/data"))
    told = owen.post("/p/churn/data/new", {"source": "weather"}, follow=True)

    assert "Read weather again" not in page
    assert "does not learn from a source weather" in text(told)
    assert not Job.objects.filter(task=intake.TASK).exists()


def test_a_source_that_is_set_nowhere_says_what_to_set(
    declared: Project, settings: Any
) -> None:
    settings.SOURCES = {}
    declared.sources.update(setting="shop", file="", table="customers")

    page = text(sign_in("Owen").get("/p/churn/data"))

    assert "again</button>" not in page
    assert "SOURCE_SHOP_URL, which is not set here" in page


@pytest.mark.parametrize("place", ["its page", "the data page"])
def test_a_source_that_could_not_be_read_is_read_again_from_where_that_is_told(
    declared: Project, place: str
) -> None:
    owen = sign_in("Owen")
    (source,) = declared.sources.all()
    owen.post("/p/churn/data/new", {"source": source.name})
    job = Job.objects.get(task=intake.TASK)
    Job.objects.update(state="failed", message="Its worker died.", finished_at=now())

    address = f"/p/churn/data/imports/{job.pk}"
    page = text(owen.get(address if place == "its page" else "/p/churn/data"))

    told = f"The import of {source.name} did not get to its end; nothing was imported."
    assert told in page
    assert "A table that is too large" in page
    assert "Read it again</button>" in page
    assert "Upload another file" not in page
    again = owen.post(address, {"do": "again"})
    assert again.headers["Location"] != address
    assert told not in text(owen.get("/p/churn/data"))


def test_rows_of_a_source_that_are_wrong_are_told_as_rows_and_read_again(
    declared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_definition: Any) -> None:
        raise InvalidInput("There is no column tenure.")

    owen = sign_in("Owen")
    (source,) = declared.sources.all()
    owen.post("/p/churn/data/new", {"source": source.name})
    job = Job.objects.get(task=intake.TASK)
    with monkeypatch.context() as broken:
        broken.setattr(sources, "learning_rows", wrong)
        jobs.work_here(job)

    told = main(text(owen.get(f"/p/churn/data/imports/{job.pk}")))

    assert f"The rows of {source.name} cannot be used; nothing was imported." in told
    assert "There is no column tenure." in told
    (form,) = re.findall(r"<form.*?</form>", told, re.DOTALL)
    # The token of a form is of random letters.
    assert "file" not in re.sub(r'(csrfmiddlewaretoken" value)="\w+"', r"\1", told)
    assert "Read it again</button>" in form
    assert f'name="source" value="{source.name}"' in form
    (address,) = re.findall(r'action="([^"]+)"', form)
    again = owen.post(address, {"source": source.name})
    assert again.headers["Location"] != f"/p/churn/data/imports/{job.pk}"
    jobs.work_here(Job.objects.exclude(pk=job.pk).get(task=intake.TASK))
    assert declared.datasets.count() == 2
