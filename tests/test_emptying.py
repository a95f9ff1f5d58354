"""After a test that commits the database is as migrations made it."""

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from registry.models import Project, User
from tests import emptying
from tests.full_project import make_full_project

pytestmark = pytest.mark.django_db(transaction=True)


def counted() -> dict[str, int]:
    names = connection.introspection.django_table_names(
        only_existing=True, include_views=False
    )
    with connection.cursor() as cursor:
        found = {}
        for name in names:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")
            found[name] = cursor.fetchone()[0]
    return found


@pytest.mark.parametrize("grown", [emptying.GROWN, 0])
def test_every_row_goes_and_what_migrations_made_stays(
    grown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emptying, "GROWN", grown)
    before = counted()
    make_full_project()
    owner, staff = User.objects.get(username="Owen"), Group.objects.create(name="Staff")
    staff.permissions.set(Permission.objects.all()[:3])
    owner.groups.add(staff)
    LogEntry.objects.create(
        user=owner,
        content_type=ContentType.objects.get_for_model(Project),
        object_id="1",
        object_repr="churn",
        action_flag=ADDITION,
    )

    emptying.empty("default")

    assert counted() == before
    assert {name for name, rows in before.items() if rows} == emptying.KEPT
