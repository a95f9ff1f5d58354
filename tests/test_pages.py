"""Every page, for everybody: who sees it, what it says full and empty."""

import pytest
from django.test import Client

from registry.clock import now
from registry.identifiers import uuid7
from registry.models import Project, User
from tests.factories import make_project, make_user, sign_in
from tests.full_project import PEOPLE, make_full_project, make_project_with_people
from tests.pages import text

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


@pytest.fixture
def churn() -> Project:
    return make_full_project()


@pytest.fixture
def empty() -> Project:
    return make_project_with_people("empty")


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
