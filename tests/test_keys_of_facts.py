"""An entity and the key of a fact are of texts, numbers and booleans: nothing else is
stored, or looked up, as if it were one."""

from typing import Any

import pytest

from registry.models import Event, Project
from registry.web import openapi
from tests.calls import Rest
from tests.factories import make_key, make_project

pytestmark = pytest.mark.django_db

NONSENSE = ({"a": 1}, ["x"], [])
EVENT = {"stream": "arrivals", "id": "1", "known_at": "2026-05-01T12:00:00Z"}


@pytest.fixture
def flights() -> Project:
    return make_project("flights", entity=["carrier", "flight"])


@pytest.fixture
def rest(flights: Project) -> Rest:
    return Rest(flights, make_key(flights, "predict", "truth"))


def complaint(answer: Any) -> tuple[int, str]:
    (error,) = answer.json()["errors"]
    return answer.status_code, error["field"]


@pytest.mark.parametrize("part", NONSENSE)
def test_features_are_of_no_entity_with_such_a_part(rest: Rest, part: Any) -> None:
    good = {"carrier": "UA", "flight": 1545}
    asked = {"entities": [good, good | {"flight": part}]}
    assert complaint(rest.post("features", asked)) == (400, "entities[1].flight")
    assert complaint(rest.post("features", {"entities": [part]}))[0] == 400
    assert rest.post("features", {"entities": [good]}).status_code == 200


@pytest.mark.parametrize("part", [*NONSENSE, None])
def test_an_event_with_such_a_part_of_its_key_is_refused(rest: Rest, part: Any) -> None:
    sent = {"events": [EVENT | {"key": {"carrier": "UA", "flight": part}}]}
    status, field = complaint(rest.post("events", sent))
    assert status == 400
    assert field.startswith("events[0].key")
    assert not Event.objects.exists()


def test_numbers_and_booleans_of_a_key_are_spelt_as_before(rest: Rest) -> None:
    parts = ({"flight": 1545}, {"flight": 1545.0}, {"flight": True}, {"flight": ""})
    sent = [EVENT | {"id": str(n), "key": key} for n, key in enumerate(parts)]
    assert rest.post("events", {"events": sent}).status_code == 202
    keys = Event.objects.order_by("event_id").values_list("key", flat=True)
    assert list(keys) == ["1545", "1545", "true", ""]


def test_the_schema_tells_what_a_key_is_made_of() -> None:
    item = openapi.whole()["components"]["schemas"]["EventsInputItemRequest"]
    part = item["properties"]["key"]["additionalProperties"]
    assert part["type"] == ["string", "number", "boolean"]
