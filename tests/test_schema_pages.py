"""The schema is edited in one form, however wide, and the rows must bear it out."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.middleware.csrf import get_token
from django.test import Client

from registry.models import Project
from tests.factories import make_dataset, make_frame, make_user, sign_in
from tests.full_project import make_project_with_people
from tests.pages import text
from tests.refused import shown

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


def schema_form(project: Project, **changes: Any) -> dict[str, Any]:
    """The editor's fields as its page holds them."""
    form: dict[str, Any] = {"revision": project.revision}
    for number, field in enumerate(project.fields):
        form |= {f"use-{number}": "on", f"kind-{number}": field["kind"]}
        form[f"name-{number}"] = field["name"]
    return {name: value for name, value in (form | changes).items() if value != ""}


def test_the_owner_edits_the_schema(churn: Project) -> None:
    make_dataset(churn)
    form = schema_form(
        churn,
        **{"required-0": "on", "maximum-0": "120", "unit-0": "months", "use-3": ""},
    )

    page = sign_in("Owen").post("/p/churn/data/schema", form, follow=True)

    assert "The schema is changed." in text(page)
    churn.refresh_from_db()
    assert churn.fields[0] == {
        "name": "tenure",
        "kind": "integer",
        "required": True,
        "unit": "months",
        "maximum": 120,
    }
    assert [field["name"] for field in churn.fields] == [
        "tenure",
        "monthly_charges",
        "contract",
    ]
    assert churn.fields[2]["categories"]


def test_a_schema_of_many_columns_is_one_form(churn: Project) -> None:
    names = [f"sensor {number}" for number in range(400)]
    fields = [{"name": name, "kind": "numeric"} for name in names]
    Project.objects.update(fields=[*churn.fields, *fields])
    churn.refresh_from_db()

    form = schema_form(churn, **{"unit-400": "bar"})
    assert len(form) > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    answer = as_browsers_send(sign_in("Owen"), "/p/churn/data/schema", form)

    assert answer.status_code == 302
    churn.refresh_from_db()
    assert churn.fields[400]["unit"] == "bar"


def as_browsers_send(client: Client, address: str, form: dict[str, Any]) -> Any:
    """With the token of its page, and not as multipart."""
    client.handler.enforce_csrf_checks = True
    token = get_token(client.get("/password", follow=True).wsgi_request)
    body = urlencode(form | {"csrfmiddlewaretoken": token})
    return client.post(address, body, content_type=FORM)


@pytest.mark.parametrize(
    ("who", "address"),
    [
        (None, "/sign-in"),
        (None, "/p/churn/data/schema"),
        ("Vera", "/p/churn/data/schema"),  # a viewer
        ("Sam", "/p/churn/data/schema"),  # a stranger
        ("Owen", "/p/churn/settings"),  # another form
    ],
)
def test_a_form_of_thousands_of_fields_is_refused_before_it_is_read(
    churn: Project, who: str | None, address: str
) -> None:
    make_user("Sam")
    client = sign_in(who) if who else Client()
    answer = as_browsers_send(client, address, {f"f{i}": "" for i in range(1_001)})
    assert answer.status_code == 400
    assert "The form has too many fields." in text(answer)


def test_a_wide_form_needs_its_token_as_any_other(churn: Project) -> None:
    owen = sign_in("Owen")
    owen.handler.enforce_csrf_checks = True
    body = urlencode(schema_form(churn) | {f"f{i}": "" for i in range(1_001)})
    answer = owen.post("/p/churn/data/schema", body, content_type=FORM)
    assert answer.status_code == 403


def test_a_kind_that_the_rows_do_not_bear_out_is_refused(churn: Project) -> None:
    make_dataset(churn)

    page = sign_in("Owen").post(
        "/p/churn/data/schema", schema_form(churn, **{"kind-2": "numeric"})
    )

    assert page.status_code == 400
    assert "values are not numeric (row 1, 2" in shown(text(page)).says("kind-2")
    assert shown(text(page)).focused == ["kind-2"]
    churn.refresh_from_db()
    assert churn.fields[2]["kind"] == "categorical"


def test_two_edits_of_a_schema_do_not_overwrite_each_other(churn: Project) -> None:
    owen, form = sign_in("Owen"), schema_form(churn, **{"unit-0": "months"})
    late = form | {"unit-0": "years"}
    owen.post("/p/churn/data/schema", form)

    page = owen.post("/p/churn/data/schema", late)

    assert page.status_code == 412
    assert "Somebody changed this project" in text(page)
    assert "Owen (fields)" in text(page)
    assert "<strong>By now:</strong> integer, months</p>" in text(page)
    assert shown(text(page)).holds("unit-0", "years")
    churn.refresh_from_db()
    assert churn.fields[0]["unit"] == "months"


def test_a_column_that_was_left_out_can_come_in(churn: Project) -> None:
    make_dataset(churn, frame=make_frame().assign(region=["north", "south"] * 60))

    form = schema_form(
        churn, **{"name-4": "region", "use-4": "on", "kind-4": "categorical"}
    )
    sign_in("Owen").post("/p/churn/data/schema", form)

    churn.refresh_from_db()
    assert churn.fields[4]["name"] == "region"
    assert churn.fields[4]["categories"] == ["north", "south"]


def test_what_was_typed_stays_with_its_field_when_rows_move(churn: Project) -> None:
    form = schema_form(churn, **{"unit-0": "months", "maximum-1": "900"})
    churn.fields = churn.fields[::-1]
    churn.save()

    sign_in("Owen").post("/p/churn/data/schema", form)

    churn.refresh_from_db()
    said = {field["name"]: field for field in churn.fields}
    assert said["tenure"]["unit"] == "months"
    assert said["monthly_charges"]["maximum"] == 900
    assert [name for name, field in said.items() if "unit" in field] == ["tenure"]


def test_a_number_that_becomes_a_category_keeps_every_value(churn: Project) -> None:
    make_dataset(churn, frame=make_frame(400).assign(tenure=[*range(40)] * 10))

    form = schema_form(churn, **{"kind-0": "categorical"})
    page = sign_in("Owen").post("/p/churn/data/schema", form, follow=True)

    assert "The schema is changed." in text(page)
    churn.refresh_from_db()
    assert len(churn.fields[0]["categories"]) == 40


def test_viewers_read_the_schema_and_cannot_write_it(churn: Project) -> None:
    vera = sign_in("Vera")

    assert "monthly_charges" in text(vera.get("/p/churn/data/schema"))
    assert "Save the schema" not in text(vera.get("/p/churn/data/schema"))
    assert vera.post("/p/churn/data/schema", {}).status_code == 403
    assert vera.get("/p/churn/data/new").status_code == 403
