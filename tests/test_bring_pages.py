"""Bring your own table, by plain forms: guessed, corrected, made, answering; what is
wrong is told where it is, and nothing half is left behind."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from mlsystem import bring, tasks  # noqa: F401  # registers the tasks
from registry import drafts, jobs, storage
from registry import tasks as registry_tasks  # noqa: F401
from registry.clock import now
from registry.models import Draft, Job, Membership, Project, User
from serving.models import Rollout
from tests.small_tables import make_rows, truth_of
from tests.test_create_project import HEADER, deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def nina() -> Client:
    """Somebody new, who may create projects."""
    user = User.objects.create(username="Nina", may_create_projects=True)
    client = Client()
    client.force_login(user)
    return client


def text(response: Any) -> str:
    return response.content.decode()


def csv(lines: list[str], header: str = HEADER, name: str = "late-orders.csv") -> Any:
    file = BytesIO("\n".join([header, *lines, ""]).encode())
    file.name = name
    return file


def take(client: Client, file: Any) -> Draft:
    """Upload a file; its draft."""
    answer = client.post("/new", {"file": file})
    assert answer.status_code == 302, text(answer)
    return Draft.objects.get(pk=answer.headers["Location"].rsplit("/", 1)[-1])


def step(client: Client, draft: Draft, place: str, /, **form: Any) -> HttpResponse:
    return client.post(f"/new/{draft.pk}/{place}", form)


def target_form(**changes: str) -> dict[str, str]:
    given = {"target": "late", "task": "", "name": "Late orders", "slug": ""}
    return given | {"time": "", "group": ""} | changes


def columns_form(client: Client, draft: Draft, **changes: str) -> dict[str, str]:
    """What the page's form holds, with `use-distance=""` and the like."""
    form = {}
    rows = client.get(f"/new/{draft.pk}/columns").context["rows"]
    for row in rows:
        form |= {f"kind-{row['place']}": row["kind"]}
        form |= {f"use-{row['place']}": "on"} if row["use"] else {}
        form |= {f"required-{row['place']}": "on"} if row["required"] else {}
    places = {row["name"]: row["place"] for row in rows}
    for key, value in changes.items():
        what, _, name = key.partition("_")
        form[f"{what}-{places[name]}"] = value
    return {key: value for key, value in form.items() if value}


def to_baseline(client: Client, draft: Draft, **target: str) -> None:
    """Through the first three steps with what was guessed."""
    step(client, draft, "target", **target_form(**target))
    step(client, draft, "columns", **columns_form(client, draft))
    step(client, draft, "value", costs="none", silence="unknown")


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


# A draft is patient


def test_a_draft_survives_reload_back_and_a_later_change(nina: Client) -> None:
    draft = take(nina, csv(deliveries(200)))
    to_baseline(nina, draft)

    assert nina.get(f"/new/{draft.pk}").headers["Location"].endswith("/baseline")
    assert "Late orders" in text(nina.get(f"/new/{draft.pk}/target"))
    assert str(draft.pk) in text(nina.get("/new"))
    # Another target asks again what stood on the first one.
    step(nina, draft, "target", **target_form(target="weather"))
    assert nina.get(f"/new/{draft.pk}").headers["Location"].endswith("/columns")
    # No step can be reached before those it stands on.
    assert (
        nina.get(f"/new/{draft.pk}/baseline").headers["Location"].endswith("/columns")
    )


def test_a_draft_is_ones_own(nina: Client) -> None:
    draft = take(nina, csv(deliveries(200)))
    other = User.objects.create(username="Olga", may_create_projects=True)
    olga = Client()
    olga.force_login(other)

    assert olga.get(f"/new/{draft.pk}").status_code == 404
    assert olga.get(f"/new/{draft.pk}/target").status_code == 404
    assert olga.post(f"/new/{draft.pk}").status_code == 404
    assert str(draft.pk) not in text(olga.get("/new"))


def test_only_who_may_create_projects_may_bring_a_table() -> None:
    sam = Client()
    sam.force_login(User.objects.create(username="Sam"))

    assert sam.get("/new").status_code == 403
    assert sam.post("/new", {"file": csv(deliveries(30))}).status_code == 403
    assert Client().get("/new").status_code == 302
    assert not Draft.objects.exists()


