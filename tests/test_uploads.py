"""Files coming in: by form or as the bare body, to disk, within their limit."""

from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_key, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.web_urls")]
FILES = "/api/v1/projects/churn/files"
TABLE = b"a,b\n1,2\n"
BIG = b"a,b\n" + b"1,2\n" * 600_000  # more than is kept in memory


def named(data: bytes, name: str = "table.csv") -> BytesIO:
    file = BytesIO(data)
    file.name = name
    return file


@pytest.fixture
def key() -> dict[str, str]:
    return {"X-Api-Key": make_key(make_project(), "manage")}


def raw(client: Client, data: bytes, key: dict[str, str], kind: str) -> Any:
    return client.post(FILES, data, content_type=kind, headers=key)


@pytest.mark.parametrize("data", [TABLE, BIG], ids=["small", "big"])
def test_a_form_and_a_bare_body_bring_the_same_file(
    client: Client, key: dict[str, str], data: bytes
) -> None:
    by_form = client.post(
        FILES, {"file": named(data, "../x.csv"), "name": "May"}, headers=key
    ).json()
    bare = raw(client, data, key, "text/csv").json()

    assert by_form["sha256"] == bare["sha256"] == sha256(data).hexdigest()
    assert by_form["size"] == bare["size"] == len(data)
    assert by_form["fields_"] == {"name": "May"}
    assert by_form["name"] == "x.csv"


def test_a_browser_sends_its_token_in_the_form(key: dict[str, str]) -> None:
    from registry.models import Project

    client = Client(enforce_csrf_checks=True)
    project = Project.objects.get(slug="churn")
    client.force_login(make_user("Owen", project=project, role="owner"))
    assert client.post(FILES, {"file": named(TABLE)}).status_code == 403

    token = "x" * 32
    client.cookies["csrftoken"] = token
    form = {"file": named(TABLE), "csrfmiddlewaretoken": token}
    response = client.post(FILES, form)

    assert response.status_code == 200
    assert response.json()["fields_"] == {}


def test_none_or_two_files_are_refused(client: Client, key: dict[str, str]) -> None:
    two = {"file": named(TABLE), "second": named(TABLE)}

    assert client.post(FILES, {"name": "x"}, headers=key).status_code == 400
    assert client.post(FILES, two, headers=key).status_code == 400


def test_other_types_are_415(client: Client, key: dict[str, str]) -> None:
    for kind in ("application/zip", "application/json"):
        assert raw(client, b"{}", key, kind).status_code == 415


def test_a_file_over_the_limit_is_413(client: Client, key: dict[str, str]) -> None:
    too_big = b"x" * (20 * 2**20 + 1)

    assert raw(client, too_big, key, "text/csv").status_code == 413


@pytest.mark.faults
def test_a_torn_form_is_400(client: Client, key: dict[str, str]) -> None:
    kind = "multipart/form-data; boundary=x"
    for body in (b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"):
        assert raw(client, body, key, kind).status_code == 400
    assert raw(client, b"--x--", key, "multipart/form-data").status_code == 400
