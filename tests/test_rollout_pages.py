"""The rollout page: what a share means, who would get it, what it has gained so far."""

import json
import re

import pytest
from django.test import Client

from monitoring.judging import comparison
from monitoring.judging.comparison import compare_rollout
from monitoring.judging.evidence import history
from monitoring.judging.statistics import Interval
from registry.clock import now
from registry.models import Project
from serving import rollout
from tests.factories import make_canary, sign_in
from tests.pages import text
from tests.rollout_page import live_through, make_churn, press

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    return make_churn()


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


def test_an_owner_is_shown_only_what_is_theirs(churn: Project) -> None:
    owen = text(sign_in("Owen").get("/p/churn/rollout"))

    assert "Roll back version 2" in owen
    for words in ("Promote", "Set the share", "Edit the targets", "Hold<"):
        assert words not in owen


def held_back(project: Project) -> tuple[Client, str]:
    """Version 2 is live, version 3 a canary of 30 %, and everyone gets the baseline."""
    ada = sign_in("Ada")
    press(ada, "promote")
    make_canary(project, percent=30)
    press(ada, "baseline")
    return ada, now_card(ada)


def now_card(client: Client) -> str:
    page = text(client.get("/p/churn/rollout"))
    return page.split('aria-labelledby="now-head"')[1].split("</section>")[0]


def test_buttons_say_that_the_baseline_stays_until_somebody_resumes(
    churn: Project,
) -> None:
    ada, card = held_back(churn)

    assert "It becomes live, but" in card
    stays = "the baseline goes on answering everyone until somebody resumes"
    assert card.count(stays) == 3  # promote, pause, roll back
    assert "It answers everyone at once." not in card
    assert "veryone gets version 2" not in card
    press(ada, "rollback")
    assert card.count(stays) == 3
    assert now_card(ada).count(stays) == 1  # the two swap


def test_without_the_baseline_for_everyone_buttons_promise_what_they_did(
    churn: Project,
) -> None:
    card = now_card(sign_in("Ada"))

    assert "It answers everyone at once. Version 1 stays ready" in card
    assert "Everyone gets version 1 until you resume" in card
    assert "Ends its rollout at once: everyone gets version 1." in card
    assert "until somebody resumes" not in card


@pytest.mark.parametrize("stop", ["pause", "hold"])
def test_a_shadow_that_goes_on_has_no_share(churn: Project, stop: str) -> None:
    ada = sign_in("Ada")
    press(ada, "rollback")
    press(ada, "start", candidate="2", mode="shadow", percent="")
    press(ada, stop)

    card = now_card(ada)

    goes_on = {"pause": "is asked along again", "hold": "goes on being asked along"}
    assert f"Version 2 {goes_on[stop]}." in card
    assert "0 %" not in card


def test_what_stops_a_shadow_takes_it_from_nobody(churn: Project) -> None:
    ada = sign_in("Ada")
    press(ada, "rollback")
    press(ada, "start", candidate="2", mode="shadow", percent="")

    card = now_card(ada)

    assert "It is asked nothing until you resume." in card
    assert "the same users" not in card
    assert "Its share" not in card


def test_history_tells_who_answered_while_the_baseline_did(churn: Project) -> None:
    ada, _ = held_back(churn)
    press(ada, "pause")
    page = text(ada.get("/p/churn/rollout"))
    assert "Version 3 was paused: everyone gets version 2" not in page
    assert "Version 3 was paused: everyone gets the baseline, version 1" in page
    press(ada, "resume")
    press(ada, "pause")

    page = text(ada.get("/p/churn/rollout"))

    assert "Version 3 was paused: everyone gets version 2" in page


def test_history_says_that_a_change_of_live_reached_nobody(churn: Project) -> None:
    ada, _ = held_back(churn)
    press(ada, "promote")
    press(ada, "rollback")

    page = text(ada.get("/p/churn/rollout"))

    assert "Version 3 became live, while everyone got the baseline" in page
    assert "Back to version 2, while everyone got the baseline" in page