def test_a_draft_is_forgotten_with_its_table(nina: Client) -> None:
    draft, kept = take(nina, csv(deliveries(200))), take(nina, csv(deliveries(200)))
    nina.post(f"/new/{draft.pk}")

    assert list(Draft.objects.all()) == [kept]
    with pytest.raises(storage.ArtifactError):
        storage.local_copy(uri=draft.uri, sha256=draft.sha256)
    assert drafts.forget_old(now() + timedelta(days=6)) == 0
    assert drafts.forget_old(now() + timedelta(days=8)) == 1
    assert not Draft.objects.exists()


# What is wrong is told where it is


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty."),
        (b"a,b\n", "There are no rows."),
        ("name,late\nJosé,yes\n".encode("latin-1"), "Save the file as UTF-8"),
        (b"a,b\n1,2\n3,4,5\n6,7\n", "Row 2 has 3 values, not 2"),
        (b"a,a\n1,2\n", "Column a is there twice."),
        (b"PK\x03\x04 an Excel sheet", "save the sheet as CSV"),
        (b'a,b\n1,2\n"3,4\n5,6\n', "The row that starts in line"),
    ],
    ids=["empty", "no rows", "latin 1", "odd row", "twice", "excel", "open quote"],
)
def test_a_broken_file_says_where_and_how_to_mend_it(
    nina: Client, content: bytes, says: str
) -> None:
    file = BytesIO(content)
    file.name = "mine.xlsx" if content.startswith(b"PK") else "mine.csv"

    page = nina.post("/new", {"file": file})

    assert page.status_code == 400
    assert says in text(page).replace("&#x27;", "'")
    assert 'role="alert"' in text(page)
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([line.rsplit(",", 1)[0] + ",no" for line in deliveries(100)], "late is no in every row"),
        ([line.rsplit(",", 1)[0] + "," for line in deliveries(100)], "0 rows have a value of late"),
        (deliveries(2), "2 rows have a value of late: at least 20 are needed"),
        ([f"{line},c{i}" for i, line in enumerate(deliveries(99))], "99 classes in 99 rows"),
    ],
    ids=["one class", "all missing", "two rows", "an identifier"],
)  # fmt: skip
def test_a_target_that_cannot_be_predicted_says_so(
    nina: Client, lines: list[str], says: str
) -> None:
    identifier = "99" in says
    draft = take(nina, csv(lines, f"{HEADER},id" if identifier else HEADER))

    form = target_form(target="id" if identifier else "late", name="My name for it")
    page = step(nina, draft, "target", **form)

    assert page.status_code == 400
    assert says in text(page)
    assert 'value="My name for it"' in text(page)
    assert not Project.objects.exists()


def test_a_table_of_one_column_cannot_be_learnt_from(nina: Client) -> None:
    lines = [line.replace(",", "~") for line in deliveries(60)]
    draft = take(nina, csv(lines, HEADER.replace(",", "~")))

    page = step(nina, draft, "target", **target_form(target=HEADER.replace(",", "~")))
    assert page.status_code == 400
    assert not Project.objects.exists()


def test_ten_thousand_categories_come_with_a_warning(nina: Client) -> None:
    lines = [f"{line},street {i}" for i, line in enumerate(deliveries(10_000))]
    draft = take(nina, csv(lines, f"{HEADER},street"))
    step(nina, draft, "target", **target_form())

    rows = nina.get(f"/new/{draft.pk}/columns").context["rows"]

    street = next(row for row in rows if row["name"] == "street")
    assert not street["use"]
    assert "identifier" in street["finding"]["text"]


