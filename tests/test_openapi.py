"""The schema says what happens: complete, valid, and exact for one project."""

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from jsonschema import Draft202012Validator

from registry.web import openapi, routes
from tests.calls import Rest
from tests.factories import make_key, make_project, make_serving, make_user

NAME_ALONE = r"{\2}"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def whole() -> dict[str, Any]:
    return openapi.whole()


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": described
        for path, methods in schema["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    }


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(references(item) for item in value))
    return set()


def test_the_schema_is_made_without_a_warning() -> None:
    GENERATOR_STATS.reset()  # of what other tests had described
    openapi.whole.cache_clear()
    openapi.whole()

    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


def test_every_method_of_every_endpoint_is_in_it(whole: dict[str, Any]) -> None:
    promised = {
        f"{method} {routes.PART.sub(NAME_ALONE, route.path)}"
        for route in routes.walk()
        if isinstance(route.view, type) and route.name != "openapi"
        for method in route.access or {}
        if method != "OPTIONS"  # what browsers ask before they ask
    }

    assert set(operations(whole)) == promised


def test_whatever_is_referred_to_is_there(whole: dict[str, Any]) -> None:
    for reference in references(whole):
        found: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_part_is_a_json_schema(whole: dict[str, Any]) -> None:
    for name, schema in whole["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema), name


def test_what_may_be_null_says_so_itself(whole: dict[str, Any]) -> None:
    """Were null a value of the part referred to, `oneOf` that and null would be both."""
    parts = whole["components"]["schemas"]
    shared = [name for name in openapi.OF_PROJECT if name in parts]

    assert shared
    assert not [name for name in shared if "null" in parts[name]["type"]]
    answer = parts["ExampleOutput"]["properties"]["answer"]
    assert {"type": "null"} in answer["oneOf"]


def test_operations_have_names_of_their_own(whole: dict[str, Any]) -> None:
    names = [described["operationId"] for described in operations(whole).values()]

    assert len(names) == len(set(names))
    assert not [name for name in names if name[-1].isdigit() and name != "get_v2"]


def test_an_operation_tells_who_may_and_what_goes_wrong(whole: dict[str, Any]) -> None:
    make = operations(whole)["POST /api/v1/projects/{project}/keys"]

    assert make["security"] == [{"key": []}, {"bearer": []}, {"session": []}]
    assert set(make["responses"]) == {
        "201", "400", "401", "403", "404", "406", "413", "415", "422", "429", "503",
    }  # fmt: skip
    assert {p["name"] for p in make["parameters"]} == {"project", "Idempotency-Key"}
    body = whole["components"]["schemas"]["KeysInputRequest"]
    assert body["additionalProperties"] is False
    assert operations(whole)["GET /healthz"]["security"] == [{}]


@pytest.mark.django_db
def test_it_is_for_those_who_may_read() -> None:
    project = make_project()

    def ask(key: str = "", query: str = "") -> int:
        headers = {"X-Api-Key": key} if key else None
        return Client().get(f"/api/schema{query}", headers=headers).status_code

    read = make_key(project, "read")
    assert ask() == 401
    assert ask(make_key(project, "predict")) == 403
    assert ask(read) == 200
    assert ask(read, "?project=churn") == 200
    make_project("flights")
    assert ask(read, "?project=flights") == 404
    assert ask(read, "?project=nothing") == 404
    assert ask(read, "?colour=red") == 400


@pytest.mark.django_db
def test_for_one_project_it_names_the_exact_input() -> None:
    key = make_key(make_project(), "read")

    answer = Client().get("/api/schema?project=churn", headers={"X-Api-Key": key})

    schema = answer.json()
    assert all("{project}" not in path for path in schema["paths"])
    assert "/api/v1/projects/churn/keys" in schema["paths"]
    names = {
        parameter["name"]
        for described in operations(schema).values()
        for parameter in described["parameters"]
    }
    assert "project" not in names
    properties = schema["components"]["schemas"]["ProjectInput"]["properties"]
    assert properties["monthly_charges"]["type"] == "number"
    assert openapi.whole()["paths"]["/api/v1/projects/{project}/keys"]


@pytest.mark.django_db
def test_what_is_told_of_an_input_is_what_the_live_version_reads() -> None:
    """A change of the fields is for the next version: live goes on as it was made."""
    project = make_serving().project
    shop = Rest(project.slug, make_key(project, "read", "predict", "manage"))
    fields = [
        {"name": "tenure", "kind": "categorical"},
        {"name": "monthly_charges", "kind": "numeric"},
        {"name": "colour", "kind": "text", "required": True},
    ]
    changed = shop.client.patch(
        "/api/v1/projects/churn",
        {"fields": fields},
        content_type="application/json",
        headers=shop.headers,
    )
    assert changed.status_code == 200, changed.content

    told = shop.get("schema").json()
    of_api = shop.client.get("/api/schema?project=churn", headers=shop.headers).json()
    parts = of_api["components"]["schemas"]
    assert told == parts["ProjectInput"]
    assert told["properties"]["tenure"]["type"] == ["integer", "null"]
    assert told["required"] == ["monthly_charges"]
    assert "colour" in parts["ProjectExample"]["properties"]
    asked = parts["AskInputRequest"]["properties"]["input"]
    assert {"$ref": "#/components/schemas/ProjectInput"} in asked["oneOf"]

    row = {"tenure": 3, "monthly_charges": 80.0}
    assert shop.post("predict", {"input": row}).status_code == 200
    wrong = shop.post("predict", {"input": row | {"tenure": "3"}})
    assert wrong.status_code == 400


@pytest.mark.django_db
def test_the_one_field_of_a_project_may_be_sent_bare() -> None:
    fields = [{"name": "note", "kind": "text"}]
    key = make_key(make_project(fields=fields, costs={}, decision={}), "read")
    answer = Client().get("/api/schema?project=churn", headers={"X-Api-Key": key})
    told = Draft202012Validator(answer.json()["components"]["schemas"]["ProjectInput"])
    assert told.is_valid({"note": "late"})
    assert told.is_valid("late")
    assert not told.is_valid(3)


@pytest.mark.django_db
def test_the_manual_is_for_people_and_loads_nothing_from_elsewhere() -> None:
    client = Client()
    assert client.get("/api/docs").status_code == 302

    client.force_login(make_user("Erin"))
    page = client.get("/api/docs")

    assert page.status_code == 200
    assert b"https://" not in page.content
    assert b"<style" not in page.content
