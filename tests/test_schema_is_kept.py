"""What /api/schema says is what happens: random requests, right ones and wrong ones.

For each operation schemathesis makes bodies, parameters and headers that fit the schema
and others that do not, and compares the answers with what is written: statuses, shapes,
headers; nothing wrong is taken, nothing right is refused, and nothing ends in a 500.
The project has a row of each kind (`tests/every_row.py`), and right requests name them.
"""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from mlsystem import baselines
from registry import definition_sync
from registry.catalogue import SCOPES
from registry.models import Project
from registry.web import openapi
from serving.frontend import inputs
from tests.every_row import EveryRow, make_every_row
from tests.factories import make_key

EXAMPLES = 15
METHODS = ("get", "post", "put", "patch", "delete")

load_all_checks()
# Of years at random three in a hundred are what a moment may be: the others, as anything
# else that is none, belong to the requests that are wrong.
TIMES = strategies.builds(
    "{}T{}{}".format,
    strategies.dates(date(1900, 1, 2), date(2200, 12, 30)),
    strategies.builds(
        time.isoformat,
        strategies.times(),
        strategies.sampled_from(("seconds", "milliseconds", "microseconds")),
    ),
    strategies.sampled_from(("Z", "+00:00", "-11:30", "+14:00")),
)
schemathesis.openapi.format("date-time", TIMES)
# Values that fit the schema and yet are refused, because they contradict each other or
# name what is not there, which a schema cannot say.
REFUSES_MORE = {
    f"{method} /api/v1/projects/{{project}}{path}": why
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
        ("POST", "/models/{number}/predict", "rows of that version's fields"),
        ("POST", "/outcomes", "a user, or a prediction"),
        ("POST", "/predict", "an input, or an entity"),
        ("POST", "/predictions", "names a version and its file"),
        ("POST", "/rollout", "names a version"),
        ("PUT", "/schedule", "a cron expression"),
        ("PATCH", "/rollout", "a share has two decimals"),
        ("POST", "/runs", "names a dataset"),
        ("POST", "/scorings", "a dataset, or a source"),
        ("POST", "/truth", "one way to name the prediction; values of the target"),
    )
} | {
    "POST /v2/models/{project}/infer": "tensors agree with the model's inputs",
    "POST /v2/models/{project}/versions/{number}/infer": "the same",
}
# What is refused as the project stands; other tests look at these answers.
NEVER_TAKEN = {
    f"{method} /api/v1/projects/{{project}}{path}": why
    for method, path, why in (
        ("POST", "/datasets", "a file of random bytes is no table"),
        ("POST", "/rollout", "another candidate is on its way"),
        ("POST", "/rollout/resume", "nothing is paused"),
        ("POST", "/runs/{number}/cancel", "no run is going on"),
    )
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
            # Which words are tried must not hang on which modules happen to be loaded.
            "analysis": {"constants": {"enabled": False}},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": taken},
                "negative_data_rejection": {"expected-statuses": wrong},
            },
        }
    )


@dataclass(frozen=True)
class Told:
    """A schema twice: as it is, for what is wrong, and with what there is filled in,
    for what is right; and the key that asks."""

    written: Any
    filled: Any
    key: str


def told(raw: dict[str, Any], *, key: str, rows: EveryRow | None = None) -> Told:
    written = deepcopy(raw)
    for described in written["paths"].values():
        for method in METHODS:  # who may is the route matrix's business
            described.get(method, {}).pop("security", None)
    filled = deepcopy(written)
    if rows is not None:
        fill(filled, rows)
    return Told(read(written), read(filled), key)


def read(raw: dict[str, Any]) -> Any:
    schema = schemathesis.openapi.from_dict(raw, config=config())
    schema.app = _read_whole(get_wsgi_application())
    return schema


