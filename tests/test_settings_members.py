"""The page of members: admins let people in and out, owners only read who is in."""

import pytest
from django.test import Client

from registry.models import Membership, Project, User
from tests.factories import make_user, sign_in
from tests.full_project import make_project_with_people
from tests.pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
MEMBERS, KEYS = "/p/churn/settings/members", "/p/churn/settings/keys"


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


@pytest.fixture
def ada(churn: Project) -> Client:
    return sign_in("Ada")


def test_members_come_change_and_go(ada: Client) -> None:
    make_user("Omar")

    ada.post(MEMBERS, {"do": "role", "user": "Omar", "role": "labeller"})
    assert Membership.objects.get(user__username="Omar").role == "labeller"
    ada.post(MEMBERS, {"do": "role", "user": "Omar", "role": "reviewer"})
    assert Membership.objects.get(user__username="Omar").role == "reviewer"
    page = ada.post(MEMBERS, {"do": "remove", "user": "Omar"}, follow=True)
    assert not Membership.objects.filter(user__username="Omar").exists()

    assert "Undo" in text(page)
    ada.post(MEMBERS, {"do": "role", "user": "Omar", "role": "reviewer"})
    assert Membership.objects.get(user__username="Omar").role == "reviewer"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"do": "role", "user": "Nobody", "role": "viewer"}, 404),
        ({"do": "role", "user": "Omar", "role": "king"}, 400),
        ({"do": "remove", "user": "Ada"}, 409),  # the last admin
        ({"do": "invite", "name": "Nina", "role": "viewer"}, 403),  # Ada is no staff
        ({"do": "link", "user": "Erin"}, 403),
    ],
)
def test_who_cannot_be_a_member_is_told(
    ada: Client, form: dict[str, str], status: int
) -> None:
    make_user("Omar")
    before = Membership.objects.count(), User.objects.count()

    answer = ada.post(MEMBERS, form)

    assert answer.status_code == status
    assert 'role="alert"' in text(answer)
    assert (Membership.objects.count(), User.objects.count()) == before


def test_staff_invite_by_a_link_that_is_shown_once(ada: Client) -> None:
    User.objects.filter(username="Ada").update(is_staff=True)

    made = ada.post(MEMBERS, {"do": "invite", "name": "Nina", "role": "labeller"})
    link = made.context["link"]

    assert link in text(made)
    assert link not in text(ada.get(MEMBERS))
    path = "/" + link.split("/", 3)[-1]
    word = "correct horse battery staple"
    entered = Client().post(path, {"password": word, "again": word})
    assert entered.status_code == 302
    assert Membership.objects.get(user__username="Nina").role == "labeller"


def test_owners_read_who_is_in_and_change_nothing(churn: Project) -> None:
    owen = sign_in("Owen")

    page = text(owen.get(MEMBERS))
    assert "Erin" in page
    assert 'value="remove"' not in page
    form = {"do": "remove", "user": "Erin"}
    assert owen.post(MEMBERS, form).status_code == 403
    assert owen.get(KEYS).status_code == 403
    assert KEYS not in page
