"""The list of projects: those in need first, to everybody what is theirs; one and sixty
at the same cost."""

import pytest

from monitoring.models import Alert, AlertRule
from monitoring.owner import standing, views
from registry.clock import now
from registry.models import Membership, Project, User
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_bare_version, make_project, make_user, sign_in
from tests.full_project import make_full_project
from tests.pages import queries, text
from tests.three_weeks import serving

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),
]


def test_every_project_is_listed_with_its_verdict_the_needy_first() -> None:
    serving("alpha", name="Alpha")
    needy = make_full_project("zeta", name="Zeta")
    make_user("Ada", project=needy, role="admin")

    page = text(sign_in("Ada").get("/"))

    assert page.index("Zeta") < page.index("Alpha")
    assert "sure since" in page
    assert "1 alert firing" in page
    assert "30 % to version 2" in page


def test_a_project_in_need_is_on_the_first_page_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "PAGE", 3)
    for number in range(8):
        project = make_project(f"project-{number}")
        role = "labeller" if number == 6 else "viewer"
        make_user("Vera", project=project, role=role)
        if number in {5, 6, 7}:
            version, moment = make_bare_version(project), now()
            rule = AlertRule.objects.create(project=project, kind="drift")
            Alert.objects.create(
                project=project, rule=rule, version=version, state="firing",
                opened_at=moment, updated_at=moment,
            )  # fmt: skip
    vera, address, pages = sign_in("Vera"), "/", list[list[int]]()

    while address:
        page = vera.get(address)
        rows = page.context["rows"]
        pages.append([int(row["project"].slug[-1]) for row in rows])
        address = page.context["next"]

    assert pages == [[5, 7, 0], [1, 2, 3], [4, 6]]


def test_a_labeller_sees_no_numbers_but_the_way_to_the_cards() -> None:
    serving()

    page = text(sign_in("Erin").get("/"))

    assert "You label here." in page
    assert "/p/churn/label" in page
    assert "USD a customer" not in page


def test_projects_are_found_by_words_of_name_and_description() -> None:
    for number in range(10):
        project = make_project(f"shop-{number}", name=f"Shop {number}")
        make_user("Ada", project=project, role="admin")
    Project.objects.filter(slug="shop-3").update(description="Parcels to islands")
    ada = sign_in("Ada")

    assert "Shop 3" in text(ada.get("/?q=island+PARCEL"))
    assert "Shop 4" not in text(ada.get("/?q=island"))
    assert "No project matches" in text(ada.get("/?q=nothing+like+it"))
    assert ada.get("/?q=" + "x" * 500).status_code == 200


def test_all_that_match_are_counted_however_many_a_page_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "PAGE", 3)
    for number in range(10):
        name = f"Shop {number}" if number < 7 else f"Farm {number}"
        project = make_project(f"project-{number}", name=name)
        make_user("Ada", project=project, role="admin")
    ada = sign_in("Ada")
    first = ada.get("/?q=shop")
    second = ada.get(first.context["next"])

    assert "7 of 10 match “shop”." in text(first)
    assert "7 of 10 match “shop”." in text(second)


def test_sixty_projects_cost_no_more_queries_than_one() -> None:
    def many(first: int, last: int) -> None:
        for number in range(first, last):
            project = make_project(f"project-{number}", silence="unknown")
            make_user("Ada", project=project, role="admin")
            version = make_bare_version(project)
            rollouts.open_with_baseline(project=project, version=version)

    many(0, 1)
    ada = sign_in("Ada")
    ada.get("/")
    one = queries(ada, "/")
    many(1, 60)

    assert queries(ada, "/") == one
    assert text(ada.get("/")).count("project-row") == 60


def test_what_the_monitor_kept_is_shown_without_reading_days_again() -> None:
    project = serving()
    standing.store(project, now=now())
    vera = sign_in("Vera")
    vera.get("/")
    kept = queries(vera, "/")
    Rollout.objects.update(revision=9)

    assert queries(vera, "/") == kept + 2


def test_an_empty_installation_greets_with_three_ways() -> None:
    make_user("Sam")
    User.objects.filter(username="Sam").update(may_create_projects=True)

    page = text(sign_in("Sam").get("/"))

    for way in ("Upload a table", "Connect a source", "Open the demo"):
        assert way in page
    User.objects.filter(username="Sam").update(may_create_projects=False)
    assert "Ask an admin" in text(sign_in("Sam").get("/"))
    assert not Membership.objects.exists()
