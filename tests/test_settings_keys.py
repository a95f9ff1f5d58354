"""The page of keys: each is shown once, dies when revoked, and works on for a day when
rotated."""

from datetime import timedelta

import pytest
from django.test import Client

from registry.clock import now
from registry.models import ApiKey
from tests.factories import make_user, sign_in
from tests.full_project import make_project_with_people
from tests.pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
KEYS = "/p/churn/settings/keys"


@pytest.fixture
def ada() -> Client:
    make_project_with_people()
    return sign_in("Ada")


def opens(key: str) -> int:
    headers = {"X-Api-Key": key}
    return Client().get("/api/v1/projects/churn/models", headers=headers).status_code


def test_a_new_key_is_shown_once_and_dies_when_revoked(ada: Client) -> None:
    made = ada.post(KEYS, {"do": "key", "name": "till", "scopes": ["read"]})
    plain = made.context["new_key"]
    assert plain in text(made)
    assert plain not in text(ada.get(KEYS))
    assert opens(plain) == 200

    key = ApiKey.objects.get(name="till")
    page = ada.post(KEYS, {"do": "revoke", "key": key.pk}, follow=True)
    assert "revoked" in text(page)
    assert opens(plain) == 401


def test_a_key_may_act_for_a_member_and_end(ada: Client) -> None:
    form = {"do": "key", "name": "tablet", "scopes": ["label"], "for": "Rosa"}
    ada.post(KEYS, form | {"days": "30"})

    key = ApiKey.objects.get(name="tablet")
    assert key.user.username == "Rosa"
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - now() <= timedelta(days=30)


def test_a_rotated_key_works_on_for_a_day(ada: Client) -> None:
    old = ada.post(KEYS, {"do": "key", "name": "till", "scopes": ["read"]})
    key = ApiKey.objects.get(name="till")

    made = ada.post(KEYS, {"do": "rotate", "key": key.pk})

    assert "works on for a day" in text(made)
    key.refresh_from_db()
    assert key.expires_at is not None
    assert key.expires_at - now() <= timedelta(days=1)
    fresh = ApiKey.objects.exclude(pk=key.pk).get(name="till")
    assert (fresh.scopes, fresh.user) == (key.scopes, key.user)
    assert opens(old.context["new_key"]) == opens(made.context["new_key"]) == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"do": "key", "name": "shop", "scopes": "everything"}, 400),
        ({"do": "key", "name": "shop", "scopes": "read", "days": "999999"}, 400),
        ({"do": "key", "name": "", "scopes": "read"}, 400),
        ({"do": "key", "name": "shop", "scopes": "read", "for": "Sam"}, 404),
        ({"do": "revoke", "key": "999999"}, 404),
        ({"do": "rotate", "key": "²"}, 404),
    ],
)
def test_keys_that_cannot_be_say_why(
    ada: Client, form: dict[str, str], status: int
) -> None:
    make_user("Sam")

    answer = ada.post(KEYS, form)

    assert answer.status_code == status
    assert 'role="alert"' in text(answer)
    assert not ApiKey.objects.exists()
