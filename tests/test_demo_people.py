"""The demo's people and its key: at every start of the demo somebody can come in."""

from datetime import timedelta

import pytest

from mlsystem.demo import people
from registry import clock, keys
from registry.models import ApiKey, Project, User
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    keys.forget()  # the same text as in the last test
    return make_project("parcels")


def the_key(plain: str) -> ApiKey:
    key = keys.find(plain)
    assert key is not None
    return key


def test_every_start_prints_the_same_key(project: Project) -> None:
    assert people.key_of(project) == people.key_of(project)


def test_a_revoked_key_is_followed_by_another_one(project: Project) -> None:
    for _ in range(2):
        plain = people.key_of(project)
        keys.revoke(key=the_key(plain), by=None)

        after = people.key_of(project)

        assert after != plain
        assert keys.find(plain) is None
        assert the_key(after).scopes == ["predict"]
        assert people.key_of(project) == after


def test_a_rotated_key_is_printed_while_it_works_and_then_another(
    project: Project,
) -> None:
    plain = people.key_of(project)
    keys.rotate(key=the_key(plain), by=None)
    assert people.key_of(project) == plain

    with clock.moved_to(clock.now() + timedelta(days=2)):
        after = people.key_of(project)
        assert after != plain
        the_key(after)


def test_somebody_of_that_name_takes_the_part_however_it_is_written(
    project: Project,
) -> None:
    erin, omar = make_user("Erin"), make_user("OMAR")

    assert people.cast(project)["labeller"] == erin
    assert people.labellers(project) == [erin, omar]
    assert people.known(project)["labeller"] == erin
    assert User.objects.filter(username__iexact="erin").count() == 1
