"""Pages by keyset: together they are the list, in order, each row once."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from registry.errors import InvalidInput
from registry.models import Source
from registry.web import keyset
from tests.factories import make_project

ORDERS = ["id", "-id", ("table", "id"), ("table", "-id"), ("-table", "id")]


def walk(order: Any, limit: int) -> list[Source]:
    """All pages, as a client follows them."""
    address, rows = f"/list?limit={limit}&on=true", []
    while address:
        page = keyset.page(
            Source.objects.all(), RequestFactory().get(address), order=order
        )
        assert len(page["results"]) <= limit
        rows += page["results"]
        address = page["next"]
        if address:
            assert parse_qs(urlsplit(address).query)["on"] == ["true"]
    return rows


class Pages(TestCase):
    @given(
        tables=st.lists(st.sampled_from(["", "a", "b", "é", "B"]), max_size=12),
        limit=st.integers(1, 13),
        order=st.sampled_from(ORDERS),
    )
    @settings(max_examples=40, deadline=None)
    def test_all_pages_are_the_whole_list(
        self, tables: list[str], limit: int, order: Any
    ) -> None:
        project = make_project()
        Source.objects.bulk_create(
            Source(project=project, name=f"s{i}", table=table)
            for i, table in enumerate(tables)
        )
        columns = (order,) if isinstance(order, str) else order

        assert walk(order, limit) == list(Source.objects.order_by(*columns))


def make_sources(count: int) -> None:
    project = make_project()
    for number in range(count):
        Source.objects.create(project=project, name=f"s{number}")


@pytest.mark.django_db
def test_a_row_that_comes_or_goes_between_pages_moves_no_other() -> None:
    make_sources(6)
    get = RequestFactory().get
    first = keyset.page(Source.objects.all(), get("/list?limit=3"), order="id")
    Source.objects.filter(name="s0").delete()

    second = keyset.page(Source.objects.all(), get(first["next"]), order="id")

    assert [source.name for source in second["results"]] == ["s3", "s4", "s5"]
    assert second["next"] is None


@pytest.mark.django_db
def test_a_cursor_that_was_touched_or_is_of_another_list_is_refused() -> None:
    make_sources(4)
    get = RequestFactory().get
    following = keyset.page(Source.objects.all(), get("/list?limit=2"))["next"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]

    for wrong in (cursor[:-1], "x" + cursor, "x", cursor.replace(":", ";"), "%00"):
        with pytest.raises(InvalidInput, match="cursor"):
            keyset.page(Source.objects.all(), get("/list", {"cursor": wrong}))
    with pytest.raises(InvalidInput, match="cursor"):
        keyset.page(Source.objects.all(), get("/other", {"cursor": cursor}))
    with pytest.raises(InvalidInput, match="cursor"):
        keyset.page(Source.objects.all(), get("/list", {"cursor": cursor}), order="id")


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "1.0", "", "9" * 30, "²"])
def test_a_limit_out_of_bounds_is_refused(limit: str) -> None:
    with pytest.raises(InvalidInput, match="from 1 to 500"):
        keyset.read_limit(RequestFactory().get("/list", {"limit": limit}))
