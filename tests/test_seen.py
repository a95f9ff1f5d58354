"""Every page is looked at in a browser, so that a new one is too."""

from uuid import UUID

from django.urls import Resolver404, get_resolver, resolve

from tests import seen
from tests.route_matrix import ROUTES

ANY = {"example": 1} | dict.fromkeys(
    ("prediction", "waiting", "refused", "token"), UUID(int=1)
)


def names(*paths: str) -> set[str]:
    """The routes of these addresses; what leads nowhere has none."""
    found = set()
    for path in paths:
        try:
            match = resolve(path.partition("?")[0].format(**ANY))
        except Resolver404:
            continue
        found.add(match.url_name or "")
    return found


def test_every_page_is_looked_at_or_named_apart_with_a_reason() -> None:
    patterns = get_resolver().reverse_dict
    pages = {
        name
        for name, methods in ROUTES.items()
        if "GET" in methods and name in patterns and not name.startswith(("api-", "v2"))
    } | {"api-docs"}
    looked_at = names(*seen.FULL, *seen.DOORS, *seen.GUIDE)

    assert pages - looked_at == set(seen.APART)
