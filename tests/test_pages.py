"""Every page, for everybody: who sees it, what it says full and empty, what its forms
do without a script, and that long lists cost no more queries than short ones."""

from typing import Any
from urllib.parse import urljoin

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labelling.models import Annotation
from monitoring.models import Alert, AlertRule, Note
from registry.clock import now
from registry.identifiers import uuid7
from registry.models import Project, Run, User
from serving import rollout
from serving.models import Prediction
from tests.factories import make_bare_version, make_project, make_user, sign_in
from tests.full_project import PEOPLE, make_full_project, make_people
from tests.refused import shown

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

VIEWERS = {"Ada", "Owen", "Vera"}
LABELLERS = {"Ada", "Owen", "Rosa", "Erin"}
REVIEWERS = {"Ada", "Owen", "Rosa"}
OWNERS = {"Ada", "Owen"}
# Who sees a page; what it says when there is something, and when there is nothing.
PLACES: dict[str, tuple[set[str], str, str]] = {
    "": (VIEWERS, "version 1 is live", "No model answers yet"),
    "/label": (LABELLERS, "Cannot tell", "Nothing to label"),
    "/examples": (LABELLERS, "My answers", "No examples yet."),
    "/examples/mine": (LABELLERS, "My answers", "You have not labelled anything here"),
    "/examples/review": (REVIEWERS, "Nobody disagrees", "Nobody disagrees"),
    "/examples/people": (REVIEWERS, "Erin", "Nobody has labelled here yet."),
    "/examples/guideline": (LABELLERS, "version 1", "what each class means"),
    "/examples/import": (REVIEWERS, "Import examples", "A file of items"),
    "/data": (VIEWERS, "rows in dataset 1", "No data yet"),
    "/models": (VIEWERS, "tenure &lt; 40", "No version yet."),
    "/runs": (VIEWERS, "Its worker died in the last attempt.", "No run yet."),
    "/rollout": (VIEWERS, "It earned it.", "Nothing serves yet"),
    "/monitor": (VIEWERS, "The winter offer.", "Nothing to watch yet"),
    "/alerts": (VIEWERS, "it costs too much.", "Nothing has been wrong so far."),
    "/predictions": (OWNERS, "order 5", "No such prediction."),
    "/try": (VIEWERS, "monthly_charges", "monthly_charges"),
    "/features": (VIEWERS, "Looked up", "Nothing is looked up"),
    "/data/schema": (VIEWERS, "monthly_charges", "monthly_charges"),
    "/data/new": (OWNERS, "Columns it needs", "Columns it needs"),
    "/settings": (OWNERS, "Fixed by the first dataset", "Fixed by the first dataset"),
    "/settings/costs": (OWNERS, "monthly_charges", "monthly_charges"),
    "/settings/gate": (OWNERS, "contract", "contract"),
    "/settings/members": (OWNERS, "Erin", "Erin"),
    "/settings/keys": ({"Ada"}, "shop", "No key yet."),
    "/settings/audit": (OWNERS, "rollout.start", "Nothing has happened yet."),
    "/start": (OWNERS, "Ask it from anywhere", "There is no dataset yet."),
}
DETAILS = {
    "/data/1": (VIEWERS, "drift"),
    "/data/1/rows": (OWNERS, "Rows to learn from"),
    "/models/2": (VIEWERS, "On the sealed test set"),
    "/runs/1": (VIEWERS, "Leaderboard"),
    "/runs/2": (VIEWERS, "No trial was finished."),
}


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.fixture
def churn() -> Project:
    return make_full_project()


@pytest.fixture
def empty() -> Project:
    project = make_project("empty")
    make_people(project)
    return project


def looked_at(project: Project, paths: dict[str, set[str]]) -> list[str]:
    """What is wrong: somebody sees what is not theirs, or does not see what is."""
    make_user("Sam")
    wrong = []
    clients = {name: sign_in(name) for name in [*PEOPLE, "Sam"]} | {"nobody": Client()}
    for path, allowed in paths.items():
        for name, client in clients.items():
            address = f"/p/{project.slug}{path}"
            answer = client.get(address)
            expected = 200 if name in allowed else 403
            if name == "Sam":
                expected = 404
            elif name == "nobody" or (path == "" and name in {"Rosa", "Erin"}):
                expected = 302
            if answer.status_code != expected:
                wrong.append(f"{name} at {address}: {answer.status_code}")
            if name == "nobody" and answer.headers["Location"] != (
                f"/sign-in?next={address.replace('/', '%2F')}"
            ):
                wrong.append(f"{address} leads to {answer.headers['Location']}")
    return wrong


def test_everybody_sees_the_pages_of_their_role_full(churn: Project) -> None:
    answered = churn.predictions.first()
    paths = {path: who for path, (who, *_) in PLACES.items()}
    paths |= {path: who for path, (who, _) in DETAILS.items()}
    paths |= {
        f"/predictions/{answered.pk}": OWNERS,
        f"/predictions/{answered.pk}/truth": OWNERS,
    }

    assert looked_at(churn, paths) == []


def test_everybody_sees_the_pages_of_their_role_empty(empty: Project) -> None:
    assert looked_at(empty, {path: who for path, (who, *_) in PLACES.items()}) == []


def test_a_page_says_what_there_is(churn: Project) -> None:
    ada = sign_in("Ada")
    expected = {path: words for path, (_, words, _) in PLACES.items()}
    expected |= {path: words for path, (_, words) in DETAILS.items()}

    missing = [
        path
        for path, words in expected.items()
        if words not in text(ada.get(f"/p/churn{path}"))
    ]

    assert missing == []


