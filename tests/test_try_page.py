"""The try-it console: a form of every kind, the answer, and the same from a program."""

import ast
import json
import subprocess
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from registry.models import Dataset, Project, User
from serving import samples
from serving.models import Prediction
from tests import refused
from tests.factories import (
    make_canary,
    make_dataset,
    make_key,
    make_project,
    make_serving,
)
from tests.full_project import make_people

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
SENT = {"field:tenure": "3", "field:monthly_charges": "80"}


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.fixture
def churn() -> Project:
    project = make_project()
    make_people(project)
    make_dataset(project)
    make_serving(project)
    return project


@pytest.fixture
def vera(churn: Project) -> Client:
    client = Client()
    client.force_login(User.objects.get(username="Vera"))
    return client


def test_the_form_begins_with_what_is_usual(churn: Project, vera: Client) -> None:
    page = vera.get("/p/churn/try")

    shown = {field["name"]: field["value"] for field in page.context["fields"]}
    figures = churn.datasets.get().profile
    assert shown["tenure"] == round(figures["tenure"]["quantiles"]["0.5"])
    assert shown["contract"] == figures["contract"]["top"][0][0]
    assert shown["paperless"] in {"true", "false"}
    assert "Ask for something" in text(page)


def test_the_answer_says_what_why_and_by_whom(vera: Client) -> None:
    page = text(vera.post("/p/churn/try", SENT | {"field:colour": "red"}))

    assert "Probability of Yes" in page
    assert "because" in page  # the decision has its reason
    assert 'href="/p/churn/models/1"' in page
    assert "as a test" in page
    stored = Prediction.objects.get()
    assert (stored.test, stored.input["tenure"]) == (True, 3)


def test_a_background_request_gets_the_answer_alone(vera: Client) -> None:
    page = text(vera.post("/p/churn/try", SENT, headers={"HX-Request": "true"}))

    assert page.lstrip().startswith('<div id="tried"')
    assert "<html" not in page


def test_what_is_wrong_stands_under_its_field(vera: Client) -> None:
    form = {"field:tenure": "three", "field:monthly_charges": "80"}

    answer = vera.post("/p/churn/try", form)
    part = text(vera.post("/p/churn/try", form, headers={"HX-Request": "true"}))

    page = refused.shown(text(answer))
    assert answer.status_code == 400
    assert "write a whole number" in page.says("field:tenure")
    assert page.focused == ["field:tenure"]
    assert page.holds("field:tenure", "three")
    slot = '<p class="error" id="f{}_error" hx-swap-oob="true">'
    assert f"{slot.format(1)}&#x27;three&#x27;: write a whole number" in part
    assert f"{slot.format(2)}</p>" in part


def test_somebody_named_is_routed_as_they_would_be(
    churn: Project, vera: Client
) -> None:
    make_canary(churn, percent=100)

    page = text(vera.post("/p/churn/try", SENT | {"user": "ann", "attributes": "a=b"}))

    assert 'href="/p/churn/models/2"' in page
    assert "canary" in page
    assert '"user": "ann"' in page.replace("&quot;", '"')
    assert '"attributes": {"a": "b"}' in page.replace("&quot;", '"')


def test_an_entity_may_be_asked_about_alone(churn: Project, vera: Client) -> None:
    empty = vera.get("/p/churn/try")
    assert [one["name"] for one in empty.context["entity"]] == ["customer"]

    page = text(vera.post("/p/churn/try", {"entity:customer": "C12"}))

    assert 'role="alert"' in page  # nothing is looked up in this project
    assert 'value="C12"' in page
    assert '"entity": "C12"' in page.replace("&quot;", '"')


def test_a_moment_is_typed_in_the_projects_zone() -> None:
    project = make_project(
        "parcels",
        zone="Europe/Zurich",
        fields=[{"name": "sent_at", "kind": "datetime"}],
        entity=[],
    )
    make_people(project)
    client = Client()
    client.force_login(User.objects.get(username="Vera"))

    page = client.post("/p/parcels/try", {"field:sent_at": "2026-07-01T12:00"})

    assert '"sent_at": "2026-07-01T12:00:00+02:00"' in text(page).replace("&quot;", '"')
    assert 'type="datetime-local"' in text(page)
    assert 'value="2026-07-01T12:00"' in text(page)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
