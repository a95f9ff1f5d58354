"""What is wrong with a table that is brought is told where it is, with its cure."""

from io import BytesIO

import pytest
from django.test import Client

from registry.models import Draft, Project
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
from tests.refused import shown
from tests.test_create_project import HEADER, deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def nina() -> Client:
    return newcomer()


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


def test_a_table_of_one_column_is_asked_for_its_delimiter(nina: Client) -> None:
    lines = [line.replace(",", "^").rsplit("^", 2)[-1] for line in deliveries(60)]
    draft = take(
        nina, csv([f"{i // 30}^{line}" for i, line in enumerate(lines)], "a^late")
    )

    page = step(nina, draft, "target", **target_form(target="a^late"))

    assert page.status_code == 400
    says = shown(text(page)).says("target")
    assert "No column is left to predict a^late from" in says
    assert "is the delimiter a comma, semicolon, tab or |?" in says


def test_columns_that_all_say_what_when_or_who_leave_nothing_to_learn_from(
    nina: Client,
) -> None:
    lines = [
        f"2026-01-{1 + i % 28:02},{line[:6]},{line.rsplit(',')[-1]}"
        for i, line in enumerate(deliveries(60))
    ]
    draft = take(nina, csv(lines, "day,who,late"))

    form = target_form(time="day", group="who")
    page = step(nina, draft, "target", **form)

    assert page.status_code == 400
    assert (
        "No column is left to predict late from. Its columns: day, who, late."
        in text(page)
    )


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
    assert "It alone tells 100.0\xa0% of the target." in text(page)


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
        ({"kind": "rule", "column": "distance", "value": "nan"}, "write one"),
        (
            {"kind": "rule", "column": "insured", "operator": "==", "value": "maybe"},
            "insured is yes or no: write one of the two",
        ),
        (
            {"kind": "rule", "column": "ordered", "value": "2026-01-01"},
            "ordered is not one of the available choices",
        ),
        ({"kind": "rule", "column": "weather", "value": "snow"}, "holds no numbers"),
        ({"kind": "rule", "column": "distance", "value": ""}, "Write the value"),
        ({"kind": "magic"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_cannot_be_keeps_what_was_typed(
    nina: Client, form: dict[str, str], says: str
) -> None:
    lines = [
        f"2026-01-{1 + i % 28:02},{('yes', 'no')[i // 3 % 2]},{line}"
        for i, line in enumerate(deliveries(100))
    ]
    draft = take(nina, csv(lines, f"ordered,insured,{HEADER}"))
    to_baseline(nina, draft)

    page = step(nina, draft, "baseline", **({"operator": "<", "then": "yes"} | form))

    assert page.status_code == 400
    assert says in text(page)
    assert not Project.objects.exists()
