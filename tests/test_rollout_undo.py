"""What was pressed on the rollout page is taken back, but only where everything becomes
exactly what it was."""

import pytest
from django.http import HttpResponse
from django.test import Client

from registry.models import Project
from registry.web import undo
from serving import rollout
from tests.factories import sign_in
from tests.pages import text
from tests.rollout_page import STEP, make_churn, press

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    return make_churn()


def taken_back(client: Client, page: HttpResponse) -> HttpResponse:
    """The undo button of the message on a page."""
    (message,) = page.context["messages"]
    back = undo.offered(message)
    assert back is not None
    return client.post(back["action"], back["fields"], follow=True)


def test_targets_are_edited_as_rows_and_taken_back(churn: Project) -> None:
    ada = sign_in("Ada")
    form = {
        "target-0-to": "candidate",
        "target-0-attribute": "plan",
        "target-0-values": "gold\nsilver",
        "target-0-percent": "50",
        "target-1-to": "live",
        "target-1-values": "ann",
        "target-2-to": "candidate",
        "target-2-values": "",
    }

    page = press(ada, "targets", **form)

    assert rollout.of_project(churn).targets == [
        {"to": "candidate", "attribute": "plan", "in": ["gold", "silver"]}
        | {"percent": 50.0},
        {"to": "live", "users": ["ann"]},
    ]
    assert "plan = gold, silver, 50 % of them" in " ".join(text(page).split())
    taken_back(ada, page)
    assert rollout.of_project(churn).targets == []


def test_odd_values_of_targets_survive_an_edit_and_its_undo(churn: Project) -> None:
    ada, found = sign_in("Ada"), rollout.of_project(churn)
    before = [
        {"to": "candidate", "attribute": "beta", "in": [True, 1.0]},
        {"to": "live", "users": ["Doe, Jane", "ann;bob"]},
    ]
    rollout.set_targets(
        rollout=found, targets=before, by="Ada", revision=found.revision
    )
    rows = sign_in("Ada").get("/p/churn/rollout").context["forms"].targets
    form = {cell.html_name: cell.value() or "" for row in rows for cell in row}

    press(ada, "targets", **form)

    kept = rollout.of_project(churn).targets
    assert kept[0]["in"] == ["true", "1"]
    assert kept[1]["users"] == ["Doe, Jane", "ann;bob"]
    press(ada, "targets")
    found = rollout.of_project(churn)
    rollout.set_targets(
        rollout=found, targets=before, by="Ada", revision=found.revision
    )
    taken_back(ada, press(ada, "targets"))
    assert rollout.of_project(churn).targets == before


@pytest.mark.parametrize(
    ("verb", "form", "field"),
    [
        ("percent", {"percent": "60"}, "percent"),
        ("hold", {}, "state"),
        ("pause", {}, "state"),
        ("baseline", {}, "baseline_for_all"),
    ],
)
def test_what_was_pressed_can_be_taken_back(
    churn: Project, verb: str, form: dict[str, str], field: str
) -> None:
    ada = sign_in("Ada")
    before = getattr(rollout.of_project(churn), field)

    page = press(ada, verb, **form)
    assert getattr(rollout.of_project(churn), field) != before

    taken_back(ada, page)
    assert getattr(rollout.of_project(churn), field) == before


@pytest.mark.parametrize(
    ("first", "verb", "way"),
    [
        (["pause"], "baseline", ""),
        (["baseline"], "pause", ""),
        (["baseline"], "hold", ""),
        (["hold"], "pause", ""),
        (["hold"], "baseline", ""),
        ([], "promote", "“Back to version 1” lets that one answer again."),
        ([], "rollback", "Version 2 can be brought in again, as a new rollout."),
    ],
)
def test_nothing_is_taken_back_that_would_not_be_restored_exactly(
    churn: Project, first: list[str], verb: str, way: str
) -> None:
    ada = sign_in("Ada")
    for one in first:
        press(ada, one)

    page = press(ada, verb)

    (message,) = page.context["messages"]
    assert undo.offered(message) is None
    assert way in str(message)


def test_a_shadow_that_goes_on_as_canary_is_not_ended_by_undo(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "rollback")
    page = press(ada, "start", candidate="2", mode="shadow", percent="5")
    (message,) = page.context["messages"]
    assert undo.offered(message)

    page = press(ada, "start", candidate="2", mode="canary", percent="5")

    assert rollout.of_project(churn).mode == "canary"
    (message,) = page.context["messages"]
    assert undo.offered(message) is None


def test_swapping_two_versions_is_taken_back(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "promote")

    page = press(ada, "rollback")
    assert rollout.of_project(churn).live.number == 1
    taken_back(ada, page)

    assert rollout.of_project(churn).live.number == 2


def test_a_plan_of_many_answers_is_taken_back(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "plan", **STEP | {"step-0-min_n": "1234567"})

    taken_back(ada, press(ada, "plan", **STEP))

    assert rollout.of_project(churn).plan[0]["min_n"] == 1234567
