"""What /api/schema says is what happens: random requests, right ones and wrong ones.

For each operation schemathesis makes bodies, parameters and headers that fit the schema
and others that do not, and compares the answers with what is written: statuses, shapes,
headers; nothing wrong is taken, nothing right is refused, and nothing ends in a 500.
"""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from mlsystem import baselines
from registry import definition_sync
from registry.catalogue import SCOPES
from registry.web import openapi
from serving.rollout import open_with_baseline
from tests.factories import make_key, make_project, make_version

EXAMPLES = 15
METHODS = ("get", "post", "put", "patch", "delete")

load_all_checks()
# Values that fit the schema and yet are refused, because they contradict each other or
# name what is not there, which a schema cannot say.
REFUSES_MORE = {
    f"{method} /api/v1/projects/churn{path}": why
    for method, path, why in (
        ("PATCH", "", "costs name classes and fields of the project"),
        ("POST", "/builds", "names a dataset"),
        ("POST", "/datasets", "a table has rows and columns"),
        ("POST", "/evaluate", "names a dataset"),
        ("POST", "/events", "all parts of a key are 300 characters together"),
        ("POST", "/examples/{example}/annotations", "a value, or cannot_tell"),
        ("POST", "/features", "names entities"),
        ("POST", "/feedback", "a prediction, or a feedback_token"),
        ("POST", "/keys", "names a member"),
        ("POST", "/members", "names a person"),
        ("GET", "/drift", "names a version; from is before to"),
        ("GET", "/metrics", "names a version; from is before to"),
        ("POST", "/outcomes", "a user, or a prediction"),
        ("POST", "/predict", "an input, or an entity"),
        ("POST", "/rollout", "names a version"),
        ("PUT", "/schedule", "a cron expression"),
        ("PATCH", "/rollout", "a share has two decimals"),
        ("POST", "/runs", "names a dataset"),
        ("POST", "/scorings", "a dataset, or a source"),
        ("POST", "/truth", "one way to name the prediction; values of the target"),
    )
} | {
    "POST /v2/models/churn/infer": "tensors agree with the model's inputs",
    "POST /v2/models/churn/versions/{number}/infer": "the same",
}


def labels(raw: dict[str, Any]) -> list[str]:
    return [
        f"{method.upper()} {path}"
        for path, methods in raw["paths"].items()
        for method in METHODS
        if method in methods
    ]


def config() -> SchemathesisConfig:
    refused = ["401", "403", "404", "409", "412", "429", "5xx"]
    taken = ["2xx", "3xx", *refused]
    wrong = ["400", *refused, "405", "406", "413", "415", "422", "428"]
    return SchemathesisConfig.from_dict(
        {
            "generation": {"allow-x00": False},  # strict JSON is stricter than a schema
            "checks": {
                "positive_data_acceptance": {"expected-statuses": taken},
                "negative_data_rejection": {"expected-statuses": wrong},
            },
        }
    )


def checked(raw: dict[str, Any], label: str, key: str) -> None:
    raw = deepcopy(raw)
    for described in raw["paths"].values():  # who may is the route matrix's business
        for method in METHODS:
            described.get(method, {}).pop("security", None)
    schema = schemathesis.openapi.from_dict(raw, config=config())
    schema.app = get_wsgi_application()
    method, path = label.split(" ", 1)
    operation = schema[path][method]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            if case.meta.generation.mode is GenerationMode.POSITIVE and case.query:
                case.query.pop("cursor", None)  # nobody makes them up
            with transaction.atomic():
                response = case.call(headers={"X-Api-Key": key})
                transaction.set_rollback(True)
            excluded = [CHECKS.get_one("ignored_auth")]
            if label in REFUSES_MORE or b"not-strict-json" in response.content:
                excluded.append(CHECKS.get_one("positive_data_acceptance"))
            if label == "GET /readyz":  # without a broker it says no, as it should
                excluded.append(CHECKS.get_one("not_a_server_error"))
            case.validate_response(response, excluded_checks=excluded)

        with suppress(Unsatisfiable):  # nothing can be wrong with it
            one()


@pytest.fixture
def open_connection(db: None) -> Iterator[None]:
    """Requests leave the test's connection open, as Django's own client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


ALL = labels(openapi.whole())
IN_PROJECT = [label for label in ALL if "{project}" in label]
IN_HOUSE = [label for label in ALL if "{project}" not in label]


@pytest.mark.usefixtures("open_connection")
@pytest.mark.parametrize("label", IN_HOUSE)
def test_an_operation_of_the_house_does_what_the_schema_says(label: str) -> None:
    checked(openapi.whole(), label, make_key(make_project(), *SCOPES))


@pytest.mark.usefixtures("open_connection")
@pytest.mark.parametrize("label", IN_PROJECT)
def test_an_operation_of_a_project_does_what_its_schema_says(label: str) -> None:
    project = make_project()
    open_with_baseline(project=project, version=make_version(project), by=None)
    label = label.replace("{project}", project.slug)
    checked(openapi.of_project(project), label, make_key(project, *SCOPES))


@pytest.mark.usefixtures("open_connection")
@pytest.mark.parametrize("path", ["/predict", "/truth"])
def test_a_declared_project_does_what_its_schema_says(path: str) -> None:
    project, _ = definition_sync.install(slug="churn")
    baselines.open_if_missing(project=project)
    label = f"POST /api/v1/projects/{project.slug}{path}"
    checked(openapi.of_project(project), label, make_key(project, *SCOPES))
