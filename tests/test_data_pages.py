"""The data pages: what is in, what is wrong, what changed, and nothing that is sealed."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry import differences, intake, jobs, tasks  # noqa: F401
from registry.models import Dataset, Job, Project, User
from tests.factories import make_dataset, make_frame, make_project, make_version
from tests.full_project import make_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    project = make_project()
    make_people(project)
    return project


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def text(response: Any) -> str:
    return response.content.decode()


def csv_of(frame: Any, name: str = "march.csv") -> BytesIO:
    file = BytesIO(frame.to_csv(index=False).encode())
    file.name = name
    return file


def upload(client: Client, file: BytesIO, **form: str) -> Any:
    return client.post("/p/churn/data/new", {"file": file, **form}, follow=True)


def test_a_new_dataset_is_imported_and_told_apart_from_the_last(
    churn: Project,
) -> None:
    make_dataset(churn)
    frame = make_frame(200)
    frame["contract"] = "Two year"
    frame["tenure"] += 40

    page = upload(sign_in("Owen"), csv_of(frame), name="March")

    told = text(page)
    assert page.redirect_chain == [("/p/churn/data/2", 302)]
    assert churn.datasets.first().name == "March"
    assert "80 rows more: 120 before, 200 now." in told
    assert "“Two year” in 100 % of the rows, " in told
    assert "Its values are higher" in told


def test_a_dataset_like_the_last_says_so(churn: Project) -> None:
    make_dataset(churn)

    page = upload(sign_in("Owen"), csv_of(make_frame(121)))

    assert "The columns are distributed as before." in text(page)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tenure": "long"}, "values are not integer (row 1, 2, 3"),
        ({"churn": "Maybe"}, "Classes this project does not know: Maybe"),
        ({"monthly_charges": None}, "Required, yet missing"),
        ({"churn": "Yes"}, "nothing to learn"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(
    churn: Project, changes: dict[str, Any], says: str
) -> None:
    frame = make_frame().astype(object).assign(**changes)

    page = upload(sign_in("Owen"), csv_of(frame), name="My name for it")

    assert page.status_code == 400
    assert says in text(page)
    assert "nothing was imported" in text(page)
    assert 'value="My name for it"' in text(page)
    assert not Dataset.objects.exists()


def test_a_missing_column_and_a_missing_file_are_named(churn: Project) -> None:
    owen = sign_in("Owen")

    lacking = upload(owen, csv_of(make_frame().drop(columns="tenure")))
    nothing = owen.post("/p/churn/data/new", {"name": "x"})

    assert "The table has no column tenure" in text(lacking)
    assert "Choose a file." in text(nothing)
    assert nothing.status_code == 400


def test_a_large_file_is_imported_behind_a_page_that_shows_progress(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")

    waiting = upload(owen, csv_of(make_frame()))
    job = Job.objects.get(task=intake.TASK)
    address = f"/p/churn/data/imports/{job.pk}"
    assert waiting.redirect_chain == [(address, 302)]
    assert "<progress" in text(waiting)
    jobs.work_here(job)

    assert owen.get(address).headers["Location"] == "/p/churn/data/1"


def test_a_large_file_that_is_wrong_says_so_on_its_page(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame().astype(object).assign(tenure="long")))
    job = jobs.work_here(Job.objects.get(task=intake.TASK))

    page = text(owen.get(f"/p/churn/data/imports/{job.pk}"))

    assert "values are not integer (row 1, 2, 3" in page
    assert not Dataset.objects.exists()
    assert not is_stored(job)


def is_stored(job: Job) -> bool:
    """Whether the uploaded file of a job is still there."""
    found = Path(settings.ARTIFACTS_URL.removeprefix("file://")) / job.args["uri"]
    return found.exists()


def test_an_import_can_be_cancelled(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame()))
    job = Job.objects.get(task=intake.TASK)

    page = owen.post(f"/p/churn/data/imports/{job.pk}", follow=True)

    assert "nothing was kept" in text(page)
    assert Job.objects.get(pk=job.pk).state == "cancelled"


def test_the_list_of_datasets_reads_their_models_by_number_alone(
    churn: Project,
) -> None:
    make_version(churn, dataset=make_dataset(churn))

    with CaptureQueriesContext(connection) as asked:
        page = text(sign_in("Vera").get("/p/churn/data"))

    assert 'href="/p/churn/models/1"' in page
    assert not any('"golden"' in one["sql"] for one in asked)


def test_findings_come_with_a_cure_and_columns_lead_to_their_drift(
    churn: Project,
) -> None:
    frame = make_frame().assign(same="x")
    make_dataset(churn, frame=frame)

    page = text(sign_in("Vera").get("/p/churn/data"))

    assert "Every row has the same value, x." in page
    assert "what never differs tells nothing" in page
    assert "/p/churn/monitor?feature=tenure" in page
    assert '<svg class="bars"' in page
    assert "/data/1/rows" not in page  # single rows are for owners


def test_rows_are_those_that_learn_and_choose(churn: Project) -> None:
    dataset = make_dataset(churn, frame=make_frame(400))
    owen, seen = sign_in("Owen"), set[int]()
    address = "/p/churn/data/1/rows"

    for part in ("training", "validation"):
        page = owen.get(f"{address}?part={part}")
        while True:
            seen |= {row["row"] for row in page.context["rows"]}
            assert {row["part"] for row in page.context["rows"]} == {part}
            if not page.context["next"]:
                break
            page = owen.get(f"{address}{page.context['next']}")

    counts = dataset.split.counts
    assert len(seen) == counts["training"] + counts["validation"]
    asked_for_test = owen.get(f"{address}?part=test").context["rows"]
    assert {row["part"] for row in asked_for_test} == {"training"}


@pytest.mark.parametrize(
    ("column", "value", "holds"),
    [
        ("contract", "One year", "One year"),
        ("paperless", "true", True),
        ("tenure", "7", 7),
        ("churn", "Yes", "Yes"),
    ],
)
def test_rows_with_one_value_are_found(
    churn: Project, column: str, value: str, holds: Any
) -> None:
    make_dataset(churn)

    page = sign_in("Owen").get(
        "/p/churn/data/1/rows", {"column": column, "value": value}
    )

    found = page.context["rows"]
    assert found
    assert {row["values"][column] for row in found} == {holds}


@pytest.mark.parametrize(
    "query", ["column=nothing&value=x", "column=tenure&value=long", "after=²", "part=x"]
)
def test_odd_questions_for_rows_break_nothing(churn: Project, query: str) -> None:
    make_dataset(churn)
    assert sign_in("Owen").get(f"/p/churn/data/1/rows?{query}").status_code == 200


def test_an_older_dataset_says_so_and_one_that_is_not_is_not_found(
    churn: Project,
) -> None:
    make_dataset(churn)
    make_dataset(churn, frame=make_frame(130))
    vera = sign_in("Vera")

    assert "This is an older version." in text(vera.get("/p/churn/data/1"))
    assert "This is an older version." not in text(vera.get("/p/churn/data/2"))
    assert vera.get("/p/churn/data/9").status_code == 404


# The schema


def schema_form(project: Project, **changes: Any) -> dict[str, Any]:
    """The editor's fields as its page holds them."""
    form: dict[str, Any] = {"revision": project.revision}
    for number, field in enumerate(project.fields):
        form |= {f"use-{number}": "on", f"kind-{number}": field["kind"]}
        form[f"name-{number}"] = field["name"]
    return {name: value for name, value in (form | changes).items() if value != ""}


