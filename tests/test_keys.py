"""API keys: made once, shown once, known by their digest alone."""

import re
import threading
from datetime import timedelta
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from registry import keys
from registry.actors import Actor
from registry.clock import now
from registry.errors import InvalidInput, TooMany
from registry.models import ApiKey, IdempotencyRecord, Membership, Project, User
from registry.web import limits
from tests.factories import make_key, make_project, make_user

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/projects/churn/keys"


def role_of_service(project: Project, *scopes: str, by: Any = None) -> str:
    key, _ = keys.create_key(project=project, scopes=scopes, name="k", by=by)
    return Membership.objects.get(user=key.user).role


def test_a_key_looks_as_promised_and_only_its_digest_is_kept() -> None:
    key, plain = keys.create_key(project=make_project(), scopes=["read"], name="shop")

    assert re.fullmatch(r"mls_[A-Za-z0-9]{40}", plain)
    assert key.prefix == plain[4:12]
    assert key.digest == sha256(plain.encode()).hexdigest()
    assert plain[12:] not in str(vars(ApiKey.objects.get()))


def test_a_service_user_holds_the_least_role_that_covers_the_scopes() -> None:
    project = make_project()
    owen = Actor(user=make_user("Owen", project=project, role="owner"), role="owner")
    ada = Actor(user=make_user("Ada", project=project, role="admin"), role="admin")

    assert role_of_service(project, "predict") == "viewer"
    assert role_of_service(project, "predict", "read") == "viewer"
    assert role_of_service(project, "label") == "reviewer"
    assert role_of_service(project, "label", "read") == "owner"
    assert role_of_service(project, "truth") == "owner"
    assert role_of_service(project, "manage", by=owen) == "owner"
    assert role_of_service(project, "manage", by=owen.user) == "owner"
    assert role_of_service(project, "manage", by=ada) == "admin"
    assert role_of_service(project, "manage", by=ada.user) == "admin"
    assert role_of_service(project, "manage") == "admin"  # the command line


def test_a_service_user_can_never_sign_in() -> None:
    make_key(make_project())
    service = User.objects.get(is_service=True)

    assert not service.has_usable_password()
    assert not service.is_staff


def test_a_key_acts_only_for_members() -> None:
    with pytest.raises(InvalidInput, match="not a member"):
        keys.create_key(
            project=make_project(), scopes=["read"], name="k", user=make_user("Sam")
        )


def test_scopes_names_and_ends_are_checked() -> None:
    project = make_project()
    for wrong in (
        {"scopes": []},
        {"scopes": ["fly"]},
        {"name": " "},
        {"name": "x" * 81},
        {"expires_at": now() - timedelta(seconds=1)},
    ):
        given: dict[str, Any] = {"scopes": ["read"], "name": "k"} | wrong
        with pytest.raises(InvalidInput):
            keys.create_key(project=project, **given)
    assert not User.objects.exists()


def test_a_revoked_key_is_dead_at_once() -> None:
    plain = make_key(make_project())
    key = keys.find(plain)
    assert key

    keys.revoke(key=key, by=None)

    assert keys.find(plain) is None


def test_a_key_revoked_by_another_process_is_dead_within_a_second() -> None:
    plain = make_key(make_project())
    assert keys.find(plain)
    ApiKey.objects.update(revoked_at=now())

    known, key = keys._found[sha256(plain.encode()).hexdigest()]
    keys._found[key.digest] = (known - keys.REMEMBERED, key)

    assert keys.find(plain) is None


def test_a_key_ends_at_its_time_even_if_it_is_remembered() -> None:
    with time_machine.travel("2024-05-01T12:00:00Z", tick=False) as clock:
        _, plain = keys.create_key(
            project=make_project(),
            scopes=["read"],
            name="k",
            expires_at=now() + timedelta(seconds=10),
        )
        assert keys.find(plain)
        clock.shift(11)
        assert keys.find(plain) is None


@pytest.mark.parametrize(
    "wrong",
    ["", "mls_", "x" * 44, "mls_" + "ä" * 40, "mls_" + "a" * 40, "mls_" + "a" * 10_000],
)
def test_what_is_no_key_of_ours_finds_nothing(wrong: str) -> None:
    assert keys.find(wrong) is None


def test_the_first_half_of_a_key_is_not_enough() -> None:
    plain = make_key(make_project())

    assert keys.find(plain[:12] + "a" * 32) is None


