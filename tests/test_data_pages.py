"""The data pages: what is in, what is wrong, what changed, and nothing that is sealed."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.middleware.csrf import get_token
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mlsystem import ticks
from registry import differences, imports, intake, jobs, tasks  # noqa: F401
from registry.clock import now
from registry.models import Dataset, Job, Project, User
from tests.factories import (
    make_dataset,
    make_frame,
    make_project,
    make_user,
    make_version,
)
from tests.full_project import make_people
from tests.refused import shown

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


FORM = "application/x-www-form-urlencoded"


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


def test_old_datasets_are_read_page_by_page(churn: Project) -> None:
    first = make_dataset(churn)
    split = first.split
    for number in range(2, 121):
        first.pk, first.number = None, number
        first.save(force_insert=True)
        split.pk, split.dataset = None, first
        split.save(force_insert=True)
    vera, address, seen = sign_in("Vera"), "/p/churn/data", []
    while address:
        page = vera.get(address)
        seen += [row.number for row in page.context["datasets"]]
        assert page.context["dataset"].number == 120  # the newest, on every page
        assert page.context["is_newest"]
        address = page.context["next"]
    assert seen == list(range(120, 0, -1))
    assert "The newest" in text(page)
    one = vera.get("/p/churn/data/3")
    assert (one.context["dataset"].number, one.context["is_newest"]) == (3, False)


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


def die(job: Job) -> None:
    """Its worker is killed in every attempt, the last one too."""
    for _ in range(job.max_attempts):
        assert jobs.claim(job.pk, now=now())
        Job.objects.filter(pk=job.pk).update(lease_until=now() - timedelta(minutes=1))
    assert jobs.claim(job.pk, now=now()) is None


@pytest.mark.faults
def test_an_import_whose_worker_died_is_told_and_tried_again(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame()))
    died = Job.objects.get(task=intake.TASK)
    die(died)
    address = f"/p/churn/data/imports/{died.pk}"

    for page in (owen.get("/p/churn/data"), owen.get(address)):
        assert "did not get to its end; nothing was imported." in text(page)
        assert "Its worker died in the last attempt." in text(page)
        assert "Try again" in text(page)
    assert "did not get to its end" not in text(sign_in("Vera").get("/p/churn/data"))
    ticks.clean()
    assert is_stored(died)  # it may be needed

    retried = owen.post(address, {"do": "again"})
    twice = owen.post(address, {"do": "again"}, follow=True)

    assert "tried again already" in text(twice)
    job = Job.objects.exclude(pk=died.pk).get(task=intake.TASK)
    assert retried.headers["Location"].endswith(str(job.pk))
    assert "did not get to its end" not in text(owen.get("/p/churn/data"))
    ticks.clean()
    assert is_stored(job)
    jobs.work_here(job)
    assert Dataset.objects.get().rows == 120
    assert not is_stored(job)


def test_the_file_of_an_import_that_broke_off_is_deleted_after_a_week(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    for _ in range(2):
        upload(sign_in("Owen"), csv_of(make_frame()))
    died, stopped = Job.objects.filter(task=intake.TASK).order_by("created_at")
    die(died)
    jobs.cancel(job=stopped)  # by an operator, who knows nothing of its file

    imports.forget_files(now())
    assert (is_stored(died), is_stored(stopped)) == (True, False)
    imports.forget_files(now() + timedelta(days=8))

    assert not is_stored(died)
    answer = sign_in("Owen").post(
        f"/p/churn/data/imports/{died.pk}", {"do": "again"}, follow=True
    )
    assert "its file is gone" in text(answer)


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


def test_a_schema_of_many_columns_is_one_form(churn: Project) -> None:
    names = [f"sensor {number}" for number in range(400)]
    fields = [{"name": name, "kind": "numeric"} for name in names]
    Project.objects.update(fields=[*churn.fields, *fields])
    churn.refresh_from_db()

    form = schema_form(churn, **{"unit-400": "bar"})
    assert len(form) > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    answer = as_browsers_send(sign_in("Owen"), "/p/churn/data/schema", form)

    assert answer.status_code == 302
    churn.refresh_from_db()
    assert churn.fields[400]["unit"] == "bar"


def as_browsers_send(client: Client, address: str, form: dict[str, Any]) -> Any:
    """With the token of its page, and not as multipart."""
    client.handler.enforce_csrf_checks = True
    token = get_token(client.get("/password", follow=True).wsgi_request)
    body = urlencode(form | {"csrfmiddlewaretoken": token})
    return client.post(address, body, content_type=FORM)


@pytest.mark.parametrize(
    ("who", "address"),
    [
        (None, "/sign-in"),
        (None, "/p/churn/data/schema"),
        ("Vera", "/p/churn/data/schema"),  # a viewer
        ("Sam", "/p/churn/data/schema"),  # a stranger
        ("Owen", "/p/churn/settings"),  # another form
    ],
)
def test_a_form_of_thousands_of_fields_is_refused_before_it_is_read(
    churn: Project, who: str | None, address: str
) -> None:
    make_user("Sam")
    client = sign_in(who) if who else Client()
    answer = as_browsers_send(client, address, {f"f{i}": "" for i in range(1_001)})
    assert answer.status_code == 400
    assert "The form has too many fields." in text(answer)


def test_a_wide_form_needs_its_token_as_any_other(churn: Project) -> None:
    owen = sign_in("Owen")
    owen.handler.enforce_csrf_checks = True
    body = urlencode(schema_form(churn) | {f"f{i}": "" for i in range(1_001)})
    answer = owen.post("/p/churn/data/schema", body, content_type=FORM)
    assert answer.status_code == 403


def test_a_kind_that_the_rows_do_not_bear_out_is_refused(churn: Project) -> None:
    make_dataset(churn)

    page = sign_in("Owen").post(
        "/p/churn/data/schema", schema_form(churn, **{"kind-2": "numeric"})
    )

    assert page.status_code == 400
    assert "values are not numeric (row 1, 2" in shown(text(page)).says("kind-2")
    assert shown(text(page)).focused == ["kind-2"]
    churn.refresh_from_db()
    assert churn.fields[2]["kind"] == "categorical"


def test_two_edits_of_a_schema_do_not_overwrite_each_other(churn: Project) -> None:
    owen, form = sign_in("Owen"), schema_form(churn, **{"unit-0": "months"})
    late = form | {"unit-0": "years"}
    owen.post("/p/churn/data/schema", form)

    page = owen.post("/p/churn/data/schema", late)

    assert page.status_code == 412
    assert "Somebody changed this project" in text(page)
    assert "Owen (fields)" in text(page)
    assert "<strong>By now:</strong> integer, months</p>" in text(page)
    assert shown(text(page)).holds("unit-0", "years")
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
