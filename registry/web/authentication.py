"""Who is asking: a key in a header, or a browser's session with its CSRF token."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as DrfSession
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from registry import keys
from registry.models import ApiKey, User
from registry.web import limits
from registry.web.access import client_address

CHALLENGE = 'Bearer realm="mlsystem"'


class KeyAuthentication(BaseAuthentication):
    """`X-Api-Key`, `X-ApiKey`, or `Authorization: Bearer`. Never in the address."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        plain = presented_key(request)
        if plain is None:
            return None
        key = keys.find(plain)
        if key is None:
            limits.count(limits.WRONG_KEY, client_address(request._request) or "")
            raise AuthenticationFailed("The key is unknown, revoked or expired.")
        keys.touch(key)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(DrfSession):
    """DRF's own, with a challenge, so that nobody signed in is 401 and not 403."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        return found if found is None or not found[0].is_service else None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def presented_key(request: Request) -> str | None:
    """The key in the headers, None where there is none at all."""
    found = {
        value.strip()
        for name in ("X-Api-Key", "X-ApiKey")
        if (value := request.headers.get(name)) is not None
    }
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found.add(token.strip())
    if len(found) > 1:
        raise AuthenticationFailed("Two different keys were sent; send one.")
    return found.pop() if found else None
