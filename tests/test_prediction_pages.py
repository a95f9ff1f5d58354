"""The predictions log: filters that stay, pages without repeats, one click to a label."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import expect

from labelling.models import Example
from registry.clock import now
from registry.models import Project, User
from serving import predictions
from serving.models import Prediction
from tests.browsing import Watched
from tests.factories import make_prediction, make_project
from tests.full_project import make_full_project, make_people

pytestmark = pytest.mark.django_db


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.fixture
def log() -> Project:
    """120 answers, the oldest first; every tenth of them fell back."""
    project = make_project()
    make_people(project)
    moment = now()
    for i in range(120):
        make_prediction(
            project,
            at=moment - timedelta(hours=120 - i),
            reference=f"order {i}",
            role="fallback" if i % 10 == 0 else "live",
            fallback="Version 2: it was too slow." if i % 10 == 0 else "",
        )
    return project


def references(page: HttpResponse) -> list[str]:
    return [row.reference for row in page.context["rows"]]


def test_older_answers_are_read_page_by_page_without_a_repeat(log: Project) -> None:
    owen, address, seen = sign_in("Owen"), "/p/churn/predictions", []
    while address:
        page = owen.get(address)
        seen += references(page)
        address = page.context["next"]

    assert seen == [f"order {i}" for i in reversed(range(120))]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("model=abc", "Not a version&#x27;s number, so it is not used"),
        ("from=yesterday", "Not used: write a day or a moment"),
        ("to=31.1.", "Not used: write a day or a moment"),
        ("role=lively", "Not used: choose one of live"),
        ("only=lonely", "Not used: choose one of fallback"),
    ],
)
def test_a_filter_that_cannot_be_read_says_so_in_its_field(
    log: Project, query: str, says: str
) -> None:
    page = sign_in("Owen").get(f"/p/churn/predictions?{query}")
    name, _, typed = query.partition("=")
    assert says in text(page)
    assert f'id="{name}" aria-invalid="true" aria-describedby="{name}-wrong"' in text(
        page
    )
    if name in {"model", "from", "to"}:
        assert f'value="{typed}"' in text(page)


def test_filters_stay_on_every_page(log: Project) -> None:
    owen = sign_in("Owen")

    first = owen.get("/p/churn/predictions?role=live")
    second = owen.get(first.context["next"])

    assert {row.role for row in [*first.context["rows"], *second.context["rows"]]} == {
        "live"
    }
    assert "<option selected>live</option>" in text(second)
    assert 'href="?role=live&amp;"' in text(second)  # back to the newest


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("reference=order 7", ["order 7"]),
        ("only=fallback", [f"order {i}" for i in range(110, -1, -10)]),
        ("model=9", []),
        ("role=nonsense&reference=order 7", ["order 7"]),
        ("from=nonsense&reference=order 7", ["order 7"]),
        ("to=9999-12-31&from=0001-01-01T00:00%2B14:00&reference=order 7", ["order 7"]),
    ],
)
def test_the_log_is_filtered(log: Project, query: str, expected: list[str]) -> None:
    page = sign_in("Owen").get(f"/p/churn/predictions?{query}")

    assert references(page) == expected


def test_what_no_index_finds_is_looked_for_in_so_many_rows_a_page(
    log: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "LOOKED", 30)
    owen, address, seen = sign_in("Owen"), "/p/churn/predictions?role=fallback", []
    first = owen.get(address)
    assert references(first) == ["order 110", "order 100", "order 90"]
    assert "30 answers were looked through" in text(first)

    pages = 0
    while address:
        page = owen.get(address)
        seen += references(page)
        address, pages = page.context["next"], pages + 1

    assert seen == [f"order {i}" for i in range(110, -1, -10)]
    assert pages == 4
    assert "looked through" not in text(page)
    assert "looked through" not in text(owen.get("/p/churn/predictions"))
    none = text(owen.get("/p/churn/predictions?model=9"))
    assert "Not among the 30 answers looked through." in none


def test_a_full_page_goes_on_where_it_ends(
    log: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "LOOKED", 70)
    owen, address, seen = sign_in("Owen"), "/p/churn/predictions?role=live", []
    while address:
        page = owen.get(address)
        seen += references(page)
        address = page.context["next"]

    assert seen == [f"order {i}" for i in reversed(range(120)) if i % 10]


def test_days_are_filtered_from_the_first_to_the_last(log: Project) -> None:
    day = (now() - timedelta(days=2)).date()

    page = sign_in("Owen").get(f"/p/churn/predictions?from={day}&to={day}")

    assert {row.at.date() for row in page.context["rows"]} == {day}
    assert len(page.context["rows"]) == 24
    assert f'value="{day}T00:00"' in text(page)


def test_an_hour_that_a_chart_leads_to_stays_that_hour(log: Project) -> None:
    row = Prediction.objects.get(reference="order 100")
    start = row.at.replace(minute=0, second=0, microsecond=0)
    end = start + timedelta(hours=1)
    query = {"from": f"{start:%FT%H:%M}", "to": f"{end:%FT%H:%M}"}

    page = sign_in("Owen").get("/p/churn/predictions", query)

    assert references(page) == ["order 100"]
    assert f'value="{end:%FT%H:%M}"' in text(page)


def test_a_row_goes_to_the_labelling_queue_by_one_click(log: Project) -> None:
    owen = sign_in("Owen")
    row = Prediction.objects.get(reference="order 7")
    address = f"/p/churn/predictions/{row.pk}/label"
    here = "/p/churn/predictions?only=fallback"

    page = owen.post(address, {"next": here}, follow=True)
    owen.post(address)

    assert page.redirect_chain == [(here, 302)]
    assert "It waits in the labelling queue" in text(page)
    example = Example.objects.get()  # once, however often it is sent
    assert (example.prediction_id, example.priority) == (row.pk, 100)
    assert "It waits in the labelling queue" in text(
        owen.get(f"/p/churn/predictions/{row.pk}/truth")
    )
    assert sign_in("Vera").post(address).status_code == 403
    assert sign_in("Rosa").post(address).status_code == 403


def test_a_row_never_leads_to_another_house(log: Project) -> None:
    row = Prediction.objects.get(reference="order 7")

    answer = sign_in("Owen").post(
        f"/p/churn/predictions/{row.pk}/label", {"next": "https://evil.example/"}
    )

    assert answer.headers["Location"] == "/"


def test_a_test_is_nobodys_to_label(log: Project) -> None:
    row = make_prediction(log, test=True, reference="a test")
    card = sign_in("Owen").get(f"/p/churn/predictions/{row.pk}/truth")
    assert "Ask an expert" not in text(card)

    answer = sign_in("Owen").post(f"/p/churn/predictions/{row.pk}/label")

    assert answer.status_code == 400
    assert not Example.objects.exists()


def test_one_answer_shows_what_came_in_why_and_what_users_said() -> None:
    churn = make_full_project()
    owen = sign_in("Owen")
    explained = churn.predictions.get(reference="order 10", shadow_of=None)
    disputed = churn.predictions.get(reference="order 50", shadow_of=None)

    page = text(owen.get(f"/p/churn/predictions/{explained.pk}"))
    truth = text(owen.get(f"/p/churn/predictions/{disputed.pk}/truth"))

    assert "What the model saw" in page
    assert "Adds (" in page
    assert ">sent<" in page
    assert 'href="/p/churn/predictions?entity=C11"' in page
    assert "She is still here." in truth
    assert "called wrong" in truth


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="plans are the database's own"
)
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"reference": "order 7"}, "prediction_by_reference"),
        ({"entity": "C12"}, "prediction_by_entity"),
        (
            {"since": now() - timedelta(days=2), "until": now()},
            "prediction_by_version",
        ),
    ],
)
def test_what_is_rare_is_found_by_its_own_index(
    log: Project, asked: dict[str, Any], index: str
) -> None:
    plan = predictions.log(log, **asked).order_by("-id")[:51].explain()

    assert index in plan


@pytest.mark.parametrize(
    ("horizon", "words"),
    [
        (timedelta(hours=12), "up to 12\u00a0hours."),
        (timedelta(hours=30), "up to 30\u00a0hours."),
        (timedelta(days=120), "up to 120\u00a0days."),
        (timedelta(days=7), "up to 7\u00a0days."),
    ],
)
def test_how_long_truth_may_take_is_said_as_it_is(
    horizon: timedelta, words: str
) -> None:
    project = make_project(horizon=horizon)
    make_people(project)
    row = make_prediction(project)

    truth = text(sign_in("Owen").get(f"/p/churn/predictions/{row.pk}/truth"))

    assert words in truth


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_an_expert_is_asked_without_a_script(enter: Callable[..., Watched]) -> None:
    project = make_project()
    make_people(project)
    row = make_prediction(project)
    watched = enter("Owen", java_script_enabled=False)
    page = watched.page
    watched.open(f"/p/churn/predictions/{row.pk}")

    page.get_by_role("link", name="What is known of it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The truth")
    page.get_by_role("button", name="Ask an expert").click()

    expect(page.get_by_text("It waits in the labelling queue")).to_be_visible()
    assert Example.objects.filter(prediction_id=row.pk).exists()
