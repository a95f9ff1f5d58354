"""People: the first admin, those the command makes, what staff change of them."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from mlsystem.ticks import sweep
from registry import people
from registry.errors import Conflict, DomainError, InvalidInput
from registry.models import AuditEntry, Membership, User
from tests.entering import path_of, sign_in
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db


# The first start


def test_an_empty_house_gets_one_admin_with_a_password_told_once() -> None:
    password = people.ensure_first_admin()

    assert password
    assert len(password) >= 16
    assert people.ensure_first_admin() is None

    client = Client()
    assert sign_in("admin", password, client).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_project_that_nobody_administers_goes_to_who_runs_the_house() -> None:
    orphan, kept = make_project("orphan"), make_project("kept")
    make_user("Owen", project=orphan, role="owner")
    make_user("Ada", project=kept, role="admin")
    assert people.adopt_orphans() == 0  # nobody is there to take it

    people.create_user(name="Sam", staff=True)

    admins = Membership.objects.filter(role="admin").order_by("pk")
    assert list(admins.values_list("project__slug", "user__username")) == [
        ("kept", "Ada"),
        ("orphan", "Sam"),
    ]
    User.objects.filter(username="Ada").update(is_active=False)  # in /admin
    sweep()
    assert Membership.objects.filter(project=kept, user__username="Sam").exists()


def test_the_admin_shows_roles_and_changes_none(client: Client) -> None:
    churn = make_project()
    owen = make_user("Owen", project=churn, role="admin")
    staff = make_user("Sam")
    User.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(pk=staff.pk))
    place = f"/admin/registry/user/{owen.pk}"
    page = client.get(f"{place}/change/").content.decode()
    assert "memberships-0-role" not in page
    assert "churn" in page
    form = {
        "username": "Owen",
        "email": "owen@example.org",
        "is_active": "on",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": owen.memberships.get().pk,
        "memberships-0-user": owen.pk,
        "memberships-0-role": "viewer",
        "memberships-0-DELETE": "on",
    }
    saved = client.post(f"{place}/change/", form)
    assert saved.status_code == 302, saved.context["errors"]
    assert Membership.objects.get().role == "admin"
    assert User.objects.get(pk=owen.pk).email == "owen@example.org"
    entry = AuditEntry.objects.get(action="person.change")
    assert (entry.actor, entry.target) == (staff, "Owen")
    assert "Email address" in str(entry.detail)
    assert client.post(f"{place}/delete/", {"post": "yes"}).status_code == 403


def test_names_that_differ_by_case_alone_are_one_person() -> None:
    people.create_user(name="Erin")

    with pytest.raises(Conflict):
        people.create_user(name="erin")
    for wrong in ("", "a b", "<b>", "x" * 151):
        with pytest.raises(InvalidInput):
            people.create_user(name=wrong)


# The command


def test_the_command_prints_a_link_and_gives_the_roles() -> None:
    project = make_project()
    out = StringIO()

    call_command("create_user", "Erin", "--role", "churn:labeller", stdout=out)

    assert Client().get(path_of(out.getvalue().strip())).status_code == 200
    assert Membership.objects.get(project=project).role == "labeller"


def test_the_command_makes_no_link_for_somebody_who_left() -> None:
    project = make_project()
    make_user("Erin")
    User.objects.update(is_active=False)

    with pytest.raises(CommandError, match="Erin is deactivated"):
        call_command("create_user", "Erin", "--role", "churn:viewer", stdout=StringIO())

    assert not Membership.objects.filter(project=project).exists()


@pytest.mark.parametrize("role", ["churn", "churn:boss", "nothing:viewer", ":viewer"])
def test_the_command_makes_nobody_when_a_role_is_wrong(role: str) -> None:
    make_project()

    with pytest.raises((CommandError, DomainError)):
        call_command("create_user", "Erin", "--role", role, stdout=StringIO())

    assert not User.objects.exists()