def test_the_first_and_the_last_moment_are_answered(moment: str, zone: str) -> None:
    fields = [{"name": "sent_at", "kind": "datetime"}]
    make_people(make_project("parcels", zone=zone, fields=fields, entity=[]))
    client = Client()
    client.force_login(User.objects.get(username="Vera"))

    page = client.post("/p/parcels/try", {"field:sent_at": moment})

    assert page.status_code == 200
    assert f'value="{moment}"' in text(page)


def test_a_median_of_zero_is_what_is_usual(churn: Project) -> None:
    dataset = churn.datasets.get()
    dataset.profile["tenure"] = {"quantiles": {"0.5": 0.0}}
    Dataset.objects.update(profile=dataset.profile)

    assert samples.example(churn, churn.fields)["tenure"] == 0


def test_the_form_is_of_the_version_that_answers(churn: Project, vera: Client) -> None:
    churn.fields = [{"name": "tenure", "kind": "text"}]
    churn.save()

    page = vera.get("/p/churn/try")
    kinds = {field["name"]: field["kind"] for field in page.context["fields"]}
    assert kinds["tenure"] == "integer"
    assert "monthly_charges" in kinds
    answered = vera.post("/p/churn/try", SENT)
    assert answered.context["status"] == 200
    assert Prediction.objects.get().input["monthly_charges"] == 80
    shown = text(vera.get(f"/p/churn/predictions/{Prediction.objects.get().pk}"))
    assert "computed" not in shown


def test_a_form_of_thousands_of_inputs_is_read(vera: Client) -> None:
    page = text(vera.get("/p/churn/try"))
    assert "multipart" not in page  # its parts are limited, for everybody
    body = urlencode(SENT | {f"field:f{i}": "" for i in range(1_500)})
    answer = vera.post("/p/churn/try", body, content_type=FORM)
    assert answer.status_code == 200
    assert "Probability of Yes" in text(answer)


def test_what_was_typed_stays_when_an_image_is_refused() -> None:
    fields = [{"name": "picture", "kind": "image"}, {"name": "note", "kind": "text"}]
    make_people(make_project("digits", fields=fields, entity=["batch"]))
    client = Client()
    client.force_login(User.objects.get(username="Vera"))
    sent = {
        "field:picture": SimpleUploadedFile("a.png", b"no picture"),
        "field:note": "smudged",
        "entity:batch": "B7",
        "user": "ann",
    }

    page = client.post("/p/digits/try", sent)

    assert page.status_code == 400
    told = "The file is no PNG, JPEG or WebP image."
    assert told in refused.shown(text(page)).says("field:picture")
    for words in (">smudged</textarea>", 'value="B7"', 'value="ann"'):
        assert words in text(page)


NASTY: dict[str, Any] = {"input": {"note": 'it\'s "quoted"\n`$(x)` </script>'}}


def test_the_programs_send_what_was_asked(churn: Project) -> None:
    curl, python, script = (
        one["text"] for one in samples.programs("http://h/p", NASTY, pictures=[])
    )
    wanted = {**NASTY, "explain": True}

    echo = curl.replace("curl -s http://h/p", "printf '%s\\n'").replace("$KEY", "k")
    said = subprocess.run(
        ["sh", "-c", echo], capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout.splitlines()[-1]) == wanted

    literal = python.partition("data=r")[2].rpartition(",\n)")[0]
    assert json.loads(ast.literal_eval("r" + literal)) == wanted  # our own text
    inside = script.partition("JSON.stringify(")[2].rpartition("),\n}")[0]
    assert json.loads(inside) == wanted


def test_the_curl_of_the_page_is_answered(churn: Project) -> None:
    asked = {"input": {"tenure": 3, "monthly_charges": 80}}
    (curl, *_) = samples.programs("http://h/predict", asked, pictures=[])
    body = curl["text"].partition("-d '")[2].rstrip("'")

    answer = Client().post(
        "/api/v1/projects/churn/predict",
        body,
        content_type="application/json",
        headers={"X-Api-Key": make_key(churn, "predict")},
    )

    assert answer.status_code == 200
