"""Bring your own table, by plain forms: guessed, corrected, made, answering."""

from datetime import timedelta
from io import BytesIO
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from registry.models import Draft, Membership, Project
from serving.models import Rollout
from tests.bring import (
    columns_form,
    csv,
    newcomer,
    step,
    take,
    target_form,
    to_baseline,
)
from tests.pages import text
from tests.small_tables import make_rows, truth_of
from tests.test_create_project import HEADER, deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def nina() -> Client:
    return newcomer()


def test_a_table_of_one_row_is_told_as_one(nina: Client) -> None:
    draft = take(nina, csv(deliveries(1)))

    assert "1 row<" in text(nina.get("/new"))
    assert "</span>, 1 row, " in text(nina.get(f"/new/{draft.pk}/target"))


def test_a_table_of_hundreds_of_columns_is_one_form(nina: Client) -> None:
    names = ",".join(f"sensor {number}" for number in range(500))
    lines = [f"{line}{',1' * 500}" for line in deliveries(60)]
    draft = take(nina, csv(lines, header=f"{HEADER},{names}"))
    step(nina, draft, "target", **target_form())
    form = columns_form(nina, draft)
    form |= {f"required-{place}": "on" for place in range(len(names.split(",")))}
    assert len(form) > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    answer = nina.post(
        f"/new/{draft.pk}/columns",
        urlencode(form),  # as browsers send it
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 302


def test_a_table_becomes_a_project_whose_baseline_answers(nina: Client) -> None:
    draft = take(nina, csv(deliveries(300)))

    page = text(nina.get(f"/new/{draft.pk}", follow=True))
    assert "late-orders.csv" in page
    assert '<option value="late" selected>' in page
    assert 'value="Late orders"' in page
    to_baseline(nina, draft)
    made = step(nina, draft, "baseline", kind="majority")

    assert made.headers["Location"] == "/p/late-orders/start"
    project = Project.objects.get(slug="late-orders")
    assert (project.name, project.task) == ("Late orders", "binary")
    assert [f["name"] for f in project.fields] == ["distance", "weather", "hour"]
    assert Membership.objects.get(project=project).role == "admin"
    assert Rollout.objects.get(project=project).live.algorithm == "majority"
    start = text(nina.get("/p/late-orders/start"))
    assert "It answers already" in start
    assert "/api/v1/projects/late-orders/predict" in start
    # The table itself waits no longer, and the draft leads to the project.
    again = nina.get(f"/new/{draft.pk}")
    assert again.headers["Location"] == "/p/late-orders/start"
    assert Draft.objects.get(pk=draft.pk).uri == ""


def test_a_day_is_asked_about_and_not_predicted(nina: Client) -> None:
    """The last column is the likely target, but for days."""
    sold = [f"{row % 6},{row % 9},2026-03-{row % 9 + 1:02}" for row in range(60)]
    draft = take(nina, csv(sold, header="rooms,floor,sold_on"))

    page = text(nina.get(f"/new/{draft.pk}/target"))

    assert '<option value="floor" selected>' in page


@pytest.mark.parametrize(
    ("row", "header", "guessed"),
    [
        ("2026-03-{day:02},{number}", "day,revenue", "revenue"),
        ("{number},2026-03-{day:02}", "revenue,day", "revenue"),
        ("2026-03-{day:02},2026-04-{day:02}", "sent,arrived", "sent"),
    ],
)
def test_a_day_is_the_guess_only_where_nothing_else_is_there(
    nina: Client, row: str, header: str, guessed: str
) -> None:
    """A whole number that differs in every row is taken for an identifier, and is still
    likelier to be predicted than a day."""
    rows = [row.format(day=n % 9 + 1, number=1000 + 7 * n) for n in range(60)]
    draft = take(nina, csv(rows, header=header))

    page = text(nina.get(f"/new/{draft.pk}/target"))

    assert f'<option value="{guessed}" selected>' in page


def test_a_value_in_every_row_is_told_as_the_table_has_it(nina: Client) -> None:
    rows = [f"{row % 7},1,{'yn'[row % 2]}" for row in range(60)]
    draft = take(nina, csv(rows, header="distance,always,late"))
    step(nina, draft, "target", **target_form())

    page = text(nina.get(f"/new/{draft.pk}/columns"))

    assert "Every row has the same value, 1." in page
    assert "nothing else" in page.split("always is a")[1].split("</tr>")[0]


def test_a_rule_says_which_columns_it_does_not_compare(nina: Client) -> None:
    days = [f"{row % 7},2026-03-{row % 9 + 1:02},{'yn'[row % 2]}" for row in range(60)]
    draft = take(nina, csv(days, header="distance,ordered_on,late"))
    to_baseline(nina, draft)

    page = text(nina.get(f"/new/{draft.pk}/baseline"))

    assert '<option value="distance">' in page.split('name="column"')[1]
    assert "Moments and images are not compared." in page


def test_everything_said_is_what_happens(nina: Client) -> None:
    draft = take(nina, csv(deliveries(300)))
    step(nina, draft, "target", **target_form(slug="parcels", group="order_id"))
    form = columns_form(
        nina, draft, use_hour="", kind_weather="categorical", required_distance="on"
    )
    step(nina, draft, "columns", **form)
    costs = {"costs": "matrix", "currency": "EUR", "action-0": "go", "action-1": "call"}
    costs |= {"cell-0-1": "2 × distance", "cell-1-0": "5", "cell-1-1": "5"}
    value = costs | {"positive_class": "yes", "horizon_days": "2"}
    step(nina, draft, "value", **value, silence="negative")
    step(
        nina,
        draft,
        "baseline",
        kind="rule",
        column="distance",
        operator=">=",
        value="9,5",
        then="yes",
    )

    project = Project.objects.get(slug="parcels")
    assert [(f["name"], f.get("required", False)) for f in project.fields] == [
        ("distance", True),
        ("weather", False),
    ]
    assert project.entity == [project.group_column] == ["order_id"]
    assert project.horizon == timedelta(days=2)
    assert (project.silence, project.primary_metric) == ("negative", "cost")
    assert project.costs["matrix"]["go"]["yes"] == {"field": "distance", "times": 2}
    live = Rollout.objects.get(project=project).live
    assert live.name == "distance >= 9.5"
    assert live.params["then"] == "yes"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_task_gets_its_baseline(nina: Client, task: str) -> None:
    frame = make_rows(300)
    file = BytesIO(
        frame.assign(outcome=truth_of(frame, task)).to_csv(index=False).encode()
    )
    file.name = "houses.csv"
    draft = take(nina, file)
    to_baseline(nina, draft, target="outcome", slug="houses", time="built")

    step(nina, draft, "baseline", kind="group_mean", group="colour")

    project = Project.objects.get(slug="houses")
    assert project.task == task
    assert project.datasets.get().split.kind == "time"
    assert Rollout.objects.get(project=project).live.name == "mean by colour"


def test_the_rest_can_be_skipped(nina: Client) -> None:
    draft = take(nina, csv(deliveries(200)))
    step(nina, draft, "target", **target_form())

    made = step(nina, draft, "columns", **columns_form(nina, draft), do="create")

    assert made.headers["Location"] == "/p/late-orders/start"


def test_silence_names_no_class_that_may_be_chosen_below(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    step(nina, draft, "target", **target_form())
    step(nina, draft, "columns", **columns_form(nina, draft))

    page = text(nina.get(f"/new/{draft.pk}/value"))

    assert "then it was the other class" in page


# The first page of a project


def test_the_start_page_starts_a_run_makes_a_key_and_asks(nina: Client) -> None:
    draft = take(nina, csv(deliveries(200)))
    to_baseline(nina, draft)
    step(nina, draft, "baseline", kind="majority")
    start = "/p/late-orders/start"

    keyed = nina.post(start, {"do": "key"})
    key = keyed.context["new_key"]
    assert key in text(keyed)
    assert key not in text(nina.get(start))
    asked = nina.post(start, {"do": "ask"})
    assert asked.context["status"] == 200
    assert "feedback_token" in text(asked)
    begun = nina.post(start, {"do": "run", "budget": "15"}, follow=True)
    assert "Watch it closely" in text(begun)
    assert Project.objects.get().runs.get().trigger == "create_project"
    second = nina.post(start, {"do": "run", "budget": "15"}, follow=True)
    assert 'data-state="bad"' in text(second)
