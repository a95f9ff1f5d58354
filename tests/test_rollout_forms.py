"""The forms of the rollout page: what is wrong is told in its cell, what was typed
stays, also for the loser of two edits."""

import pytest

from registry.models import Project
from serving import rollout
from tests.factories import sign_in
from tests.pages import text
from tests.refused import shown
from tests.rollout_page import STEP, live_through, make_churn, press

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    return make_churn()


def test_a_plan_is_edited_as_rows_and_shown_as_steps(churn: Project) -> None:
    live_through(churn, hours=1, users=20)
    ada = sign_in("Ada")
    form = {
        "step-0-percent": "25",
        "step-0-hours": "24",
        "step-0-min_n": "200",
        "step-1-percent": "50",
        "step-1-hours": "48",
        "step-2-percent": "",
    }

    page = text(press(ada, "plan", **form))

    found = rollout.of_project(churn)
    assert [step["percent"] for step in found.plan] == [25, 50]
    assert found.step == 0
    assert "for 24\xa0h at least and 200 answers" in page
    assert "more answers needed." in page
    assert "when an admin promotes it" in page


@pytest.mark.parametrize(
    ("verb", "form", "cell", "words"),
    [
        (
            "targets",
            {"target-0-values": "a", "target-0-percent": "all"},
            "target-0-percent",
            "Write a number.",
        ),
        (
            "targets",  # after a row that says nothing
            {"target-0-values": "", "target-1-to": "live", "target-1-values": "ann"}
            | {"target-1-percent": "50"},
            "target-1-percent",
            "A share is of the candidate only.",
        ),
        ("plan", {"step-0-percent": "5"}, "step-0-hours", "Write a number."),
        ("plan", STEP | {"step-0-hours": "0"}, "step-0-hours", "Give hours, above 0"),
        (
            "plan",
            {**STEP, "step-1-percent": "", "step-2-percent": "5", "step-2-hours": "1"},
            "step-2-percent",
            "Must be more than",
        ),
        (
            "plan",  # nobody knows which share was meant
            {**STEP, "step-1-percent": "", "step-1-hours": "24", "step-1-min_n": "9"},
            "step-1-percent",
            "Write the share, or empty the whole row.",
        ),
        ("plan", {**STEP, "step-0-min_n": "few"}, "step-0-min_n", "a whole number"),
        ("percent", {"percent": "101"}, "percent", "write a number from 0 to 100"),
    ],
)
def test_a_wrong_cell_is_kept_and_told_and_changes_nothing(
    churn: Project, verb: str, form: dict[str, str], cell: str, words: str
) -> None:
    before = rollout.of_project(churn).revision

    answer = press(sign_in("Ada"), verb, **form)

    page = shown(text(answer))
    assert answer.status_code == 400
    assert words in page.says(cell)
    assert page.focused[0] == cell
    assert [name for name, value in form.items() if not page.holds(name, value)] == []
    if verb != "percent":
        assert f'id="edit-{verb}" open' in text(answer)
    assert rollout.of_project(churn).revision == before


@pytest.mark.parametrize("kept", ["5", "[", '["x"]'])
def test_targets_that_are_none_are_refused(churn: Project, kept: str) -> None:
    before = rollout.of_project(churn).revision

    answer = press(sign_in("Ada"), "targets", targets=kept)

    assert answer.status_code == 400
    assert 'role="alert"' in text(answer)
    assert rollout.of_project(churn).revision == before


def test_a_start_that_is_refused_keeps_what_was_typed(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "rollback")
    revision = rollout.of_project(churn).revision
    given = {"verb": "start", "revision": revision, "candidate": "2", "mode": "ab"}
    given |= {"percent": "150", "reason": "Let us see."}

    answer = ada.post("/p/churn/rollout", given)
    page = shown(text(answer))

    assert answer.status_code == 400
    for name in ("candidate", "mode", "percent", "reason"):
        assert page.holds(name, given[name])
    assert "from 0 to 100" in page.says("percent")
    assert ada.post("/p/churn/rollout", given | {"percent": "10"}).status_code == 302
    assert rollout.of_project(churn).mode == "ab"


LATE = {
    "percent": {"percent": "50"},
    "targets": {"target-0-to": "live", "target-0-values": "ann"},
    "plan": {"step-0-percent": "60", "step-0-hours": "2", "step-0-min_n": "7"},
    "promote": {"reason": "It is time."},
}


@pytest.mark.parametrize("verb", LATE)
def test_the_loser_of_two_edits_keeps_what_was_typed_and_presses_once_more(
    churn: Project, verb: str
) -> None:
    ada, old = sign_in("Ada"), rollout.of_project(churn).revision
    press(ada, "percent", percent="40")
    press(ada, "hold", reason="Wait for Monday.")

    answer = press(ada, verb, revision=old, **LATE[verb])

    page, words = shown(text(answer)), " ".join(text(answer).split())
    assert answer.status_code == 412
    assert "Nothing was changed" in words
    for told in ("The share of version 2 became 40 %", "Version 2 was held at 40 %"):
        assert f'{told} <span class="muted">(Ada,' in words
    assert "Wait for Monday." in words
    typed = LATE[verb].items()
    assert [name for name, value in typed if not page.holds(name, value)] == []
    assert page.focused[0] == "div"
    assert rollout.of_project(churn).percent == 40
    revision = next(page.named("revision")).value

    press(ada, verb, revision=revision, **LATE[verb])

    assert rollout.of_project(churn).revision == int(revision or 0) + 1


@pytest.mark.parametrize("verb", ["percent", "targets", "plan", "start"])
def test_what_was_typed_stays_though_its_candidate_is_gone_or_another_came(
    churn: Project, verb: str
) -> None:
    ada = sign_in("Ada")
    form = LATE.get(verb, {"candidate": "2", "mode": "ab", "percent": "7"})
    old = rollout.of_project(churn).revision
    press(ada, "rollback")
    if verb == "start":
        old = rollout.of_project(churn).revision
        press(ada, "start", candidate="2", mode="canary", percent="5")

    late = press(ada, verb, revision=old, **form)
    again = press(ada, verb, **form)

    for answer, status in ((late, 412), (again, 409)):
        page = shown(text(answer))
        assert answer.status_code == status
        assert [n for n, value in form.items() if not page.holds(n, value)] == []
        assert page.focused


def test_a_first_canary_may_follow_the_projects_plan(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "rollback")

    press(ada, "start", candidate="2", mode="canary", percent="", plan="project")

    found = rollout.of_project(churn)
    assert [step["percent"] for step in found.plan] == [5, 25, 50]
    assert found.percent == 5
