"""The rollout over REST: revisions, roles, and fifty people editing at once."""

import threading
from collections import Counter

import pytest
from django.db import connection

from registry.models import Project
from serving import rollout
from serving.models import RolloutEvent
from tests.calls import Rest
from tests.factories import (
    make_canary,
    make_project,
    make_serving,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    return make_serving().project


def signed_in(project: Project, role: str) -> Rest:
    rest = Rest(project)
    user = make_user(role.title(), project=project, role=role)
    rest.client.force_login(user)
    return rest


@pytest.fixture
def ada(project: Project) -> Rest:
    return signed_in(project, "admin")


def test_a_candidate_that_is_none_is_named(ada: Rest) -> None:
    begun = {"candidate": 99, "mode": "shadow"}
    answer = ada.post("rollout", begun, If_Match='"1"')
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["candidate"]


def test_a_rollout_goes_round_from_canary_to_promote_and_back(
    ada: Rest, project: Project
) -> None:
    make_version(project, kind="trained")
    seen = ada.get("rollout")
    assert seen.status_code == 200
    assert (seen.json()["live"], seen.json()["candidate"]) == (1, None)
    tag = seen.headers["ETag"]
    begun = ada.post(
        "rollout",
        {
            "candidate": 2,
            "mode": "canary",
            "percent": 5,
            "targets": [
                {"to": "candidate", "users": ["ann"]},
                {"to": "live", "attribute": "country", "in": ["DE", 7]},
            ],
            "reason": "It passed the gate.",
        },
        If_Match=tag,
    )
    assert begun.status_code == 200, begun.content
    assert (begun.json()["mode"], begun.json()["percent"]) == ("canary", 5.0)
    assert begun.json()["targets"][1]["in"] == ["DE", 7]
    moved = ada.patch("rollout", {"percent": 12.5}, If_Match=begun.headers["ETag"])
    assert moved.json()["percent"] == 12.5
    tag = moved.headers["ETag"]
    for verb, state in [
        ("pause", "paused"),
        ("resume", "running"),
        ("promote", "idle"),
    ]:
        changed = ada.post(f"rollout/{verb}", If_Match=tag)
        assert (changed.status_code, changed.json()["state"]) == (200, state)
        tag = changed.headers["ETag"]
    assert changed.json()["live"] == 2
    back = ada.post("rollout/rollback", {"reason": "Complaints."}, If_Match=tag)
    assert (back.json()["live"], back.json()["previous"]) == (1, 2)
    events = ada.get("rollout/events").json()["results"]
    assert [event["action"] for event in events] == [
        "rollback", "promote", "resume", "pause", "percent", "start", "open",
    ]  # fmt: skip
    assert events[0] | {"reason": "Complaints.", "author": "Admin"} == events[0]


def test_targets_and_plan_change_on_the_way_one_at_a_time(
    ada: Rest, project: Project
) -> None:
    make_canary(project, percent=10)
    tag = ada.get("rollout").headers["ETag"]
    aimed = ada.patch(
        "rollout", {"targets": [{"to": "live", "users": ["ann"]}]}, If_Match=tag
    )
    assert aimed.json()["targets"] == [{"to": "live", "users": ["ann"]}]
    tag = aimed.headers["ETag"]
    plan = [{"percent": 5, "hours": 1}, {"percent": 50, "hours": 2, "min_n": 9}]
    planned = ada.patch("rollout", {"plan": plan}, If_Match=tag)
    assert (planned.json()["step"], len(planned.json()["plan"])) == (0, 2)
    tag = planned.headers["ETag"]
    assert ada.patch("rollout", {}, If_Match=tag).status_code == 400
    both = {"percent": 5, "plan": plan}
    assert ada.patch("rollout", both, If_Match=tag).status_code == 400


def test_an_edit_names_its_revision(ada: Rest, project: Project) -> None:
    make_canary(project)
    assert ada.post("rollout/promote").status_code == 428
    lost = ada.post("rollout/promote", If_Match='"1"')
    assert lost.status_code == 412
    assert "repeat your edit" in lost.json()["detail"]
    assert rollout.of_project(project).live.number == 1
    assert ada.post("rollout/promote", If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("get", "rollout", None, {"viewer", "owner", "admin"}),
        ("get", "rollout/events", None, {"viewer", "owner", "admin"}),
        ("post", "rollout", {"candidate": 1, "mode": "shadow"}, {"admin"}),
        ("patch", "rollout", {"percent": 1}, {"admin"}),
        ("post", "rollout/pause", None, {"admin"}),
        ("post", "rollout/resume", None, {"owner", "admin"}),
        ("post", "rollout/promote", None, {"admin"}),
        ("post", "rollout/rollback", None, {"owner", "admin"}),
        ("post", "rollout/baseline", None, {"owner", "admin"}),
    ],
)
def test_who_may_do_what(
    project: Project, method: str, path: str, body: dict, allowed: set
) -> None:
    for role in ("viewer", "labeller", "reviewer", "owner", "admin"):
        rest = signed_in(project, role)
        send = getattr(rest, method)
        given = (path,) if method == "get" else (path, body)
        expected = {403} if role not in allowed else {200, 409, 428}
        assert send(*given).status_code in expected, role
    assert getattr(Rest(project), method)(path).status_code == 401


