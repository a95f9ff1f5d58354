"""A moment or a zone from outside is one that can be reckoned with, or it is refused."""

from typing import Any

import pytest
from django.test import Client

from monitoring.models import Note
from registry.models import Project, Schedule
from tests.calls import Rest
from tests.factories import make_serving, make_user, sign_in

pytestmark = pytest.mark.django_db

ODD = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "1899-12-31T23:59:59Z",
    "2201-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
)


@pytest.fixture
def project() -> Project:
    project = make_serving().project
    make_user("Owen", project=project, role="owner")
    return project


@pytest.fixture
def owen(project: Project) -> Client:
    return sign_in("Owen")


@pytest.fixture
def rest(project: Project, owen: Client) -> Rest:
    rest = Rest(project)
    rest.client = owen
    return rest


@pytest.mark.parametrize("path", ["metrics", "drift", "predictions"])
def test_a_query_names_the_moment_that_is_none(rest: Rest, path: str) -> None:
    for name in ("from", "to"):
        for moment in ODD:
            answer = rest.client.get(rest.root + path, {name: moment})
            assert answer.status_code == 400, moment
            told = {"field": name, "message": "Write a time between 1900 and 2200."}
            assert answer.json()["errors"] == [told]
    for asked in ({"from": "1900-01-01T00:00:00Z"}, {"to": "2200-12-31T23:59:59Z"}):
        assert rest.client.get(rest.root + path, asked).status_code == 200


ISO_ALONE = (
    "20260101T120000Z",
    "2026-W01-3T12:00:00Z",
    "2026-001T12:00:00Z",
    "2026-01-01T12Z",
    "2026-01-01 12:00Z",
    "2026-01-01T12:00:00+02",
    "2026-01-01T12:00:00,5Z",
    "\u0662026-01-01T12:00:00Z",
)


@pytest.mark.parametrize("moment", ISO_ALONE)
def test_a_time_is_written_as_rfc_3339_writes_it(rest: Rest, moment: str) -> None:
    told = rest.client.get(rest.root + "predictions", {"from": moment})
    assert told.status_code == 400
    assert told.json()["errors"] == [
        {"field": "from", "message": "Write a time as 2024-05-01T12:00:00Z."}
    ]
    body = {"text": "New prices", "at": moment}
    assert rest.post("notes", body).status_code == 400


@pytest.mark.parametrize("moment", ["2026-01-01T12:00:00", "2026-01-01", "20260101"])
def test_a_time_without_an_offset_is_told_to_name_it(rest: Rest, moment: str) -> None:
    told = rest.post("notes", {"text": "New prices", "at": moment})
    assert told.status_code == 400
    (error,) = told.json()["errors"]
    assert error["message"] == "Write the offset, as in 2024-05-01T12:00:00Z."


def test_a_time_may_be_written_in_all_the_ways_of_rfc_3339(rest: Rest) -> None:
    for moment in (
        "2026-01-01T12:00:00Z",
        "2026-01-01t12:00:00z",
        "2026-01-01 12:00:00.123456789-00:00",
        "2026-01-01T14:00:00+02:00",
    ):
        body = {"text": "New prices", "at": moment}
        assert rest.post("notes", body).status_code == 201, moment


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("notes", {"text": "New prices"}),
        ("features", {"entities": ["C1"]}),
        ("predict", {"input": {"monthly_charges": 80.0}, "test": True}),
        ("truth", {"entity": "C1", "value": "Yes"}),
    ],
)
def test_a_body_names_the_moment_that_is_none(
    rest: Rest, path: str, body: dict[str, Any]
) -> None:
    for moment in ODD:
        answer = rest.post(path, body | {"at": moment})
        assert answer.status_code == 400, answer.content
        assert [error["field"] for error in answer.json()["errors"]] == ["at"]


def test_pages_take_no_such_moment_for_a_filter(owen: Client) -> None:
    for moment in ODD:
        for place, asked in (
            ("settings/audit", {"from": moment[:10]}),
            ("settings/audit", {"to": moment[:10]}),
            ("predictions", {"from": moment}),
            ("predictions", {"to": moment[:10]}),
            ("monitor", {"from": moment}),
            ("monitor", {"from": "2026-01-01", "to": moment}),
        ):
            page = owen.get(f"/p/churn/{place}", asked)
            assert page.status_code == 200, (place, asked)


def test_a_note_says_what_a_moment_is(owen: Client) -> None:
    for moment in (*ODD, "yesterday"):
        page = owen.post("/p/churn/monitor", {"text": "New prices", "at": moment})
        assert page.status_code == 400
        assert "Write a day and a time" in page.content.decode()
    assert not Note.objects.exists()


@pytest.mark.parametrize("zone", ["America", "", "Etc/..", "UTC/", "posixrules", "utc"])
def test_a_zone_is_one_of_the_list(rest: Rest, owen: Client, zone: str) -> None:
    changed = rest.patch(rest.root.rstrip("/"), {"zone": zone})
    assert changed.status_code == 400, changed.content
    assert changed.json()["errors"][0]["field"] == "zone"
    if not zone:
        return  # a schedule without one is of the project's
    cron = {"cron": "0 3 * * 1", "zone": zone}
    put = owen.put(f"{rest.root}schedule", cron, content_type="application/json")
    assert put.status_code == 400, put.content
    assert put.json()["errors"][0]["field"] == "zone"
    form = cron | {"do": "schedule", "budget": "60"}
    page = owen.post("/p/churn/runs", form, follow=True)
    assert "no time zone of IANA" in page.content.decode()
    assert not Schedule.objects.exists()
