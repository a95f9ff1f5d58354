"""Examples come in over REST; people answer them over REST."""

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from labelling.models import Annotation, Example, GroundTruth
from registry.models import Project
from tests.calls import Rest
from tests.factories import make_key, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail() -> Project:
    return make_project(
        "mail", target="spam", fields=[{"name": "text", "kind": "text"}]
    )


@pytest.fixture
def rest(mail: Project) -> Rest:
    return Rest(mail, make_key(mail, "label"))


def person(project: Project, name: str, role: str) -> Rest:
    rest = Rest(project)
    rest.client.force_login(make_user(name, project=project, role=role))
    return rest


def send_lines(rest: Rest, text: str, **headers: str) -> HttpResponse:
    return rest.client.post(
        rest.root + "examples",
        text.encode(),
        content_type="application/x-ndjson",
        headers=rest.headers | headers,
    )


def take(rest: Rest, count: int = 1) -> dict[str, Any]:
    answer = rest.post("queue/next", {"count": count})
    assert answer.status_code == 200
    return answer.json()


def reply(rest: Rest, card: dict[str, Any], **body: Any) -> HttpResponse:
    body = {"lease": card["lease"], "client_key": uuid4().hex} | body
    return rest.post(f"examples/{card['id']}/annotations", body)


def test_one_a_list_or_a_bare_text_come_in(rest: Rest) -> None:
    one = rest.post("examples", {"payload": {"text": "a"}, "key": "mail-1"})
    assert one.status_code == 201
    assert one.json() == {"created": 1, "duplicates": 0, "failed": 0, "errors": []}
    several = rest.post("examples", [{"payload": "b"}, {"payload": {"text": "c"}}])
    assert several.json()["created"] == 2
    found = rest.get("examples").json()["results"]
    assert [row["payload"]["text"] for row in found] == ["c", "b", "a"]
    assert found[2]["key"] == "mail-1"
    assert (found[2]["state"], found[2]["answer"]) == ("open", None)


def test_blanks_at_the_ends_of_a_key_are_part_of_it(rest: Rest) -> None:
    rest.post("examples", {"payload": "a", "key": " mail 1 "})
    for asked, count in (("%20mail%201%20", 1), ("mail%201", 0)):
        assert len(rest.get(f"examples?key={asked}").json()["results"]) == count


def test_what_is_here_already_is_counted(rest: Rest) -> None:
    items = [{"payload": "a"}, {"payload": {"text": "a"}}, {"payload": "b", "key": "b"}]
    assert rest.post("examples", items).json()["duplicates"] == 1
    again = rest.post("examples", items).json()
    assert (again["created"], again["duplicates"]) == (0, 3)


def test_exact_repeats_under_other_keys_are_one_card(rest: Rest) -> None:
    items = [{"payload": "NONE", "key": f"report {n}"} for n in range(3)]
    assert rest.post("examples", items).json()["created"] == 3
    assert len(take(rest, 5)["examples"]) == 1
    card = Example.objects.get(duplicate_of=None)
    assert Example.objects.filter(duplicate_of=card).count() == 2


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({}, "payload"),
        ({"payload": None}, "payload"),
        ({"payload": []}, "payload"),
        ({"payload": {}}, "between 1 and"),
        ({"payload": {"spam": "Yes"}}, "nothing in it but the target"),
        ({"payload": {"text": ["a"]}}, "payload: text: "),
        ({"payload": "a", "colour": "red"}, "colour: unknown field"),
        ({"payload": "a", "key": ""}, "key"),
        ({"payload": "a", "key": " "}, "key"),
        ({"payload": "a", "key": 7}, "key"),
        ({"payload": "a", "overlap": 0}, "from 1 to 20"),
        ({"payload": "a", "overlap": 2.5}, "from 1 to 20"),
        ({"payload": "a", "gold": "maybe"}, "gold: 'maybe' is no class"),
        ({"payload": "a", "priority": True}, "priority"),
        (7, "payload"),
    ],
)
def test_a_bad_example_is_refused_alone(rest: Rest, item: Any, complaint: str) -> None:
    alone = rest.post("examples", item or {"key": "a"})
    assert alone.status_code == 400
    listed = rest.post("examples", [{"payload": "good"}, item])
    assert listed.status_code == 201
    assert listed.json()["created"] == 1
    (error,) = listed.json()["errors"]
    assert error["index"] == 1
    assert complaint in error["message"]


