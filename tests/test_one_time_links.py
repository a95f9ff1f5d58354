"""People are let in by links that work once, for one person, and not for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from registry import people
from registry.models import Invitation, User
from registry.web import limits
from tests.entering import GOOD, path_of, sign_in, signed_in_as
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_an_invitation_sets_a_password_once() -> None:
    user = people.create_user(name="Erin")
    path = path_of(people.invite(user=user))
    client = Client()

    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 200  # looking uses nothing up
    form = {"password": GOOD, "again": GOOD}
    assert client.post(path, form).status_code == 302

    assert signed_in_as(client) == "Erin"
    assert sign_in("Erin", GOOD).status_code == 302
    assert Client().get(path).status_code == 404
    assert Client().post(path, form).status_code == 404


def test_a_weak_password_does_not_use_an_invitation_up() -> None:
    path = path_of(people.invite(user=people.create_user(name="Erin")))

    assert Client().post(path, {"password": "erin", "again": "erin"}).status_code == 400
    assert Client().post(path, {"password": GOOD, "again": GOOD}).status_code == 302


def test_a_sign_in_link_signs_in_once_and_not_for_ever() -> None:
    user = make_user("Erin")
    with time_machine.travel("2024-05-01T12:00:00Z", tick=False) as clock:
        first = path_of(people.sign_in_link(user=user, purpose="demo"))
        second = path_of(people.sign_in_link(user=user))
        client = Client()
        assert client.post(first).status_code == 302
        assert signed_in_as(client) == "Erin"
        assert Client().post(first).status_code == 404
        clock.shift(people.SIGN_IN_LINK_LASTS + timedelta(seconds=1))
        assert Client().post(second).status_code == 404


def test_links_use_the_public_address_and_keep_only_a_digest(settings: Any) -> None:
    settings.PUBLIC_URL = "https://ml.example.org"

    link = people.invite(user=make_user("Erin"))

    assert link.startswith("https://ml.example.org/invitation/")
    assert link.rpartition("/")[2] not in str(Invitation.objects.values().get())


def test_a_link_of_somebody_who_left_is_dead() -> None:
    user = make_user("Erin")
    path = path_of(people.sign_in_link(user=user))
    User.objects.update(is_active=False)

    assert Client().post(path).status_code == 404


@time_machine.travel("2024-05-01T12:00:00Z", tick=False)
def test_guessing_links_is_limited() -> None:
    client = Client(REMOTE_ADDR="10.3.3.3")
    statuses = [
        client.get(f"/invitation/{number}").status_code
        for number in range(limits.INVITATION.times + 1)
    ]

    assert set(statuses[:-1]) == {404}
    assert statuses[-1] == 429


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_link_at_once_one_gets_in() -> None:
    link = people.sign_in_link(user=make_user("Erin"))
    start = threading.Barrier(6)

    def use(_: int) -> bool:
        start.wait()
        try:
            people.use_link(token=link.rpartition("/")[2])
        except people.LinkIsDead:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(use, range(6))) == 1
