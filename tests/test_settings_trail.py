"""The trail of a project: filtered, page by page, and no odd question breaks it."""

import pytest

from registry.models import AuditEntry, Project
from tests.factories import sign_in
from tests.full_project import make_project_with_people
from tests.pages import text
from tests.refused import shown

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


def test_the_trail_is_filtered_and_goes_on_page_by_page(churn: Project) -> None:
    for number in range(60):
        AuditEntry.objects.create(
            project=churn,
            actor_name="Owen" if number % 2 else "Ada",
            action="key.create" if number % 3 else "member.add",
            target=f"thing {number}",
            allowed=number != 7,
        )
    owen, address = sign_in("Owen"), "/p/churn/settings/audit"

    first = owen.get(address)
    second = owen.get(f"{address}{first.context['next']}")
    assert (len(first.context["entries"]), len(second.context["entries"])) == (50, 10)
    only = owen.get(f"{address}?who=Owen&what=member").context["entries"]
    assert {(e.actor_name, e.action) for e in only} == {("Owen", "member.add")}
    refused = owen.get(f"{address}?refused=1").context["entries"]
    assert [entry.target for entry in refused] == ["thing 7"]


@pytest.mark.parametrize(
    "query",
    ["from=nonsense", "to=2026-02-31", "before=²", "what=x", "who=%F0%9F%90%88"],
)
def test_odd_filters_of_the_trail_break_nothing(churn: Project, query: str) -> None:
    page = sign_in("Owen").get(f"/p/churn/settings/audit?{query}")
    assert page.status_code == 200


def test_a_day_that_cannot_be_read_is_told_in_its_field(churn: Project) -> None:
    AuditEntry.objects.create(project=churn, actor_name="Owen", action="key.create")
    owen, address = sign_in("Owen"), "/p/churn/settings/audit"
    page = shown(text(owen.get(f"{address}?from=2199-1-5&to=2026-02-31")))
    for name in ("from", "to"):
        assert page.says(name) == "Not used: write a day, as 2026-01-31."
    page = owen.get(f"{address}?from=2199-01-05")
    assert "Nothing like that has happened." in text(page)
    assert shown(text(page)).says("from") == ""
