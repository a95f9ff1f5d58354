"""Whatever goes wrong, programs get a problem document, and people a page."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_key, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.web_urls")]
SOURCES = "/api/v1/projects/churn/sources"


@pytest.fixture
def key() -> dict[str, str]:
    return {"X-Api-Key": make_key(make_project(), "manage", "read", "predict")}


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def post(client: Client, body: Any, headers: dict[str, str], **extra: Any) -> Any:
    given = {"content_type": "application/json"} | extra
    sent = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(SOURCES, sent, headers=headers, **given)


def is_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    return body  # type: ignore[no-any-return]


def test_each_wrong_field_is_named_with_its_cure(
    client: Client, key: dict[str, str]
) -> None:
    body = {"size": -1, "at": "2024-05-01T12:00:00", "tags": ["ok", 5], "colour": 1}

    problem = is_problem(post(client, body, key), 400)

    told = {error["field"]: error["message"] for error in problem["errors"]}
    assert set(told) >= {"colour", "tags"}
    assert "Unknown field" in told["colour"]
    assert "[1]: Expected a text, got a number" in told["tags"]
    told = {
        error["field"]: error["message"]
        for error in is_problem(
            post(client, {"size": -1, "at": "2024-05-01T12:00:00"}, key), 400
        )["errors"]
    }
    assert set(told) == {"name", "size", "at"}
    assert "2024-05-01T12:00:00Z" in told["at"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": 5},
        {"name": None},
        {"name": "x", "size": "5"},
        {"name": "x", "size": 1.5},
        {"name": "x", "size": True},
        {"name": "x", "share": "0.5"},
        {"name": "x", "on": "true"},
        {"name": "x", "on": 1},
        {"name": "x", "at": 1714560000},
        {"name": "x", "tags": "a"},
        {"name": "x", "tags": {"0": "a"}},
        {"name": "x", "tags": [None]},
        ["name"],
        "name",
        None,
    ],
    ids=str,
)
def test_a_value_of_another_type_is_not_bent_into_shape(
    client: Client, key: dict[str, str], body: Any
) -> None:
    is_problem(post(client, body, key), 400)


def test_what_is_right_is_taken(client: Client, key: dict[str, str]) -> None:
    body = {"name": "x", "size": 3, "share": 1, "on": False, "tags": ["a"]}

    assert post(client, body, key).status_code == 201


def test_json_that_is_not_strict_is_refused_with_the_place(
    client: Client, key: dict[str, str]
) -> None:
    problem = is_problem(post(client, b'{"name": "x", "size": NaN}', key), 400)

    assert problem["errors"][0]["field"] == "$.size"


def test_other_content_types_are_415(client: Client, key: dict[str, str]) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/csv"):
        is_problem(post(client, "name=x", key, content_type=kind), 415)


def test_an_accept_without_json_is_406(client: Client, key: dict[str, str]) -> None:
    is_problem(client.get(SOURCES, headers=key | {"Accept": "text/html"}), 406)

    for fine in ("*/*", "application/*", "application/json;q=0.5, text/html"):
        assert client.get(SOURCES, headers=key | {"Accept": fine}).status_code == 200


def test_a_method_that_is_not_there_is_405_with_those_that_are(
    client: Client, key: dict[str, str]
) -> None:
    response = client.delete(SOURCES, headers=key)

    is_problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_more_than_ten_megabytes_are_413_before_they_are_parsed(
    client: Client, key: dict[str, str]
) -> None:
    big = b'{"name": "' + b"x" * (10 * 2**20) + b'"}'

    is_problem(post(client, big, key), 413)


def test_unknown_repeated_and_misspelt_parameters_are_400(
    client: Client, key: dict[str, str]
) -> None:
    for query in ("colour=red", "limit=1&limit=2", "on=1", "on=yes", "share=nan",
                  "share=1_0", "limit=+5", "limit=5.0", "limit=", "share=%00"):  # fmt: skip
        is_problem(client.get(f"{SOURCES}?{query}", headers=key), 400)

    for query in ("on=true", "share=-1.5e3", "limit=5"):
        assert client.get(f"{SOURCES}?{query}", headers=key).status_code == 200


def test_both_spellings_of_an_address_answer(
    client: Client, key: dict[str, str]
) -> None:
    assert client.get(f"{SOURCES}/", headers=key).status_code == 200
    assert post(client, {"name": "x"}, key).status_code == 201


def test_an_address_that_does_not_exist_is_a_problem_too(client: Client) -> None:
    is_problem(client.get("/api/v1/nothing"), 404)
    is_problem(client.get("/api/v1/nothing\x00here"), 400)
    assert client.get("/v2/nothing").json().keys() == {"error"}
    page = client.get("/nothing")
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")


def test_a_bug_is_a_500_that_tells_nothing(client: Client) -> None:
    problem = is_problem(client.get("/api/v1/broken?how=bug"), 500)

    assert "secret" not in json.dumps(problem)


def test_a_busy_database_asks_to_come_back(client: Client) -> None:
    response = client.get("/api/v1/broken?how=busy")

    is_problem(response, 503)
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.faults
@pytest.mark.parametrize(
    ("how", "logged"),
    [("full", "database or disk is full"), ("no room", "No space left on device")],
)
def test_a_full_disk_is_called_so_here_and_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, how: str, logged: str
) -> None:
    response = client.get("/api/v1/broken", {"how": how})

    problem = is_problem(response, 503)
    assert problem["detail"].startswith("The disk is full: nothing was stored.")
    assert int(response.headers["Retry-After"]) >= 1
    assert logged in caplog.text


@pytest.mark.faults
def test_a_page_says_that_the_disk_is_full(client: Client) -> None:
    client.force_login(make_user("Owen", project=make_project(), role="owner"))

    page = client.get("/p/churn/page?full")

    assert page.status_code == 503
    assert "The disk is full" in page.content.decode()
    assert int(page.headers["Retry-After"]) >= 1


def test_a_limit_says_how_long_to_wait(client: Client) -> None:
    response = client.get("/api/v1/broken?how=often")

    is_problem(response, 429)
    assert response.headers["Retry-After"] == "7"


def test_a_browser_without_its_csrf_token_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("Owen", project=make_project(), role="owner"))

    response = client.post(SOURCES, {"name": "x"}, content_type="application/json")

    assert "CSRF" in is_problem(response, 403)["detail"]
    page = client.post("/p/churn/page")
    assert page.status_code == 403
    assert b"Load the page again" in page.content


def test_a_key_needs_no_csrf_token(key: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)

    assert post(client, {"name": "x"}, key).status_code == 201


def test_edits_name_the_revision_they_edit(client: Client, key: dict[str, str]) -> None:
    def edit(tag: str | None) -> Any:
        headers = key | ({"If-Match": tag} if tag else {})
        return client.put("/api/v1/projects/churn/edit", headers=headers)

    is_problem(edit(None), 428)
    is_problem(edit('"6"'), 412)
    is_problem(edit('W/"7"'), 412)
    assert edit('"7"').status_code == 200
    assert edit('"6", "7"').status_code == 200
    assert edit("*").status_code == 200


def test_the_inference_protocol_has_its_own_errors_and_reads_any_type(
    client: Client, key: dict[str, str]
) -> None:
    address = "/v2/models/churn/infer"

    said = client.post(address, b'{"a": 1}', content_type="text/plain", headers=key)
    assert said.json() == {"a": 1}

    refused = client.post(address, b'{"a": NaN}', content_type="x/y", headers=key)
    assert refused.status_code == 400
    assert refused.json().keys() == {"error"}
    assert client.post(address, b"{}", content_type="x/y").json().keys() == {"error"}


def test_a_body_without_a_length_is_refused(
    client: Client, key: dict[str, str]
) -> None:
    response = client.generic(
        "POST",
        SOURCES,
        headers=key,
        HTTP_TRANSFER_ENCODING="chunked",
        CONTENT_LENGTH="",
    )

    is_problem(response, 411)
