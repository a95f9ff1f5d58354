"""A POST that needs nothing said may come without a body, and reads the one that comes."""

from typing import Any
from uuid import UUID

import pytest

from registry.catalogue import SCOPES
from registry.web import openapi, routes
from tests.calls import Rest
from tests.factories import make_key, make_project

NOBODY = UUID(int=0)
FILLED = {"slug": "churn", "int": "1", "uuid": str(NOBODY), "str": "Sam"}


def without_fields() -> list[str]:
    """The addresses of POSTs whose body, which is no file, has no fields."""
    found = []
    for route in routes.walk():
        if not isinstance(route.view, type) or "POST" not in (route.access or {}):
            continue
        wanted: Any = route.view.post.operation.input
        uploads = getattr(route.view, "uploads", None) is not None
        if not (wanted().fields if wanted else uploads):
            found.append(route.path)
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("address", without_fields())
def test_what_is_not_known_is_refused_by_name(address: str) -> None:
    rest = Rest(None, make_key(make_project(), *SCOPES))
    path = routes.PART.sub(lambda found: FILLED[found[1] or "str"], address)
    answer = rest.post(path, {"surprise": 1})
    assert answer.status_code == 400, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == ["surprise"]
    nothing = rest.client.generic("POST", path, headers=rest.headers)
    assert nothing.status_code in {404, 409}, nothing.content


def test_the_schema_says_which_bodies_may_be_left_out() -> None:
    paths = openapi.whole()["paths"]

    def needed(path: str) -> bool:
        whole = paths[f"/api/v1/projects/{{project}}/{path}"]["post"]["requestBody"]
        return bool(whole["required"])

    assert not needed("queue/undo")
    assert not needed("queue/next")
    assert not needed("rollout/pause")
    assert needed("predict")
    assert needed("truth")
    assert needed("datasets")
