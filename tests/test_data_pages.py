"""The data pages: what is in, what is wrong with it, and nothing that is sealed."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import Project
from tests.factories import make_dataset, make_frame, make_version, sign_in
from tests.full_project import make_project_with_people
from tests.pages import text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


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


def test_a_finding_leads_to_its_own_column_whatever_its_letters(
    churn: Project,
) -> None:
    make_dataset(churn, frame=make_frame().assign(年齢="x", 顧客="y"))

    page = sign_in("Vera").get("/p/churn/data").content.decode()

    for name in ("年齢", "顧客"):
        link = re.search(rf'href="#(column-\d+)"><strong>{name}<', page)
        assert link
        row = re.findall(rf'<tr id="{link[1]}">(.+?)</tr>', page, re.DOTALL)
        assert len(row) == 1
        assert name in row[0]


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
