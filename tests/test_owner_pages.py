"""The owner's first screen and the list of projects: what they say, to whom, at what
cost; full, empty, broken, one and sixty."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from monitoring.models import (
    Alert,
    AlertRule,
    DayBucket,
    HourBucket,
    Note,
    ReferenceProfile,
    Target,
)
from monitoring.owner import loop, standing, views
from registry.clock import now
from registry.models import Membership, ModelVersion, Project, User
from registry.versions import forget_loaded
from serving import rollout as rollouts
from serving.models import Prediction, Rollout
from tests.factories import make_bare_version, make_project, make_user, sign_in
from tests.full_project import make_full_project, make_people
from tests.refused import shown
from tests.test_standing import costs_around, outcomes

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
TARGET = {"do": "target"}
LONG = "A-name-without-any-place-to-break-it-" * 3


def text(response: HttpResponse) -> str:
    return response.content.decode()


def serving(slug: str = "churn", **changes: Any) -> Project:
    """A project with three weeks behind it, whose live version saves 8 a customer."""
    project = make_project(slug, silence="unknown", **changes)
    make_people(project)
    baseline, live = (make_bare_version(project, number) for number in (1, 2))
    row = rollouts.open_with_baseline(project=project, version=baseline)
    Rollout.objects.filter(pk=row.pk).update(live=live)
    for ago in range(1, 25):
        for version, mean in ((live, 40), (baseline, 48)):
            costs = costs_around(mean, seed=ago + mean)
            DayBucket.objects.create(
                project=project, version=version, role="live", n=60, truths=60,
                day=now().date() - timedelta(days=ago), outcomes=outcomes(costs).pack(),
            )  # fmt: skip
    return project


def test_the_first_screen_says_what_the_model_is_worth() -> None:
    serving()

    page = text(sign_in("Vera").get("/p/churn"))

    assert "Version 2 costs" in page
    assert "USD a customer less than the baseline; sure since" in page
    assert "Saved a day" in page
    assert "120" in page  # answers a day
    assert "Nothing is wrong that the monitor watches." in page
    assert 'data-chart="/p/churn/charts/goal"' in page


def test_nine_components_are_a_list_of_links_in_the_loops_order() -> None:
    make_full_project()

    page = text(sign_in("Ada").get("/p/churn"))

    places = [part.split('"')[0] for part in page.split('data-node="')[1:]]
    assert places == [
        *("collector", "label", "featurizer", "builder", "evaluator"),
        *("server", "frontend", "monitor", "runs"),
    ]
    assert "1 alert firing" in page
    assert "30 % to version 2" in page


def test_a_viewer_is_not_led_to_the_labels() -> None:
    make_full_project()

    for path in ("/p/churn", "/p/churn/loop"):
        assert 'href="/p/churn/label"' in text(sign_in("Ada").get(path))
        page = text(sign_in("Vera").get(path))
        assert "Data Labeller" in page
        assert 'href="/p/churn/label"' not in page


def test_the_diagram_is_sent_again_only_when_something_moved() -> None:
    make_full_project()
    vera = sign_in("Vera")

    first = vera.get("/p/churn/loop")
    tag = first.headers["ETag"]
    assert "Performance Monitor" in text(first)
    assert vera.get("/p/churn/loop", headers={"If-None-Match": tag}).status_code == 304
    Alert.objects.all().delete()
    again = vera.get("/p/churn/loop", headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert again.headers["ETag"] != tag


def test_a_candidate_is_told_with_its_share_and_what_is_missing() -> None:
    make_full_project()

    page = text(sign_in("Vera").get("/p/churn"))

    assert "Version 2 gets 30 % since today, holding: needs" in page


def test_a_project_without_anything_says_what_to_do() -> None:
    make_people(make_project("empty", name=LONG))

    page = text(sign_in("Owen").get("/p/empty"))

    assert "No model answers yet." in page
    assert "Bring data" in page
    assert "Nothing waits for a label." in page
    assert sign_in("Owen").get("/p/empty/charts/goal").status_code == 404


@pytest.mark.faults
def test_a_live_model_whose_file_is_gone_breaks_no_page() -> None:
    project = serving()
    ModelVersion.objects.filter(project=project).update(
        uri="file:///nowhere.skops", sha256="0" * 64, function=""
    )

    for path in (
        "/rollout",
        "/monitor",
        "/models",
        "/models/2",
        "/predictions",
        "/try",
    ):
        assert sign_in("Owen").get(f"/p/churn{path}").status_code == 200, path
    for path in ("/p/churn", "/"):
        page = text(sign_in("Vera").get(path))
        assert "Version 2 cannot be loaded any more: its file is gone." in page
        assert path == "/" or "anew answers with version 1, the baseline." in page
    assert "serving" not in text(sign_in("Vera").get("/p/churn/loop"))


def test_the_monitor_of_a_version_whose_file_is_gone_says_what_it_still_can() -> None:
    project = make_full_project()
    ReferenceProfile.objects.all().delete()
    forget_loaded()
    ModelVersion.objects.filter(project=project).update(
        uri="file:///nowhere.skops", sha256="0" * 64, function=""
    )
    vera = sign_in("Vera")

    assert vera.get("/p/churn/monitor").status_code == 200
    told = vera.get("/p/churn/monitor/charts/drift").json()
    assert told["empty"] == "This version has no reference data to compare with."
    assert vera.get("/p/churn/monitor/charts/traffic").json()["rows"]
    assert not ReferenceProfile.objects.exists()  # it is made once the file is back


def test_what_is_not_there_leads_back_to_its_project_and_strangers_learn_nothing() -> (
    None
):
    serving()
    make_user("Stan")

    page = text(sign_in("Vera").get("/p/churn/models/77"))
    assert '<a class="button" href="/p/churn">To Churn</a>' in page
    assert 'href="/p/churn/monitor"' in page
    assert "/p/churn" not in text(sign_in("Stan").get("/p/churn/models/77"))


def test_a_page_says_so_where_the_database_is_gone_from_the_beginning() -> None:
    serving()
    client = sign_in("Vera")
    client.raise_request_exception = False

    def gone(*_: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(gone):
        page = client.get("/p/churn")

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "2"


def test_a_page_of_a_project_whose_database_is_gone_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serving()
    client, look = sign_in("Vera"), loop.look
    client.raise_request_exception = False

    def cut(*args: Any, **given: Any) -> Any:
        connection.execute_wrappers.append(gone)
        return look(*args, **given)

    def gone(*_: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(loop, "look", cut)
    try:
        page = client.get("/p/churn")
    finally:
        connection.execute_wrappers.remove(gone)

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "2"
    assert "To the projects" in text(page)


def test_fall_backs_are_told_before_anything_else() -> None:
    project = serving()
    HourBucket.objects.create(
        project=project, version=project.versions.get(number=1), role="fallback",
        hour=now().replace(minute=0, second=0, microsecond=0), n=7,
    )  # fmt: skip

    page = text(sign_in("Vera").get("/p/churn"))

    assert "7 of 7 answers of the last 24 hours came from the baseline" in page
    assert "falling back" in page
    assert page.index("Falling back.") < page.index("Saved a day")


def test_a_project_without_costs_speaks_of_its_goal_and_not_of_money() -> None:
    serving(costs={}, primary_metric="log_loss", decision={})

    page = text(sign_in("Owen").get("/p/churn"))

    assert "Log loss" in page
    assert "What a mistake costs is not said yet" in page


def test_the_goal_over_time_is_drawn_with_its_deploys_and_the_target() -> None:
    project = serving()
    Target.objects.create(project=project, metric="cost", value=35)
    Note.objects.create(project=project, at=now(), text="The winter offer.")

    told = sign_in("Vera").get("/p/churn/charts/goal").json()

    assert told["title"].startswith("Cost a customer is 40")
    assert "with the baseline" in told["title"]
    labels = [shape.get("label", {}).get("text") for shape in told["figure"]["layout"]["shapes"]]  # fmt: skip
    assert {"1 live", "The winter offer.", "target 35 USD"} <= set(labels)
    assert {trace.get("name") for trace in told["figure"]["data"]} > {"Baseline"}
    assert len(told["rows"]) == 25  # by day, for so many answers


# What the owner writes


def test_the_owner_sets_a_target_and_takes_it_away() -> None:
    serving()
    owen = sign_in("Owen")

    set_page = text(owen.post("/p/churn", TARGET | {"value": "45,5"}, follow=True))
    assert "The target is 45.5 USD: reached" in set_page
    assert text(sign_in("Vera").get("/p/churn")).count("<form") == 1  # signing out
    owen.post("/p/churn", TARGET | {"value": ""})
    assert not Target.objects.exists()


@pytest.mark.parametrize("value", ["ten", "nan", "inf", "1e99", "--1"])
def test_a_target_that_is_no_number_says_so(value: str) -> None:
    serving()

    answer = sign_in("Owen").post("/p/churn", TARGET | {"value": value})

    page = shown(text(answer))
    assert answer.status_code == 400
    assert "Write a number." in page.says("value")
    assert page.holds("value", value)


def test_a_note_comes_back_to_where_it_was_written() -> None:
    serving()
    note = {"do": "note", "text": "<i>Prices rose</i>"}

    page = sign_in("Owen").post("/p/churn", note, follow=True)

    assert "&lt;i&gt;Prices rose" in text(page)
    assert sign_in("Vera").post("/p/churn", note).status_code == 403


# All projects


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


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def test_the_first_screen_reads_no_predictions() -> None:
    make_full_project()
    rule = AlertRule.objects.first()
    assert rule is not None
    vera = sign_in("Vera")
    vera.get("/p/churn")

    with CaptureQueriesContext(connection) as asked:
        vera.get("/p/churn")

    table = Prediction._meta.db_table
    raw = [q["sql"] for q in asked if f'FROM "{table}"' in q["sql"]]
    assert all("EXISTS" in sql or "LIMIT" in sql for sql in raw), raw
    assert len(asked) < 45
