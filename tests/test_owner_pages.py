"""The owner's first screen: what it says, to whom, at what cost; full and empty."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.models import Alert, AlertRule, HourBucket, Note, Target
from monitoring.monitor.folding import bring_up_to_date
from registry.actors import COMMAND_LINE
from registry.clock import moved_to, now
from registry.models import User
from serving import rollout
from serving.frontend.front import predict_batch
from serving.models import Prediction, Rollout
from tests.factories import make_project, make_rows, make_serving, sign_in
from tests.full_project import make_full_project, make_people
from tests.pages import text
from tests.refused import shown
from tests.three_weeks import serving

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),
]
TARGET = {"do": "target"}
LONG = "A-name-without-any-place-to-break-it-" * 3


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


def test_the_last_run_waits_no_more_once_its_version_is_live() -> None:
    churn = make_full_project()
    row = Rollout.objects.get(project=churn)
    said = {"version": 2, "next": "Accepted, waiting for rollout."}
    run = churn.runs.first()
    churn.runs.filter(pk=run.pk).update(report=said)
    ada = User.objects.get(username="Ada")
    rollout.promote(rollout=row, by=ada, revision=row.revision)

    card = text(sign_in("Vera").get("/p/churn")).split('id="run-title"')[1]

    assert "Version 2 is live." in card
    assert "waiting for rollout" not in card


def test_a_version_held_back_saves_nothing_and_would() -> None:
    churn = serving()
    row = Rollout.objects.get(project=churn)
    ada = User.objects.get(username="Ada")
    rollout.baseline_for_all(rollout=row, by=ada, revision=row.revision)

    overview = text(sign_in("Vera").get("/p/churn"))
    control = text(sign_in("Vera").get("/p/churn/rollout"))

    assert "Version 2 would save a day" in overview
    assert "Saved a day" not in overview
    assert "The baseline, version 1, answers everyone" in control
    assert "Version 2 answers everyone" not in control
    assert "There is no candidate." not in control


def test_a_run_is_as_long_ago_in_the_diagram_as_on_its_card() -> None:
    churn = make_full_project()
    begun = now() - timedelta(days=63)
    churn.runs.update(created_at=begun)

    page = text(sign_in("Vera").get("/p/churn"))

    assert page.count("2\xa0months ago") > 1
    assert "63 days ago" not in page


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


@pytest.mark.parametrize("verb", ["pause", "baseline_for_all"])
def test_no_page_says_that_a_candidate_gets_what_it_does_not(verb: str) -> None:
    project = make_full_project()
    row = rollout.of_project(project)
    getattr(rollout, verb)(rollout=row, by="a test", revision=row.revision)

    pages = {
        path: text(sign_in("Owen").get(path))
        for path in ("/", "/p/churn", "/p/churn/rollout")
    }

    for path, page in pages.items():
        for words in ("30 % to version 2", "gets 30 %", "2 on 30 %", "users get it"):
            assert words not in page, path
    again = "Version 2 answers nobody until somebody resumes, then 30 % again."
    assert again in pages["/p/churn"]
    assert "Nobody gets version 2" in pages["/"]
    assert "until it is resumed, then 30 % of users" in pages["/p/churn/rollout"]
    stopped = "Everybody gets the baseline, version 1." in pages["/p/churn"]
    assert stopped == (verb == "baseline_for_all")


def test_a_project_without_anything_says_what_to_do() -> None:
    make_people(make_project("empty", name=LONG))

    page = text(sign_in("Owen").get("/p/empty"))

    assert "No model answers yet." in page
    assert "Bring data" in page
    assert "Nothing waits for a label." in page
    assert sign_in("Owen").get("/p/empty/charts/goal").status_code == 404


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


def test_answers_of_four_weeks_are_as_many_on_both_pages() -> None:
    """Both count from the same midnight on, whatever the hour is."""
    churn = make_project()
    make_people(churn)
    make_serving(churn)
    noon = now().replace(hour=12)
    first = noon.replace(hour=1) - timedelta(days=28)
    moments = [first - timedelta(days=1), first, noon - timedelta(days=3)]
    for moment, asked in zip(moments, (1, 2, 4), strict=True):
        requests = [{"input": row} for row in make_rows(asked)]
        with moved_to(moment):
            predict_batch(
                project=churn, requests=requests, actor=COMMAND_LINE, now=moment
            )
    with moved_to(noon):
        bring_up_to_date(churn)
        vera = sign_in("Vera")
        overview = text(vera.get("/p/churn"))
        rollouts = text(vera.get("/p/churn/rollout"))

    assert '<dd>6 <span class="muted">in four weeks</span></dd>' in overview
    assert ", 6 answers since " in rollouts
