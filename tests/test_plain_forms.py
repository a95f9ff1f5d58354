"""What the forms of a project's pages do without a script, and what they refuse."""

from typing import Any

import pytest
from django.test import Client

from labelling.models import Annotation
from monitoring.models import Alert, Note
from registry.models import Project, Run
from serving import rollout
from serving.models import Prediction
from tests.factories import sign_in
from tests.full_project import make_full_project, make_project_with_people
from tests.pages import text
from tests.refused import shown

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_full_project()


@pytest.fixture
def empty() -> Project:
    return make_project_with_people("empty")


def test_starting_a_run_leads_to_it_and_a_second_one_is_told(churn: Project) -> None:
    owen = sign_in("Owen")

    first = owen.post("/p/churn/runs", {"budget": "30"})
    assert first.headers["Location"] == "/p/churn/runs/3"
    second = owen.post("/p/churn/runs", {"budget": "30"}, follow=True)

    assert churn.runs.count() == 3
    assert 'data-state="bad"' in text(second)
    cancelled = owen.post("/p/churn/runs/3", {"do": "cancel"}, follow=True)
    assert "cancelled" in text(cancelled)
    assert Run.objects.get(number=3).state == "cancelled"


@pytest.mark.parametrize("budget", ["", "0", "-5", "ten", "²", "9" * 40, "1e3"])
def test_a_budget_that_is_none_says_so(empty: Project, budget: str) -> None:
    answer = sign_in("Owen").post("/p/empty/runs", {"budget": budget})

    assert answer.status_code == 400
    assert "seconds." in shown(text(answer)).says("budget")
    assert not Run.objects.exists()


def press(client: Client, verb: str, **more: Any) -> str:
    """A button of the rollout page, as the page shown just now holds it."""
    row = rollout.of_project(Project.objects.get(slug="churn"))
    form = {"verb": verb, "revision": row.revision} | more
    return text(client.post("/p/churn/rollout", form, follow=True))


def test_the_buttons_of_a_rollout(churn: Project) -> None:
    ada = sign_in("Ada")

    assert "The share is changed." in press(ada, "percent", percent="35.5")
    assert "Paused" in press(ada, "pause")
    assert "Going on." in press(ada, "resume")
    assert "Promoted" in press(ada, "promote", reason="It pays.")
    assert "Everyone gets the baseline." in press(ada, "baseline")
    assert "Going on." in press(ada, "resume")
    assert "Rolled back." in press(ada, "rollback")
    assert rollout.of_project(churn).live.number == 1
    started = press(ada, "start", candidate="2", mode="ab", percent="50")
    assert "The candidate is on its way." in started
    assert rollout.of_project(churn).mode == "ab"
    actions = list(
        churn.rollout_events.order_by("-id").values_list("action", flat=True)
    )
    assert actions[:3] == ["start", "rollback", "resume"]


@pytest.mark.parametrize("percent", ["", "ten", "101", "-1", "nan", "inf"])
def test_a_share_that_is_none_changes_nothing(churn: Project, percent: str) -> None:
    page = press(sign_in("Ada"), "percent", percent=percent)

    assert "rite a number" in shown(page).says("percent")
    assert rollout.of_project(churn).percent == 30


def test_a_button_of_an_old_page_is_refused(churn: Project) -> None:
    ada = sign_in("Ada")
    old = rollout.of_project(churn).revision
    press(ada, "percent", percent="40")

    page = press(ada, "percent", percent="50", revision=old)

    assert 'data-state="bad"' in page
    assert rollout.of_project(churn).percent == 40


def test_an_owner_gives_everybody_the_baseline_and_takes_it_back(
    churn: Project,
) -> None:
    owen = sign_in("Owen")
    press(sign_in("Ada"), "promote")

    assert "An admin of the project may do this." in press(owen, "start", candidate="1")
    assert "Everyone gets the baseline." in press(owen, "baseline")
    assert "Going on." in press(owen, "resume")
    assert not rollout.of_project(churn).baseline_for_all
    assert sign_in("Vera").post("/p/churn/rollout").status_code == 403


def card(client: Client) -> dict[str, str]:
    """The hidden fields of the labelling form, as a browser would send them."""
    found = client.get("/p/churn/label").context["card"]
    assert found is not None
    return {"example": str(found.example.pk), "lease": str(found.lease.token)}