def test_a_key_means_one_content(rest: Rest) -> None:
    rest.post("examples", {"payload": "a", "key": "k"})
    answer = rest.post("examples", {"payload": "b", "key": "k"})
    assert answer.status_code == 400
    assert "another example's" in answer.json()["detail"]


def test_lines_stream_in_with_their_errors_by_place(rest: Rest) -> None:
    lines = [json.dumps({"payload": f"text {n}"}) for n in range(1200)]
    lines[3] = '{"payload": NaN}'
    lines[700] = "not JSON"
    answer = send_lines(rest, "\n".join(lines) + "\n\n")
    assert answer.status_code == 201
    said = answer.json()
    assert (said["created"], said["failed"]) == (1198, 2)
    assert [error["index"] for error in said["errors"]] == [3, 700]
    again = send_lines(rest, "\n".join(lines)).json()
    assert (again["created"], again["duplicates"]) == (0, 1198)


def test_an_import_with_an_idempotency_key_answers_the_same(rest: Rest) -> None:
    key = {"Idempotency-Key": "import-1"}
    first = send_lines(rest, '{"payload": "a"}', **key)
    again = send_lines(rest, '{"payload": "a"}', **key)
    assert again.json() == first.json() == {
        "created": 1, "duplicates": 0, "failed": 0, "errors": [],
    }  # fmt: skip
    assert send_lines(rest, '{"payload": "b"}', **key).status_code == 422


def test_the_list_is_filtered_and_paged(rest: Rest) -> None:
    rest.post("examples", [{"payload": f"text {n}", "key": f"k{n}"} for n in range(5)])
    Example.objects.filter(key="k3").update(state="withdrawn")
    page = rest.get("examples?limit=2").json()
    assert [row["key"] for row in page["results"]] == ["k4", "k3"]
    rest_of = rest.client.get(page["next"], headers=rest.headers).json()
    assert [row["key"] for row in rest_of["results"]] == ["k2", "k1"]
    found = rest.get("examples?state=withdrawn").json()["results"]
    assert [row["key"] for row in found] == ["k3"]
    assert rest.get("examples?key=k1").json()["results"][0]["key"] == "k1"
    assert len(rest.get("examples?key=%20%1E").json()["results"]) == 5  # left empty
    assert rest.get("examples?colour=red").status_code == 400
    assert rest.get("examples?state=lost").status_code == 400


def test_an_answer_brings_the_next_card_in_one_round_trip(rest: Rest) -> None:
    rest.post("examples", [{"payload": "a", "key": "a"}, {"payload": "b", "key": "b"}])
    (card,) = take(rest)["examples"]
    assert set(card) == {"id", "payload", "lease", "expires_at", "reason"}
    answer = reply(rest, card, value=True and "Yes", next=2)
    assert answer.status_code == 201
    said = answer.json()
    assert said["annotation"]["value"] == "Yes"
    assert said["annotation"]["example"] == card["id"]
    (following,) = said["next"]["examples"]
    assert following["payload"] != card["payload"]
    assert GroundTruth.objects.get().value == "Yes"


def test_an_empty_file_is_no_file(rest: Rest) -> None:
    empty = SimpleUploadedFile("cards.jsonl", b"")
    answer = rest.client.post(
        rest.root + "examples", {"file": empty}, headers=rest.headers
    )
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "file", "message": "The file is empty."}
    ]


