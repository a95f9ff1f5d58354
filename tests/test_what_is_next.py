"""What is next of a run's version: the same sentence on the run's page, the overview's
card, the start page and over REST, whatever became of the version meanwhile."""

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import ModelVersion, Project, Run, User
from serving import rollout
from serving.models import Rollout, RolloutEvent
from tests.factories import make_version, sign_in
from tests.full_project import make_full_project
from tests.pages import text

pytestmark = pytest.mark.django_db
WAITING = "It waits for the approval of a second person."
RUN = "/api/v1/projects/churn/runs/1"


@pytest.fixture
def churn() -> Project:
    """Version 1 is live and the baseline, version 2 a canary; run 1 made 2 and 3."""
    project = make_full_project()
    project.runs.exclude(number=1).delete()  # one that failed, and is the last
    return project


def told() -> str:
    """By every door, which all say the same."""
    owen = sign_in("Owen")
    said = str(owen.get(RUN).json()["next"])
    run = unescape(text(owen.get("/p/churn/runs/1")))
    assert run.split('<p class="next">')[1].split("</p>")[0].count(said) == 1
    card = unescape(text(owen.get("/p/churn"))).split('<h2 id="run-title">')[1]
    assert card.split("</section>")[0].count(said) == 1
    return said


def tells_of(number: int) -> None:
    Run.objects.filter(number=1).update(
        verdict="waiting_approval", report={"version": number, "next": WAITING}
    )
    ModelVersion.objects.exclude(number=number).update(run=None)
    ModelVersion.objects.filter(number=number).update(kind="trained")


def change(verb: str, **given: Any) -> None:
    row = Rollout.objects.get()
    owen = User.objects.get(username="Owen")
    getattr(rollout, verb)(rollout=row, by=owen, revision=row.revision, **given)


@pytest.mark.parametrize(
    ("verb", "words"),
    [("reject", "Version 3 was rejected."), ("archive", "Version 3 is archived.")],
)
def test_who_was_refused_waits_no_more(churn: Project, verb: str, words: str) -> None:
    tells_of(3)
    assert told() == WAITING
    ada, models = sign_in("Ada"), "/api/v1/projects/churn/models/3"

    done = ada.post(f"{models}/{verb}", "{}", content_type="application/json")

    assert done.status_code == 200
    assert told() == words
    assert "Approve or reject" not in text(ada.get("/p/churn/runs/1"))


def test_a_version_brought_back_waits_again(churn: Project) -> None:
    tells_of(3)
    ada = sign_in("Ada")
    for verb in ("archive", "bring-back"):
        ada.post(f"/p/churn/models/3/{verb}", {"reason": "No."})

    assert told() == WAITING
    assert "Approve or reject" in text(ada.get("/p/churn/runs/1"))


def test_the_rollout_speaks_from_the_first_canary_to_the_last_rollback(
    churn: Project,
) -> None:
    tells_of(2)
    assert told() == "Version 2 is in its rollout."
    change("promote")
    assert told() == "Version 2 is live."
    change("rollback")
    assert told() == "Version 2 was in the rollout, and is no more."
    RolloutEvent.objects.filter(candidate=2).delete()
    RolloutEvent.objects.filter(live=2).delete()
    assert told() == WAITING


def test_who_became_the_baseline_is_not_gone(churn: Project) -> None:
    tells_of(2)
    change("promote")
    change("set_baseline", version=ModelVersion.objects.get(number=2))
    assert told() == "Version 2 is live."
    third = make_version(churn, name="other", state="accepted")
    change("go_live", version=third)

    assert told() == "Version 2 is the baseline."
    change("baseline_for_all")
    assert told() == "Version 2 is the baseline."


def test_live_is_told_of_the_baseline_that_answers_for_it(churn: Project) -> None:
    tells_of(2)
    change("promote")
    change("baseline_for_all")
    assert told() == "Version 2 is live, but everyone gets the baseline."

    change("set_baseline", version=ModelVersion.objects.get(number=2))
    assert told() == "Version 2 is live."


def test_a_shadow_is_still_asked(churn: Project) -> None:
    tells_of(2)
    change("rollback")
    Rollout.objects.get().shadows.add(ModelVersion.objects.get(number=2))

    assert told() == "Version 2 answers in the shadow."


def test_the_start_page_says_it_too(churn: Project) -> None:
    tells_of(2)
    owen = sign_in("Owen")

    def start() -> str:
        return unescape(text(owen.get("/p/churn/start")))

    assert WAITING not in start()
    assert "Version 2 is in its rollout." in start()
    change("promote")
    assert "Version 2 is live." in start()
    change("baseline_for_all")
    assert "Version 2 is live, but everyone gets the baseline." in start()
    change("rollback")
    assert "Version 2 was in the rollout, and is no more." in start()


def test_a_run_is_read_with_its_rollout_at_once(churn: Project) -> None:
    tells_of(3)
    vera = sign_in("Vera")
    for address in ("/p/churn/runs/1", RUN):
        with CaptureQueriesContext(connection) as seen:
            vera.get(address)
        versions = [
            one["sql"]
            for one in seen
            if 'FROM "registry_modelversion" WHERE "registry_modelversion"."id"'
            in one["sql"]
        ]
        assert versions == []