def test_the_owner_edits_the_schema(churn: Project) -> None:
    make_dataset(churn)
    form = schema_form(
        churn,
        **{"required-0": "on", "maximum-0": "120", "unit-0": "months", "use-3": ""},
    )

    page = sign_in("Owen").post("/p/churn/data/schema", form, follow=True)

    assert "The schema is changed." in text(page)
    churn.refresh_from_db()
    assert churn.fields[0] == {
        "name": "tenure",
        "kind": "integer",
        "required": True,
        "unit": "months",
        "maximum": 120,
    }
    assert [field["name"] for field in churn.fields] == [
        "tenure",
        "monthly_charges",
        "contract",
    ]
    assert churn.fields[2]["categories"]


def test_a_kind_that_the_rows_do_not_bear_out_is_refused(churn: Project) -> None:
    make_dataset(churn)

    page = sign_in("Owen").post(
        "/p/churn/data/schema", schema_form(churn, **{"kind-2": "numeric"})
    )

    assert page.status_code == 400
    assert "values are not numeric (row 1, 2" in text(page)
    churn.refresh_from_db()
    assert churn.fields[2]["kind"] == "categorical"


def test_two_edits_of_a_schema_do_not_overwrite_each_other(churn: Project) -> None:
    owen, form = sign_in("Owen"), schema_form(churn, **{"unit-0": "months"})
    late = form | {"unit-0": "years"}
    owen.post("/p/churn/data/schema", form)

    page = owen.post("/p/churn/data/schema", late)

    assert "Somebody changed this project" in text(page)
    assert 'value="years"' in text(page)
    churn.refresh_from_db()
    assert churn.fields[0]["unit"] == "months"