def test_an_owner_ends_the_baseline_but_not_a_pause(project: Project) -> None:
    owen = signed_in(project, "owner")
    pressed = owen.post("rollout/baseline", If_Match='"1"')
    assert pressed.json()["baseline_for_all"] is True
    assert owen.post("rollout/baseline", If_Match="*").status_code == 409
    assert owen.post("rollout/resume", If_Match="*").json()["baseline_for_all"] is False
    row = make_canary(project)
    rollout.pause(rollout=row, by="a test", revision=row.revision)
    assert owen.post("rollout/resume", If_Match="*").status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "candidate"),
        ({"candidate": 2}, 400, "mode"),
        ({"candidate": 99, "mode": "canary", "percent": 1}, 400, "no version 99"),
        ({"candidate": 2, "mode": "blue"}, 400, "mode"),
        ({"candidate": 2, "mode": "canary"}, 400, "percent"),
        ({"candidate": 2, "mode": "canary", "percent": 101}, 400, "percent"),
        ({"candidate": 2, "mode": "canary", "percent": 1.005}, 400, "two decimals"),
        ({"candidate": 2, "mode": "shadow", "percent": 5}, 400, "takes no traffic"),
        ({"candidate": 2, "mode": "canary", "percent": 1, "x": 1}, 400, "x"),
        ({"candidate": 1, "mode": "canary", "percent": 1}, 409, "live already"),
        ({"candidate": 3, "mode": "canary", "percent": 1}, 409, "only accepted"),
        (
            {"candidate": 2, "mode": "ab", "percent": 1, "targets": [{"to": "live"}]},
            400,
            "targets",
        ),
    ],
)
def test_what_cannot_begin_says_why(
    ada: Rest, project: Project, body: dict, status: int, words: str
) -> None:
    make_version(project, kind="trained")
    make_version(project, kind="trained", state="rejected")
    response = ada.post("rollout", body, If_Match='"1"')
    assert response.status_code == status, response.content
    assert words in response.content.decode()
    assert rollout.of_project(project).revision == 1


def test_a_retry_of_the_same_press_is_one_change(ada: Rest, project: Project) -> None:
    make_canary(project)
    sent = {"If_Match": '"2"', "Idempotency_Key": "press-1"}
    first = ada.post("rollout/promote", **sent)
    again = ada.post("rollout/promote", **sent)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["ETag"] == first.headers["ETag"] == '"3"'
    assert RolloutEvent.objects.filter(action="promote").count() == 1


def test_without_a_model_there_is_no_rollout() -> None:
    project = make_project("empty")
    response = signed_in(project, "admin").get("rollout")
    assert response.status_code == 409
    assert "no model yet" in response.json()["detail"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("people", [50])
def test_of_fifty_edits_at_once_one_wins_and_the_others_are_told(
    people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "postgresql":  # fifty threads share ten connections
        monkeypatch.setattr(connection.pool, "timeout", 120)
    else:  # and there they wait for one writer
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 120)
    project = make_serving().project
    make_canary(project, percent=1)
    key = _admin_key(project)
    begin = threading.Barrier(people)
    statuses: list[int] = []

    def edit(share: int) -> None:
        try:
            rest = Rest(project, key)
            begin.wait()
            response = rest.patch("rollout", {"percent": share}, If_Match='"2"')
            statuses.append(response.status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=(n + 2,)) for n in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(statuses) == {200: 1, 412: people - 1}
    assert rollout.of_project(project).revision == 3
    assert RolloutEvent.objects.filter(action="percent").count() == 1


def _admin_key(project: Project) -> str:
    from registry.keys import create_key

    ada = make_user("Ada", project=project, role="admin")
    return create_key(project=project, scopes=["manage"], name="ci", user=ada)[1]


def test_a_broken_version_is_shown(ada: Rest, project: Project) -> None:
    from registry.models import ModelVersion

    row = make_canary(project)
    ModelVersion.objects.filter(pk=row.candidate_id).update(signature="forged")
    shown = ada.get("rollout").json()["degraded"]
    assert [each["model"] for each in shown] == [2]
    assert "signature" in shown[0]["reason"]
