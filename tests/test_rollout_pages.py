"""The rollout page: what a share means, who would get it, what changes, and back again."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from labelling.collector.truth import record_truth
from monitoring.judging import comparison
from monitoring.judging.comparison import compare_rollout
from monitoring.judging.evidence import history
from monitoring.judging.statistics import Interval
from monitoring.monitor.folding import bring_up_to_date
from registry.actors import COMMAND_LINE
from registry.clock import moved_to, now
from registry.models import Project, User
from registry.web import undo
from serving import rollout
from serving.frontend import front
from serving.models import Rollout
from tests.factories import make_canary, make_project, make_rows, make_serving
from tests.full_project import make_people
from tests.refused import shown

pytestmark = pytest.mark.django_db
STEP = {"step-0-percent": "50", "step-0-hours": "1"}


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.fixture
def churn() -> Project:
    """A canary at 30 %, whose truth is known as it comes."""
    project = make_project(silence="unknown")
    make_people(project)
    make_serving(project)
    make_canary(project, percent=30)
    return project


def live_through(project: Project, *, hours: int, users: int) -> datetime:
    """Some hours of traffic with its truth, the last one just over; when it began."""
    began = now() - timedelta(hours=hours + 1)
    Rollout.objects.update(started_at=began, step_since=began)
    for hour in range(hours):
        moment = began + timedelta(hours=hour, minutes=30)
        asked = [
            {"input": row, "user": f"u{hour}-{i}", "reference": f"r{hour}-{i}"}
            for i, row in enumerate(make_rows(users))
        ]
        with moved_to(moment):
            front.predict_batch(
                project=project, requests=asked, actor=COMMAND_LINE, now=moment
            )
            record_truth(
                project=project,
                items=[
                    {"reference": ask["reference"], "value": "Yes" if i % 3 else "No"}
                    for i, ask in enumerate(asked)
                ],
                actor=COMMAND_LINE,
                now=moment,
            )
    bring_up_to_date(project)
    return began


def press(client: Client, verb: str, **form: Any) -> HttpResponse:
    """A button, as the page shown just now holds it."""
    revision = rollout.of_project(Project.objects.get()).revision
    given = {"verb": verb, "revision": revision} | form
    return client.post("/p/churn/rollout", given, follow=True)


def taken_back(client: Client, page: HttpResponse) -> HttpResponse:
    """The undo button of the message on a page."""
    (message,) = page.context["messages"]
    back = undo.offered(message)
    assert back is not None
    return client.post(back["action"], back["fields"], follow=True)


def test_the_slider_says_what_it_means_in_users(churn: Project) -> None:
    live_through(churn, hours=3, users=80)

    page = text(sign_in("Ada").get("/p/churn/rollout"))

    assert 'About <strong id="meaning">3</strong> of 10 users an hour.' in page


def test_evidence_grows_and_ends_where_the_comparison_is(churn: Project) -> None:
    live_through(churn, hours=4, users=80)
    found = rollout.of_project(churn)

    points = history(found, now=now())

    assert len(points) == 4
    ends = [point["at"] for point in points]
    assert ends == sorted(ends)
    widths = [point["high"] - point["low"] for point in points]
    assert widths[-1] < widths[0]
    told = compare_rollout(found, now=now())["difference"]
    assert points[-1]["value"] == pytest.approx(told["value"])
    assert (points[-1]["low"], points[-1]["n"]) == pytest.approx(
        (told["low"], told["n"])
    )


def test_the_chart_draws_the_interval_zero_and_the_margin(churn: Project) -> None:
    churn.gate = {"margin": 2.5}
    churn.save()
    live_through(churn, hours=2, users=60)

    answer = sign_in("Vera").get("/p/churn/rollout/evidence")

    chart = json.loads(answer.content)
    assert chart["unit"] == "USD"
    assert chart["head"] == ["Until (UTC)", "gain", "low", "high", "n"]
    heights = {shape["y0"] for shape in chart["figure"]["layout"]["shapes"]}
    assert heights == {0.0, -2.5}
    told = r"Version 2 (is better|is worse|may be better or worse) than live \((.*)\)\."
    (_, reach) = re.fullmatch(told, chart["title"]).groups()  # type: ignore[union-attr]
    assert re.fullmatch(r"−?[\d.]+ to −?[\d.]+ USD a prediction, \d+ truths", reach)


def test_the_verdict_names_the_money_and_writes_a_real_minus() -> None:
    undecided = Interval(value=1.3, low=-1.39, high=3.98)

    found = comparison.by_sequence(undecided, margin=0.0, unit="USD")
    plain = comparison.by_sequence(undecided, margin=0.0, unit="")

    assert found["text"] == "Not decided yet: −1.39 to 3.98 USD a prediction."
    assert plain["text"] == "Not decided yet: −1.39 to 3.98 a prediction."


def test_each_number_says_what_it_is_and_its_unit(churn: Project) -> None:
    live_through(churn, hours=4, users=80)

    page = text(sign_in("Vera").get("/p/churn/rollout"))

    assert page.count('<span class="small muted">USD</span></dd>') == 2
    assert re.search(r"gained a prediction: <strong>−?[\d.]+\xa0USD</strong>", page)


def test_one_answer_to_one_user_is_told_as_one(churn: Project) -> None:
    live_through(churn, hours=1, users=1)

    page = text(sign_in("Vera").get("/p/churn/rollout"))

    assert ", 1 answer since " in page
    assert ", 0 answers since " in page
    told = (
        "(1 user got the live version, 0|0 users got the live version, 1) the candidate"
    )
    assert re.search(told, page)  # whoever it fell to


def test_no_number_of_the_page_has_a_hyphen_for_its_minus(churn: Project) -> None:
    live_through(churn, hours=4, users=80)

    page = text(sign_in("Vera").get("/p/churn/rollout"))

    assert not re.search(r"[ (>]-\d", re.sub(r"<[^>]*>", " ", page))


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


def test_the_button_back_names_who_will_answer(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "promote")
    assert "Back to version 1" in text(ada.get("/p/churn/rollout"))
    make_canary(churn)
    press(ada, "promote")
    assert "Back to version 2" in text(ada.get("/p/churn/rollout"))
    reject = "/api/v1/projects/churn/models/2/reject"
    assert ada.post(reject, "{}", content_type="application/json").status_code == 200

    page = text(ada.get("/p/churn/rollout"))
    assert "Back to version 1" in page
    assert "Version 2, live before, is rejected: the baseline answers instead." in page
    (message,) = press(ada, "rollback").context["messages"]
    assert "Version 2, live before, may serve no more: the baseline" in str(message)
    assert rollout.of_project(churn).live.number == 1


def test_a_plan_of_many_answers_is_taken_back(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "plan", **STEP | {"step-0-min_n": "1234567"})

    taken_back(ada, press(ada, "plan", **STEP))

    assert rollout.of_project(churn).plan[0]["min_n"] == 1234567


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


def test_history_tells_who_did_what_and_on_which_numbers(churn: Project) -> None:
    found = rollout.of_project(churn)
    gap = {"value": 3.25, "low": 1.5, "high": 5.0, "n": 812}
    rollout.promote(
        rollout=found,
        by="the plan",
        revision=found.revision,
        reason="The candidate is better.",
        numbers={"difference": gap},
    )

    page = text(sign_in("Vera").get("/p/churn/rollout"))

    assert "Version 2 became live" in page
    assert "The candidate is better." in page
    assert "3.25 (1.5 to 5, n = 812) gained a prediction" in page
    assert "the plan, just now" in page or "the plan, <time" in page


def test_who_would_get_it_says_which_version_and_why(churn: Project) -> None:
    vera, ada = sign_in("Vera"), sign_in("Ada")
    press(
        ada,
        "targets",
        **{
            "target-0-to": "candidate",
            "target-0-attribute": "plan",
            "target-0-values": "gold",
        },
    )

    def told(user: str, attributes: str = "") -> str:
        query = {"user": user, "attributes": attributes}
        return text(vera.get("/p/churn/rollout/who", query))

    assert "Target 1 speaks of it." in told("ann", "plan=gold, country=CH")
    assert "version 2" in told("ann", "plan=gold")
    places = {told(f"user {i}").count("canary") for i in range(40)}
    assert places == {0, 1}  # some get it by the share, some do not
    assert "the candidate&#x27;s share reaches 30" in told("ann")

    press(ada, "pause")
    assert "No candidate answers at the moment." in told("ann", "plan=gold")


def test_a_first_canary_may_follow_the_projects_plan(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "rollback")

    press(ada, "start", candidate="2", mode="canary", percent="", plan="project")

    found = rollout.of_project(churn)
    assert [step["percent"] for step in found.plan] == [5, 25, 50]
    assert found.percent == 5


def test_an_owner_is_shown_only_what_is_theirs(churn: Project) -> None:
    owen = text(sign_in("Owen").get("/p/churn/rollout"))

    assert "Roll back version 2" in owen
    for words in ("Promote", "Set the share", "Edit the targets", "Hold<"):
        assert words not in owen