def _read_whole(app: Any) -> Any:
    """Files that are answered with are closed."""

    def call(environ: Any, start_response: Any) -> list[bytes]:
        answer = app(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return call


def fill(raw: dict[str, Any], rows: EveryRow) -> None:
    """In addresses, headers and bodies, ids that exist."""
    for path, methods in raw["paths"].items():
        there = named(path, rows)
        for method in METHODS:
            for parameter in methods.get(method, {}).get("parameters", ()):
                if (name := parameter["name"]) in there:
                    parameter["schema"] = {"enum": there[name]}
                elif name == "If-Match":
                    parameter["schema"] = {"const": rows.revision}
    schemas = raw["components"]["schemas"]
    for name, properties in rows.properties.items():
        schemas[name]["properties"].update(properties)


def named(path: str, rows: EveryRow) -> dict[str, list[Any]]:
    """What may stand in an address, by the noun before it."""
    parts = path.split("/")
    return {
        part[1:-1]: rows.named[noun]
        for noun, part in pairwise(parts)
        if part.startswith("{")
    }


class Tries:
    """Requests of one operation, each undone, and what came back. `label` is of the
    whole schema."""

    def __init__(self, told: Told, label: str, path: str) -> None:
        self.label, self.path, self.key = label, path, told.key
        method = label.split(" ", 1)[0]
        self.right, self.wrong = told.filled[path][method], told.written[path][method]
        self.statuses: set[int] = set()  # of what was right
        self.listed: list[int] = []  # how many rows each list had

    def once(self, body: Any, rows: EveryRow) -> None:
        """With a body that is taken, and the first of what there is."""
        ids = named(self.path, rows)
        case = self.right.Case(
            path_parameters={name: there[0] for name, there in ids.items()},
            headers={"If-Match": rows.revision},
            body=body,
            media_type="application/json",
        )
        self.one(case, right=True)

    def often(self) -> None:
        self._random(self.right, GenerationMode.POSITIVE)
        self._random(self.wrong, GenerationMode.NEGATIVE)

    def _random(self, operation: Any, mode: GenerationMode) -> None:
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
            right = case.meta.generation.mode is GenerationMode.POSITIVE
            if right and case.query:
                case.query.pop("cursor", None)  # nobody makes them up
            self.one(case, right=operation is self.right)

        with suppress(Unsatisfiable):  # nothing can be wrong with it
            one()

    def one(self, case: Any, *, right: bool) -> None:
        with transaction.atomic():
            response = case.call(headers={"X-Api-Key": self.key})
            transaction.set_rollback(True)
        if right:
            self.statuses.add(response.status_code)
            if "results" in (told := _object(response)):
                self.listed.append(len(told["results"]))
        excluded = [CHECKS.get_one("ignored_auth")]
        if self.label in REFUSES_MORE or b"not-strict-json" in response.content:
            excluded.append(CHECKS.get_one("positive_data_acceptance"))
        if self.label == "GET /readyz":  # without a broker it says no, as it should
            excluded.append(CHECKS.get_one("not_a_server_error"))
        case.validate_response(response, excluded_checks=excluded)


def _object(response: Any) -> dict[str, Any]:
    kind = response.headers.get("content-type", [""])[0]
    told = response.json() if kind == "application/json" else None
    return told if isinstance(told, dict) else {}


def of_project(project: Project) -> dict[str, Any]:
    return openapi.of_project(project, fields=inputs.fields_now(project))


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database, once for all: what a request does is undone. Requests leave the
    connection open, as Django's own client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def rows(db: None) -> EveryRow:
    return make_every_row()


@pytest.fixture(scope="module")
def house(rows: EveryRow) -> Told:
    return told(openapi.whole(), key=rows.key)


@pytest.fixture(scope="module")
def shop(rows: EveryRow) -> Told:
    return told(of_project(rows.project), key=rows.key, rows=rows)


@pytest.fixture(scope="module")
def declared(db: None) -> Project:
    project, _ = definition_sync.install(slug="churn")
    baselines.open_if_missing(project=project)
    return project


@pytest.fixture(scope="module")
def churn(declared: Project) -> Told:
    return told(of_project(declared), key=make_key(declared, *SCOPES))


ALL = labels(openapi.whole())
IN_PROJECT = [label for label in ALL if "{project}" in label]
IN_HOUSE = [label for label in ALL if "{project}" not in label]


@pytest.mark.parametrize("label", IN_HOUSE)
def test_an_operation_of_the_house_does_what_the_schema_says(
    label: str, house: Told
) -> None:
    Tries(house, label, path=label.split(" ", 1)[1]).often()


@pytest.mark.parametrize("label", IN_PROJECT)
def test_an_operation_of_a_project_does_what_its_schema_says(
    label: str, shop: Told, rows: EveryRow
) -> None:
    tries = Tries(shop, label, path=_path(label, rows.project))
    short = f"{label.split(' ', 1)[0]} {label.split('{project}', 1)[1]}"
    if short in rows.bodies:
        tries.once(rows.bodies[short], rows)
    tries.often()

    taken = any(status < 300 for status in tries.statuses)
    assert taken != (label in NEVER_TAKEN), tries.statuses
    assert not tries.listed or any(tries.listed), "Only empty lists were looked at."


@pytest.mark.parametrize("path", ["/predict", "/truth"])
def test_a_declared_project_does_what_its_schema_says(
    path: str, churn: Told, declared: Project
) -> None:
    label = f"POST /api/v1/projects/{{project}}{path}"
    Tries(churn, label, path=_path(label, declared)).often()


def _path(label: str, project: Project) -> str:
    return label.split(" ", 1)[1].replace("{project}", project.slug)