def test_a_column_that_was_left_out_can_come_in(churn: Project) -> None:
    make_dataset(churn, frame=make_frame().assign(region=["north", "south"] * 60))

    form = schema_form(
        churn, **{"name-4": "region", "use-4": "on", "kind-4": "categorical"}
    )
    sign_in("Owen").post("/p/churn/data/schema", form)

    churn.refresh_from_db()
    assert churn.fields[4]["name"] == "region"
    assert churn.fields[4]["categories"] == ["north", "south"]


def test_what_was_typed_stays_with_its_field_when_rows_move(churn: Project) -> None:
    form = schema_form(churn, **{"unit-0": "months", "maximum-1": "900"})
    churn.fields = churn.fields[::-1]
    churn.save()

    sign_in("Owen").post("/p/churn/data/schema", form)

    churn.refresh_from_db()
    said = {field["name"]: field for field in churn.fields}
    assert said["tenure"]["unit"] == "months"
    assert said["monthly_charges"]["maximum"] == 900
    assert [name for name, field in said.items() if "unit" in field] == ["tenure"]


def test_a_number_that_becomes_a_category_keeps_every_value(churn: Project) -> None:
    make_dataset(churn, frame=make_frame(400).assign(tenure=[*range(40)] * 10))

    form = schema_form(churn, **{"kind-0": "categorical"})
    page = sign_in("Owen").post("/p/churn/data/schema", form, follow=True)

    assert "The schema is changed." in text(page)
    churn.refresh_from_db()
    assert len(churn.fields[0]["categories"]) == 40


def test_viewers_read_the_schema_and_cannot_write_it(churn: Project) -> None:
    vera = sign_in("Vera")

    assert "monthly_charges" in text(vera.get("/p/churn/data/schema"))
    assert "Save the schema" not in text(vera.get("/p/churn/data/schema"))
    assert vera.post("/p/churn/data/schema", {}).status_code == 403
    assert vera.get("/p/churn/data/new").status_code == 403


def test_a_difference_of_one_point_is_no_difference() -> None:
    column = {"name": "x", "kind": "categorical"}
    before = {"n": 100, "missing": 0, "top": [["a", 50], ["b", 50]], "other": 0}
    now = {"n": 100, "missing": 1, "top": [["a", 51], ["b", 49]], "other": 0}

    told = differences.of_datasets(
        rows=(100, 100),
        columns=([column], [column]),
        profiles=({"x": before}, {"x": now}),
    )

    assert [one.text for one in told] == ["As many rows as before: 100."]