def test_an_empty_page_says_what_it_is_for(empty: Project) -> None:
    ada = sign_in("Ada")

    missing = [
        path
        for path, (_, _, words) in PLACES.items()
        if words not in text(ada.get(f"/p/empty{path}"))
    ]

    assert missing == []


def test_what_is_not_there_is_a_page_that_says_so(churn: Project) -> None:
    ada = sign_in("Ada")
    nothing = uuid7(now())

    for path in ("/models/99", "/runs/99", f"/predictions/{nothing}", "/nonsense"):
        answer = ada.get(f"/p/churn{path}")
        assert answer.status_code == 404, path
        assert "<h1" in text(answer), path


def test_one_prediction_tells_why_and_what_was_true(churn: Project) -> None:
    owen = sign_in("Owen")
    row = churn.predictions.exclude(explanation=None).get(reference="order 10")

    page = text(owen.get(f"/p/churn/predictions/{row.pk}"))
    truth = text(owen.get(f"/p/churn/predictions/{row.pk}/truth"))

    assert "monthly_charges" in page
    assert "Why" in page
    assert "Yes" in truth


def test_a_link_or_button_is_shown_to_whom_it_answers(churn: Project) -> None:
    vera, owen, ada = sign_in("Vera"), sign_in("Owen"), sign_in("Ada")

    for path in ("/runs", "/runs/2", "/alerts", "/monitor", "/models/3", "/rollout"):
        page = text(vera.get(f"/p/churn{path}"))
        assert page.count('method="post"') == 1, path  # signing out
        assert "/p/churn/settings" not in page, path
        assert text(owen.get(f"/p/churn{path}")).count('method="post"') > 1, path
    assert "Promote" not in text(owen.get("/p/churn/rollout"))
    assert "Promote" in text(ada.get("/p/churn/rollout"))
    assert "/p/churn/models" not in text(sign_in("Erin").get("/p/churn/label"))


def test_the_list_of_projects_holds_ones_own(churn: Project) -> None:
    make_project("flights", name="Flights")
    make_user("Sam")

    assert "Churn" in text(sign_in("Vera").get("/"))
    assert "Flights" not in text(sign_in("Vera").get("/"))
    assert "No project yet" in text(sign_in("Sam").get("/"))
    assert Client().get("/").status_code == 302


def test_the_operator_page_is_for_staff(churn: Project) -> None:
    assert sign_in("Ada").get("/operator").status_code == 403
    User.objects.filter(username="Ada").update(is_staff=True)

    assert "mlsystem.step" in text(sign_in("Ada").get("/operator"))


# Forms


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


@pytest.mark.parametrize(
    "query",
    [
        "model=²", f"model={'9' * 40}", "model=-1", "before=nonsense", "role=king",
        f"entity={'x' * 2000}", "reference=%F0%9F%90%88", "before=",
    ],
)  # fmt: skip
def test_odd_filters_of_the_log_find_little_and_break_nothing(
    churn: Project, query: str
) -> None:
    assert sign_in("Owen").get(f"/p/churn/predictions?{query}").status_code == 200


@pytest.mark.parametrize("query", ["before=²", f"before={'9' * 40}", "state=lost"])
def test_odd_filters_of_the_examples_break_nothing(churn: Project, query: str) -> None:
    assert sign_in("Rosa").get(f"/p/churn/examples?{query}").status_code == 200


# Long lists


def test_the_log_goes_on_page_by_page(churn: Project) -> None:
    owen, seen = sign_in("Owen"), set[str]()
    page = owen.get("/p/churn/predictions")
    for _ in range(2):
        seen |= {str(row.pk) for row in page.context["rows"]}
        page = owen.get(urljoin("/p/churn/predictions", page.context["next"] or ""))

    assert len(seen) == churn.predictions.count() == 60


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def more_rows(project: Project) -> None:
    """Ten more of everything that a list shows."""
    moment = now()
    for number in range(10, 20):
        version = make_bare_version(project, number)
        Run.objects.create(
            project=project,
            number=number,
            kind="build",
            state="failed",
            budget_seconds=9,
            requested_by=make_user(f"Person {number}", project=project, role="viewer"),
        )
        Prediction.objects.create(
            id=uuid7(moment),
            project=project,
            version=version,
            role="live",
            at=moment,
            received_at=moment,
            input={},
            output={"prediction": "No"},
            latency_ms=1.0,
        )
        rule = AlertRule.objects.create(project=project, kind=f"kind {number}")
        Alert.objects.create(
            rule=rule,
            project=project,
            version=version,
            state="firing",
            message="x",
            opened_at=moment,
            updated_at=moment,
        )
        Note.objects.create(project=project, at=moment, text="x")
        other = make_project(f"project-{number}")
        make_user("Ada", project=other, role="admin")


@pytest.mark.parametrize(
    "path",
    [
        "/p/churn", "/p/churn/models", "/p/churn/runs", "/p/churn/alerts",
        "/p/churn/predictions", "/p/churn/examples", "/p/churn/settings",
        "/p/churn/settings/members", "/p/churn/settings/keys", "/p/churn/settings/audit",
        "/p/churn/monitor", "/p/churn/rollout", "/p/churn/data",
    ],
)  # fmt: skip
def test_longer_lists_cost_no_more_queries(churn: Project, path: str) -> None:
    ada = sign_in("Ada")
    ada.get(path)
    short = queries(ada, path)
    more_rows(churn)

    assert queries(ada, path) <= short