def test_a_column_that_tells_the_target_alone_is_pointed_at(nina: Client) -> None:
    lines = [f"{line},{line[-2:].upper()}" for line in deliveries(200)]
    draft = take(nina, csv(lines, f"{HEADER},written_later"))
    step(nina, draft, "target", **target_form())

    page = nina.get(f"/new/{draft.pk}/columns")

    pointed = [
        row["name"]
        for row in page.context["rows"]
        if row["finding"].get("level") == "error"
    ]
    assert pointed == ["written_later"]
    assert "It alone tells 100.0% of the target." in text(page)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind_weather": "numeric"}, "values are not numeric (row 1, 2"),
        ({"kind_weather": "nonsense"}, "Choose one of"),
        (
            {"use_distance": "", "use_weather": "", "use_hour": ""},
            "No column is left to predict from",
        ),
    ],
)
def test_columns_that_cannot_be_are_told_beside_them(
    nina: Client, changes: dict[str, str], says: str
) -> None:
    draft = take(nina, csv(deliveries(100)))
    step(nina, draft, "target", **target_form())

    page = step(nina, draft, "columns", **columns_form(nina, draft, **changes))

    assert page.status_code == 400
    assert says in text(page)


def test_a_column_with_holes_cannot_be_required(nina: Client) -> None:
    lines = [line.replace("snow", "") for line in deliveries(100)]
    draft = take(nina, csv(lines))
    step(nina, draft, "target", **target_form())

    form = columns_form(nina, draft, required_weather="on")
    page = step(nina, draft, "columns", **form)

    assert page.status_code == 400
    assert "rows have no value: it cannot be required" in text(page)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"kind": "rule", "column": "distance", "value": "far"}, "write one"),
        ({"kind": "rule", "column": "weather", "value": "snow"}, "holds no numbers"),
        ({"kind": "rule", "column": "distance", "value": ""}, "Write the value"),
        ({"kind": "magic"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_cannot_be_keeps_what_was_typed(
    nina: Client, form: dict[str, str], says: str
) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)

    page = step(nina, draft, "baseline", **({"operator": "<", "then": "yes"} | form))

    assert page.status_code == 400
    assert says in text(page)
    assert not Project.objects.exists()


def test_a_name_that_is_taken_meanwhile_leads_back(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    Project.objects.create(
        slug="late-orders", name="First", task="regression", target="x"
    )

    answer = step(nina, draft, "baseline", kind="majority")

    assert answer.headers["Location"].endswith("/target")
    assert "There is a project late-orders already." in text(
        nina.get(answer.headers["Location"])
    )
    assert Project.objects.count() == 1
    draft.refresh_from_db()
    assert draft.state == "ready"


def test_when_the_baseline_fails_no_project_is_left(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.errors import InvalidInput

    def refuse(**_: Any) -> None:
        raise InvalidInput("This baseline cannot be: the moon is full.")

    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring.baselines, "open_if_missing", refuse)

    answer = nina.post(f"/new/{draft.pk}/baseline", {"kind": "majority"}, follow=True)

    assert "the moon is full" in text(answer)
    assert "nothing was left behind" in text(answer)
    assert not Project.objects.exists()
    monkeypatch.undo()
    assert step(nina, draft, "baseline", kind="majority").status_code == 302
    assert Project.objects.get().slug == "late-orders"


def interrupted(draft: Draft, *, minutes: int = 11) -> None:
    """As a killed process leaves a draft behind."""
    ago = now() - timedelta(minutes=minutes)
    Draft.objects.filter(pk=draft.pk).update(
        state=Draft.State.CREATING, project=None, updated_at=ago
    )


@pytest.mark.faults
def test_a_draft_whose_making_was_interrupted_can_be_tried_again(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    interrupted(draft, minutes=1)
    assert "Making the project" in text(nina.get(f"/new/{draft.pk}"))
    interrupted(draft)

    page = text(nina.get(f"/new/{draft.pk}", follow=True))

    assert "was interrupted" in page
    step(nina, draft, "baseline", kind="majority")
    assert Project.objects.get().slug == "late-orders"


@pytest.mark.faults
def test_a_project_made_by_an_interrupted_attempt_is_adopted(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    step(nina, draft, "baseline", kind="majority")
    interrupted(draft)

    answer = nina.get(f"/new/{draft.pk}")

    assert answer.headers["Location"] == "/p/late-orders/start"
    assert Project.objects.count() == 1


def test_a_draft_whose_job_is_out_of_attempts_can_be_tried_again(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring, "AT_ONCE", 10)
    step(nina, draft, "baseline", kind="majority")
    Job.objects.filter(task=bring.TASK).update(state=Job.State.FAILED)

    page = text(nina.get(f"/new/{draft.pk}", follow=True))

    assert "was interrupted" in page
    assert Draft.objects.get(pk=draft.pk).state == "ready"


def test_a_forgotten_table_leaves_no_upload(
    nina: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 100)
    draft = take(nina, csv(deliveries(200)))
    uploaded = Path(settings.ARTIFACTS_URL.removeprefix("file://"))
    uploaded /= Job.objects.get(task=drafts.TASK).args["uri"]
    assert uploaded.exists()

    nina.post(f"/new/{draft.pk}")

    assert not uploaded.exists()


def test_silence_names_no_class_that_may_be_chosen_below(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    step(nina, draft, "target", **target_form())
    step(nina, draft, "columns", **columns_form(nina, draft))

    page = text(nina.get(f"/new/{draft.pk}/value"))

    assert "then it was the other class" in page


# Large tables, and sources, in the background


def test_a_large_table_is_read_and_made_behind_pages_that_show_progress(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 100)
    monkeypatch.setattr(bring, "AT_ONCE", 100)
    draft = take(nina, csv(deliveries(200)))
    assert "Reading the table" in text(nina.get(f"/new/{draft.pk}"))
    jobs.work_here(Job.objects.get(task=drafts.TASK))
    to_baseline(nina, draft)

    waiting = step(nina, draft, "baseline", kind="majority")
    assert waiting.headers["Location"] == f"/new/{draft.pk}"
    assert "Making the project" in text(nina.get(f"/new/{draft.pk}"))
    assert step(nina, draft, "baseline", kind="majority").status_code == 302  # twice
    jobs.work_here(Job.objects.get(task=bring.TASK))

    assert nina.get(f"/new/{draft.pk}").headers["Location"] == "/p/late-orders/start"


def test_a_large_table_that_is_broken_says_so(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 10)
    draft = take(nina, csv([*deliveries(30), "x,1"]))
    jobs.work_here(Job.objects.get(task=drafts.TASK))

    page = text(nina.get(f"/new/{draft.pk}"))

    assert "Row 31 has 2 values, not 5" in page
    assert 'role="alert"' in page


def test_a_table_of_a_source_becomes_a_project(
    nina: Client, tmp_path: Path, settings: Any
) -> None:
    import sqlite3

    database = sqlite3.connect(tmp_path / "shop.db")
    database.execute("create table orders (order_id, distance, weather, hour, late)")
    rows = [line.split(",") for line in deliveries(120)]
    database.executemany("insert into orders values (?, ?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    settings.SOURCES = {"shop": f"sqlite:///{tmp_path}/shop.db"}

    assert "shop" in text(nina.get("/new"))
    assert "orders" in text(nina.get("/new/source/shop"))
    assert nina.post("/new/source/shop", {"table": "secrets"}).status_code == 400
    answer = nina.post("/new/source/shop", {"table": "orders"})
    draft = Draft.objects.get()
    assert answer.headers["Location"] == f"/new/{draft.pk}"
    jobs.work_here(Job.objects.get(task=drafts.TASK))
    to_baseline(nina, draft)
    step(nina, draft, "baseline", kind="majority")

    lineage = Project.objects.get().datasets.get().lineage
    assert (lineage["source"], lineage["table"]) == ("shop", "orders")


def test_a_file_of_a_folder_is_offered_and_one_outside_is_not(
    nina: Client, tmp_path: Path, settings: Any
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "orders.csv").write_text("\n".join([HEADER, *deliveries(60)]))
    (folder / "notes.pdf").write_text("no table")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    settings.SOURCES = {"files": f"file://{folder}"}

    page = nina.get("/new/source/files")

    assert page.context["tables"] == ["orders.csv"]
    outside = nina.post("/new/source/files", {"table": "../secret.csv"})
    assert outside.status_code == 400
    assert nina.get("/new/source/nothing").status_code == 404


@pytest.mark.faults
def test_a_source_that_is_down_says_so(nina: Client, settings: Any) -> None:
    settings.SOURCES = {"shop": "sqlite:////nowhere/shop.db"}

    page = nina.get("/new/source/shop")

    assert page.status_code == 400
    assert "its database is not there" in text(page)


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