def test_a_known_key_costs_one_question_to_the_database(
    django_assert_num_queries: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(keys, "REMEMBERED", 60.0)  # of a machine however slow
    headers = {"X-Api-Key": make_key(make_project(), "read")}
    client = Client()
    client.get("/api/v1/projects/churn", headers=headers)

    with django_assert_num_queries(1):
        client.get("/api/v1/projects/churn", headers=headers)


def test_the_last_use_is_noted_once_a_minute() -> None:
    plain = make_key(make_project())
    with time_machine.travel("2024-05-01T12:00:00Z", tick=False) as clock:
        for moment, noted in ((0, 0), (30, 0), (31, 61), (5, 61)):
            clock.shift(moment)
            key = keys.find(plain)
            assert key
            keys.touch(key)
            used = ApiKey.objects.get().last_used_at
            assert used
            assert used.timestamp() - 1714564800 == noted


@time_machine.travel("2024-05-01T12:00:00Z", tick=False)
def test_wrong_keys_are_limited_and_right_ones_from_there_go_on() -> None:
    right = {"X-Api-Key": make_key(make_project(), "read")}
    client = Client(REMOTE_ADDR="10.1.2.3")

    def ask(key: dict[str, str]) -> Any:
        return client.get("/api/v1/projects/churn", headers=key)

    wrong = [
        ask({"X-Api-Key": f"mls_{number:040}"})
        for number in range(limits.WRONG_KEY.times + 1)
    ]

    assert {response.status_code for response in wrong[:-1]} == {401}
    assert wrong[-1].status_code == 429
    assert 1 <= int(wrong[-1].headers["Retry-After"]) <= limits.WRONG_KEY.seconds + 1
    assert ask(right).status_code == 200
    assert Client(REMOTE_ADDR="10.1.2.4").get(KEYS).status_code == 401


@time_machine.travel("2024-05-01T12:00:00Z", tick=False)
def test_a_limit_holds_when_many_come_at_once() -> None:
    passed, limit = [], limits.Limit("test-many", 100, 3600, "Too many.")

    def come() -> None:
        for _ in range(50):
            try:
                limits.count(limit, f"{id(passed)}")
            except TooMany:
                continue
            passed.append(1)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 100


@pytest.mark.faults
@time_machine.travel("2024-05-01T12:00:00Z", tick=False)
def test_a_limit_holds_while_the_cache_is_down(monkeypatch: Any) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no cache")

    monkeypatch.setattr(limits.cache, "add", down)
    limit = limits.Limit("test-down", 3, 3600, "Too many.")

    for _ in range(3):
        limits.count(limit, "Sam")
    with pytest.raises(TooMany):
        limits.count(limit, "Sam")


# REST


def admin(project: Project) -> Client:
    client = Client()
    client.force_login(make_user("Ada", project=project, role="admin"))
    return client


def create(client: Client, once: str = "", **body: Any) -> Any:
    return client.post(
        KEYS,
        {"name": "shop", "scopes": ["predict"]} | body,
        content_type="application/json",
        headers={"Idempotency-Key": once} if once else None,
    )


def test_a_key_is_shown_once_and_then_only_its_beginning() -> None:
    client = admin(make_project())
    made = create(client).json()

    assert keys.find(made["key"])
    listed = client.get(KEYS).json()["results"]
    assert [row["prefix"] for row in listed] == [made["prefix"]]
    assert made["key"][12:] not in client.get(KEYS).content.decode()
    assert "key" not in client.get(f"{KEYS}/{made['id']}").json()


def test_a_retry_shows_the_same_key_which_is_stored_nowhere() -> None:
    client = admin(make_project())

    first, again = create(client, once="a"), create(client, once="a")

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ApiKey.objects.count() == 1
    assert keys.find(first.json()["key"])
    stored = str(IdempotencyRecord.objects.values().get())
    assert first.json()["key"][12:] not in stored
    assert create(client, once="b").json()["key"] != first.json()["key"]


def test_a_key_is_revoked_over_rest() -> None:
    client = admin(make_project())
    made = create(client).json()

    assert client.delete(f"{KEYS}/{made['id']}").status_code == 204
    assert client.delete(f"{KEYS}/{made['id']}").status_code == 409
    assert keys.find(made["key"]) is None
    assert client.get(f"{KEYS}/{made['id']}").json()["revoked_at"]


def test_a_key_of_another_project_is_not_there() -> None:
    client = admin(make_project())
    make_key(make_project("flights"))
    foreign = ApiKey.objects.get()

    assert client.get(f"{KEYS}/{foreign.pk}").status_code == 404
    assert client.delete(f"{KEYS}/{foreign.pk}").status_code == 404
    assert client.get(f"{KEYS}/{10**30}").status_code == 404
    assert client.get(KEYS).json()["results"] == []


def test_a_key_for_a_person_acts_for_a_member_only() -> None:
    project = make_project()
    client = admin(project)
    make_user("Erin", project=project, role="labeller")
    make_user("Sam")

    assert create(client, user="Erin", scopes=["label"]).json()["user"] == "Erin"
    for stranger in ("Sam", "Nobody"):
        refused = create(client, user=stranger)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == "user"


# The command


def test_the_command_prints_the_key_alone() -> None:
    make_project()
    out = StringIO()

    call_command("apikey", "create", "churn", "--scope", "predict", "--scope",
                 "truth", stdout=out)  # fmt: skip

    key = keys.find(out.getvalue().strip())
    assert key
    assert key.scopes == ["predict", "truth"]


def test_the_command_tells_what_is_missing() -> None:
    make_project()
    for arguments, word in (
        (["nothing", "--scope", "read"], "there are: churn"),
        (["churn", "--scope", "read", "--user", "Sam"], "create_user Sam"),
        (["churn", "--scope", "read", "--days", "0"], "from 1 to 36500"),
        (["churn", "--scope", "read", "--days", "4000000"], "from 1 to 36500"),
        (["churn", "--scope", "fly"], "invalid choice"),
    ):
        with pytest.raises(CommandError, match=word):
            call_command("apikey", "create", *arguments, stdout=StringIO())