def test_labelling_works_by_plain_forms(churn: Project) -> None:
    rosa = sign_in("Rosa")
    mine = Annotation.objects.filter(user__username="Rosa").order_by("id")

    first = card(rosa)
    assert card(rosa) == first  # a reload shows the same card
    rosa.post("/p/churn/label", first | {"value": "Yes", "client_key": "k1"})
    rosa.post("/p/churn/label", first | {"value": "Yes", "client_key": "k1"})
    assert [row.value for row in mine] == ["Yes"]
    assert card(rosa)["example"] != first["example"]

    rosa.post("/p/churn/label", {"do": "undo"})
    assert card(rosa)["example"] == first["example"]
    assert mine.last().state == "undone"
    rosa.post("/p/churn/label", card(rosa) | {"do": "skip", "reason": "no idea"})
    rosa.post("/p/churn/label", card(rosa) | {"do": "cannot_tell"})
    assert [row.state for row in mine.all()] == ["undone", "skipped", "submitted"]
    assert mine.last().cannot_tell


@pytest.mark.parametrize(
    "form",
    [
        {"value": "Maybe"},
        {"lease": "nonsense", "value": "Yes"},
        {"example": "9" * 40, "value": "Yes"},
        {"example": "²", "value": "Yes"},
        {"do": "undo"},
        {},
    ],
)
def test_a_damaged_label_is_told_and_not_stored(
    churn: Project, form: dict[str, str]
) -> None:
    rosa = sign_in("Rosa")

    answer = rosa.post("/p/churn/label", card(rosa) | form, follow=True)

    assert answer.status_code in {400, 409}
    assert 'role="alert"' in text(answer)
    assert not Annotation.objects.filter(user__username="Rosa").exists()


def test_the_owner_writes_a_note(churn: Project) -> None:
    words = "<b>Prices went up</b>"

    page = sign_in("Owen").post("/p/churn/monitor", {"text": words}, follow=True)

    assert "&lt;b&gt;Prices went up" in text(page)
    assert words not in text(page)
    assert sign_in("Vera").post("/p/churn/monitor", {"text": "x"}).status_code == 403
    assert Note.objects.count() == 2


def test_the_owner_looks_after_an_alert_and_mutes_one(churn: Project) -> None:
    owen = sign_in("Owen")
    firing, resolved = (
        Alert.objects.get(state=state) for state in ("firing", "resolved")
    )

    owen.post("/p/churn/alerts", {"alert": firing.pk})
    firing.refresh_from_db()
    assert (firing.state, firing.acknowledged_by.username) == ("acknowledged", "Owen")
    owen.post("/p/churn/alerts", {"alert": firing.pk, "do": "mute"})
    firing.refresh_from_db()
    assert firing.state == "muted"
    told = owen.post("/p/churn/alerts", {"alert": resolved.pk}, follow=True)
    assert 'data-state="bad"' in text(told)


@pytest.mark.parametrize("alert", ["", "x", "²", "0", "9" * 40])
def test_an_alert_that_is_none_is_not_found(churn: Project, alert: str) -> None:
    assert sign_in("Owen").post("/p/churn/alerts", {"alert": alert}).status_code == 404


def test_a_version_is_approved_or_not_from_its_card(churn: Project) -> None:
    owen = sign_in("Owen")
    waiting = churn.versions.get(number=3)

    owen.post("/p/churn/models/3/reject")
    waiting.refresh_from_db()
    assert waiting.state == "rejected"
    told = owen.post("/p/churn/models/1/archive", follow=True)  # it serves
    assert 'data-state="bad"' in text(told)
    assert owen.post("/p/churn/models/1/praise").status_code == 404


def test_trying_it_answers_and_counts_nowhere(churn: Project) -> None:
    vera = sign_in("Vera")
    before = Prediction.objects.filter(test=False).count()
    form = {"field:tenure": "3", "field:monthly_charges": "80"}

    good = vera.post("/p/churn/try", form)
    assert "offer" in text(good)
    bad = text(vera.post("/p/churn/try", {"field:tenure": "three"}))

    assert "tenure" in bad
    assert 'role="alert"' in bad
    assert 'value="three"' in bad  # what was typed is still there
    assert Prediction.objects.filter(test=False).count() == before


def test_trying_it_before_there_is_a_model_says_so(empty: Project) -> None:
    page = sign_in("Vera").post("/p/empty/try", {"field:monthly_charges": "80"})

    assert 'role="alert"' in text(page)
    assert "model" in text(page)


def test_a_nul_in_a_form_is_refused(churn: Project) -> None:
    owen = sign_in("Owen")

    assert owen.post("/p/churn/monitor", {"text": "a\0b"}).status_code == 400
    assert Note.objects.count() == 1
