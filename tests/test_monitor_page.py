"""The monitor page: every chart says in a sentence what its numbers say, asks the
database the same few questions however much there is, and never for raw rows."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from monitoring.models import Alert, DayBucket, HourBucket, Note
from monitoring.watch.asked import read_asked
from monitoring.watch.pages import FRAMES
from registry.clock import now
from registry.models import Project, User
from serving.models import Rollout
from tests.factories import make_project
from tests.full_project import make_full_project, make_people

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),  # charts are the same until the hour turns
]
TODAY = datetime(2026, 5, 7, 13, 30, tzinfo=UTC)


@pytest.fixture
def churn() -> Project:
    """Truth that is complete: nobody waits for silence."""
    project = make_full_project()
    Project.objects.filter(pk=project.pk).update(silence="unknown")
    project.refresh_from_db()
    return project


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def chart(name: str, question: str = "", *, who: str = "Owen") -> dict[str, Any]:
    answer = sign_in(who).get(f"/p/churn/monitor/charts/{name}?{question}")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_every_chart_is_one_that_plotly_accepts(churn: Project) -> None:
    from plotly.graph_objects import Figure

    for name in FRAMES:
        found = chart(name)
        Figure(found["figure"])
        assert "null" not in json.dumps(found["figure"]["layout"]), name
        assert found["title"].endswith((".", "?")), name
        assert all(len(row) == len(found["head"]) for row in found["rows"]), name


def test_an_empty_period_says_what_to_do(churn: Project) -> None:
    for name in set(FRAMES) - {"difference"}:  # that is of the rollout, whatever asked
        found = chart(name, "from=2020-01-01T00:00&to=2020-02-01T00:00")
        assert found["rows"] == [], name
        assert found["empty"].endswith("."), name


def test_who_has_a_chart_gets_304_and_csv_on_demand(churn: Project) -> None:
    vera = sign_in("Vera")
    for name in FRAMES:
        address = f"/p/churn/monitor/charts/{name}"
        first = vera.get(address)
        again = vera.get(address, headers={"If-None-Match": first.headers["ETag"]})
        table = vera.get(f"{address}?format=csv").content.decode().splitlines()
        assert again.status_code == 304, name
        assert len(table) == 1 + len(json.loads(first.content)["rows"]), name


def test_more_days_cost_no_more_queries_and_no_raw_rows(churn: Project) -> None:
    vera = sign_in("Vera")
    places = [f"/charts/{name}" for name in FRAMES]
    before = [asked_of_the_database(vera, place) for place in places]
    for bucket in DayBucket.objects.filter(project=churn):
        first = bucket.day
        for back in range(1, 40):
            bucket.pk, bucket.day = None, first - timedelta(days=back)
            bucket.save(force_insert=True)

    after = [asked_of_the_database(vera, place) for place in places]

    assert [len(queries) for queries in after] == [len(queries) for queries in before]
    assert max(len(queries) for queries in after) <= 12
    assert "serving_prediction" not in str(after)
    assert len(asked_of_the_database(vera, "")) <= 20


def asked_of_the_database(client: Client, place: str) -> list[str]:
    address = f"/p/churn/monitor{place}?period=1y"
    client.get(address)  # makes what is made once
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in queries]


def test_the_headline_is_asked_for_alone_and_answers_304_until_it_is_another(
    churn: Project,
) -> None:
    vera, address = sign_in("Vera"), "/p/churn/monitor?period=7d"
    page = vera.get(address).content.decode()
    assert f'hx-get="{address}" hx-trigger="every 60s"' in page

    first = part(vera, address)
    same = part(vera, address, first.headers["ETag"])
    Alert.objects.update(state="resolved")
    calm = part(vera, address, first.headers["ETag"])
    DayBucket.objects.filter(project=churn).update(n=4321)
    HourBucket.objects.filter(project=churn).update(n=4321)
    more = part(vera, address, calm.headers["ETag"])

    told = first.content.decode()
    assert "An alert fires and needs somebody: performance." in told
    assert "data-chart" not in told
    assert "<form" not in told
    assert (same.status_code, same.content) == (304, b"")
    assert "Nothing is wrong, as far as it is known: " in calm.content.decode()
    assert answers(calm) != answers(more)
    assert f"{answers(more)} answers of version 1" in more.content.decode()


def test_a_headline_of_days_that_are_over_stays_as_it_is(churn: Project) -> None:
    page = sign_in("Vera").get("/p/churn/monitor?from=2020-01-01T00:00")

    assert "hx-get" not in page.content.decode().partition("<main")[2]


def test_a_headline_where_nothing_answers_is_the_page_itself() -> None:
    make_people(make_project())

    answer = part(sign_in("Vera"), "/p/churn/monitor")

    assert "Nothing to watch yet" in answer.content.decode()


def answers(page: Any) -> str:
    """What the stat says."""
    stat = r"Answers of this period</dt>\s*<dd[^>]*>([^<]*)</dd>"
    (found,) = re.findall(stat, page.content.decode())
    return str(found)


def part(client: Client, address: str, etag: str = "") -> Any:
    """What the open page asks for by itself."""
    headers = {"HX-Request": "true"} | ({"If-None-Match": etag} if etag else {})
    return client.get(address, headers=headers)


def test_only_owners_are_led_to_the_rows(churn: Project) -> None:
    links = chart("traffic")["links"]

    assert links[-1].startswith("/p/churn/predictions?from=")
    assert links[-1].endswith("model=1")
    assert not any(chart("traffic", who="Vera")["links"])


def test_a_brushed_span_counts_for_every_chart(churn: Project) -> None:
    moment = now() + timedelta(days=1)
    after = f"from={moment:%FT%H:%M}&to={moment + timedelta(days=2):%FT%H:%M}"

    assert chart("mistakes")["rows"]
    assert chart("mistakes", after)["rows"] == []


def test_a_threshold_is_priced_by_what_it_would_have_done(churn: Project) -> None:
    """Against the rows themselves: act where the score is at least the threshold."""
    found = chart("threshold")
    extra = found["extra"]
    rows = list(churn.predictions.filter(role="live"))
    from labelling.models import Match

    truths = dict(Match.objects.values_list("prediction_id", "value"))
    known = [(row, truths[row.pk]) for row in rows if truths.get(row.pk)]

    for at in (0, extra["start"], len(extra["edges"]) - 1):
        cost = sum(
            60.0
            if (row.score or 0) >= extra["edges"][at] - 1e-9
            else 6 * row.input["monthly_charges"] * (truth == "Yes")
            for row, truth in known
        )
        assert extra["cost"][at] == pytest.approx(cost / len(known))
    assert "One threshold for all would cost least at" in found["title"]


def test_truth_that_is_still_arriving_is_greyed_and_not_drawn() -> None:
    make_full_project()  # silence means no, after 30 days

    found = chart("metric", "period=28d&bucket=day")

    shades = [s for s in found["figure"]["layout"]["shapes"] if s["type"] == "rect"]
    assert shades[0]["label"]["text"] == "truth still arriving"
    assert found["empty"] == "No truth of this period is complete yet."


def test_notes_and_deploys_stand_on_charts_over_time(churn: Project) -> None:
    owen = sign_in("Owen")
    moment = now() - timedelta(days=2)

    owen.post(
        "/p/churn/monitor?period=7d",
        {"text": "New prices", "at": f"{moment:%FT%H:%M}"},
    )

    assert Note.objects.get(text="New prices").at == moment.replace(
        second=0, microsecond=0
    )
    shapes = chart("metric", "period=7d")["figure"]["layout"]["shapes"]
    words = {shape.get("label", {}).get("text") for shape in shapes}
    assert {"✎ New prices", "version 2 tried"} <= words


def test_a_note_without_words_is_told(churn: Project) -> None:
    answer = sign_in("Owen").post("/p/churn/monitor", {"text": "  "}, follow=True)

    assert "A note needs words." in answer.content.decode()


ODD = (
    "period=never&bucket=second&model=x&metric=nonsense",
    "from=yesterday&to=0001-01-01T00:00",
    "from=2026-05-01T00:00&to=2026-04-01T00:00",
    "from=9999-12-31T23:59&to=9999-12-31T23:59",
    "model=999&model=1&model=1",
    "feature=nothing&metric=r2",
)


def test_odd_questions_are_answered_as_if_not_asked(churn: Project) -> None:
    owen = sign_in("Owen")
    for question in ODD:
        assert owen.get(f"/p/churn/monitor?{question}").status_code == 200
        for name in FRAMES:
            chart(name, question)


def test_a_chart_that_is_none_is_not_found(churn: Project) -> None:
    assert sign_in("Owen").get("/p/churn/monitor/charts/pie").status_code == 404


def asked(churn: Project, question: str) -> Any:
    return read_asked(
        QueryDict(question), rollout=Rollout.objects.get(project=churn), now=TODAY
    )


def test_the_address_says_what_is_shown(churn: Project) -> None:
    plain = asked(churn, "period=7d&bucket=hour&model=2&feature=tenure")

    assert plain.by == "hour"
    assert [one.version.number for one in plain.shown] == [2]
    assert plain.shown[0].role == "candidate"
    assert plain.end - plain.start == timedelta(days=7, hours=1)
    assert plain.here(feature=None) == (
        "/p/churn/monitor?period=7d&bucket=hour&model=2"
    )


def test_too_many_points_are_joined(churn: Project) -> None:
    assert asked(churn, "period=28d&bucket=hour").by == "day"
    assert asked(churn, "period=1y&bucket=day").by == "week"
    assert asked(churn, "period=24h").by == "hour"
    week = asked(churn, "period=12w&bucket=week")
    assert week.start.weekday() == week.end.weekday() == 0


def test_the_first_versions_are_those_that_serve(churn: Project) -> None:
    shown = asked(churn, "").shown

    assert [(one.version.number, one.role) for one in shown] == [
        (1, "live"),
        (2, "candidate"),
    ]