def test_a_retried_skip_with_its_key_is_one_skip(rest: Rest) -> None:
    rest.post("examples", [{"payload": {"text": text}} for text in "ab"])
    (card,) = take(rest)["examples"]
    place, body = f"examples/{card['id']}/skip", {"lease": card["lease"]}
    once = {"Idempotency-Key": "k"}
    first, again = (rest.post(place, body, **once) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Annotation.objects.count() == 1
    assert rest.post(place, body | {"reason": "dull"}, **once).status_code == 422


def test_cannot_tell_skip_undo_renew_release(rest: Rest) -> None:
    rest.post("examples", [{"payload": "a"}, {"payload": "b"}])
    first, second = take(rest, 2)["examples"]
    answer = reply(rest, first, cannot_tell=True)
    assert answer.json()["annotation"]["cannot_tell"] is True
    renewed = rest.post("queue/renew", {"leases": [second["lease"]]})
    ends = [told["expires_at"] for told in (second, renewed.json())]
    assert ends == sorted(ends, key=datetime.fromisoformat)
    skipped = rest.post(
        f"examples/{second['id']}/skip", {"lease": second["lease"], "reason": "dull"}
    )
    assert skipped.json()["annotation"]["state"] == "skipped"
    undone = rest.post("queue/undo").json()
    assert undone["annotation"]["state"] == "undone"
    assert undone["example"]["id"] == second["id"]
    lease = undone["example"]["lease"]
    released = rest.post("queue/release", {"leases": [lease, str(uuid4())]})
    assert released.json() == {"released": 1}
    assert rest.post("queue/renew", {"leases": [lease]}).status_code == 409


def test_a_retried_submit_with_its_idempotency_key_is_one(rest: Rest) -> None:
    rest.post("examples", {"payload": "a"})
    (card,) = take(rest)["examples"]
    body = {"lease": card["lease"], "client_key": "k", "value": "Yes"}
    path, key = f"examples/{card['id']}/annotations", {"Idempotency-Key": "s1"}
    first = rest.post(path, body, **key)
    again = rest.post(path, body, **key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert rest.post(path, body).status_code == 201  # by its client_key
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"value": "maybe"}, "value"),
        ({}, "value"),
        ({"value": "Yes", "cannot_tell": True}, "value"),
        ({"value": "Yes", "client_key": None}, "client_key"),
        ({"value": "Yes", "client_key": "x" * 65}, "client_key"),
        ({"value": "Yes", "lease": "7"}, "lease"),
        ({"value": "Yes", "next": 6}, "next"),
        ({"value": "Yes", "colour": "red"}, "colour"),
    ],
)
def test_a_bad_answer_is_refused_by_name(
    rest: Rest, body: dict[str, Any], field: str
) -> None:
    rest.post("examples", {"payload": "a"})
    (card,) = take(rest)["examples"]
    answer = reply(rest, card, **body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Annotation.objects.exists()


def test_a_card_of_others_or_of_nowhere(mail: Project, rest: Rest) -> None:
    rest.post("examples", [{"payload": "a"}, {"payload": "b"}])
    erin = person(mail, "Erin", "labeller")
    (card,) = take(erin)["examples"]
    assert reply(rest, card, value="Yes").status_code == 409
    assert reply(rest, card | {"id": 999_999}, value="Yes").status_code == 404
    assert rest.post("queue/undo").status_code == 409


def test_a_labeller_labels_and_sees_no_list(mail: Project, rest: Rest) -> None:
    rest.post("examples", {"payload": "a"})
    erin = person(mail, "Erin", "labeller")
    assert erin.get("examples").status_code == 403
    assert erin.get("labels").status_code == 403
    assert reply(erin, take(erin)["examples"][0], value="No").status_code == 201
    assert Annotation.objects.get().user.username == "Erin"
    sam = person(make_project("other"), "Sam", "owner")
    assert sam.post(f"/api/v1/projects/{mail}/queue/next").status_code == 404
    assert Rest(mail).post("queue/next").status_code == 401
    assert person(mail, "Vera", "viewer").post("queue/next").status_code == 403


def test_a_tie_over_rest_is_decided_by_a_person_not_by_a_service(
    mail: Project, rest: Rest
) -> None:
    rest.post("examples", {"payload": "a", "overlap": 2})
    for name, value in (("Erin", "Yes"), ("Omar", "No")):
        who = person(mail, name, "labeller")
        reply(who, take(who)["examples"][0], value=value)
    assert take(rest)["examples"] == []  # the key's service user judges nobody
    owen = person(mail, "Owen", "reviewer")
    (card,) = take(owen)["examples"]
    assert card["reason"] == "disputed"
    assert reply(owen, card, value="No").json()["annotation"]["decides"] is True
    assert Example.objects.get().answer == "No"
