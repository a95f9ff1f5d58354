"""Somebody with a password, and the door by which people come in."""

import re
from typing import Any

from django.test import Client

from registry.models import User
from tests.factories import make_user

GOOD = "correct horse battery"


def path_of(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


def make_person(name: str = "Erin", password: str = GOOD) -> User:
    user = make_user(name)
    user.set_password(password)
    user.save()
    return user


def sign_in(name: str, password: str, client: Client | None = None, **more: Any) -> Any:
    return (client or Client()).post(
        "/sign-in", {"username": name, "password": password} | more
    )


def signed_in_as(client: Client) -> str | None:
    number = client.session.get("_auth_user_id")
    return User.objects.get(pk=number).username if number else None
