"""Idempotency-Key: a retry gets the same answer and changes nothing twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from registry.clock import now
from registry.models import IdempotencyRecord, Project, Source
from registry.web import idempotency
from tests.factories import make_key, make_project

pytestmark = pytest.mark.urls("tests.web_urls")
BOTH = pytest.mark.parametrize("place", ["sources", "slow"])


def send(
    project: Project, key: str, place: str = "sources", once: str = "a-1", **body: Any
) -> Any:
    return Client().post(
        f"/api/v1/projects/{project}/{place}",
        json.dumps({"name": "shop"} | body),
        content_type="application/json",
        headers={"X-Api-Key": key, "Idempotency-Key": once},
    )


@BOTH
@pytest.mark.django_db
def test_the_same_key_and_body_gives_the_same_answer(place: str) -> None:
    project = make_project()
    key = make_key(project, "manage")

    first, second = send(project, key, place), send(project, key, place)

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Source.objects.count() == 1


@pytest.mark.django_db
def test_the_spelling_of_a_body_does_not_matter_its_meaning_does() -> None:
    project = make_project()
    key = make_key(project, "manage")
    headers = {"X-Api-Key": key, "Idempotency-Key": "a"}
    address = "/api/v1/projects/churn/sources"

    def post(body: str) -> int:
        sent = Client().post(
            address, body, content_type="application/json", headers=headers
        )
        return sent.status_code

    assert post('{"name": "x", "size": 1}') == 201
    assert post('{ "size":1,"name":"x" }') == 201
    assert post('{"name": "x", "size": 2}') == 422
    assert Source.objects.count() == 1


@BOTH
@pytest.mark.django_db
def test_another_body_under_the_same_key_is_422(place: str) -> None:
    project = make_project()
    key = make_key(project, "manage")
    send(project, key, place)

    assert send(project, key, place, name="other").status_code == 422
    assert Source.objects.count() == 1


@pytest.mark.django_db
def test_keys_of_others_and_other_addresses_do_not_clash() -> None:
    project = make_project()
    first, second = make_key(project, "manage"), make_key(project, "manage")
    other = make_project("flights")

    assert send(project, first).status_code == 201
    assert send(project, second, name="b").status_code == 201
    assert send(other, make_key(other, "manage"), name="c").status_code == 201
    assert send(project, first, "slow", name="d").status_code == 201


@pytest.mark.django_db
def test_a_refusal_is_not_remembered() -> None:
    project = make_project()
    key = make_key(project, "manage")

    assert send(project, key, name="refused").status_code == 409
    assert not Source.objects.exists()  # the row went with the refusal
    assert send(project, key, name="").status_code == 400
    assert send(project, key, name="mended").status_code == 201


@pytest.mark.django_db
def test_a_key_that_cannot_be_one_is_400() -> None:
    project = make_project()
    key = make_key(project, "manage")

    for wrong in ("", "x" * 201, "two words", "ümlaut"):
        assert send(project, key, once=wrong).status_code == 400


@pytest.mark.django_db
def test_answers_are_forgotten_after_a_day() -> None:
    project = make_project()
    send(project, make_key(project, "manage"))

    assert idempotency.prune(now=now()) == 0
    assert idempotency.prune(now=now() + timedelta(hours=25)) == 1


@BOTH
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_write_one_row_and_get_one_answer(place: str) -> None:
    project = make_project()
    key = make_key(project, "manage")

    def once(_: int) -> tuple[int, str]:
        try:
            response = send(project, key, place)
            return response.status_code, response.content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(once, range(20)))

    assert answers == {(201, '{"name":"shop"}')}
    assert Source.objects.count() == 1
    assert IdempotencyRecord.objects.count() == 1
