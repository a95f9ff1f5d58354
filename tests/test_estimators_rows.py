"""Rows read the same whether they come from training data or from a request."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry.estimators.table import category, read
from tests.small_tables import FIELDS, TEXT, as_dicts, make_rows


def test_a_frame_and_its_rows_as_dicts_read_the_same() -> None:
    frame = make_rows(50)
    fields = [*FIELDS, TEXT]

    from_frame, from_dicts = read(frame, fields), read(as_dicts(frame), fields)

    assert from_frame.columns.keys() == from_dicts.columns.keys()
    for name, column in from_frame.columns.items():
        np.testing.assert_array_equal(column, from_dicts.columns[name])


def test_columns_in_any_order_with_strangers_among_them_read_the_same() -> None:
    frame = make_rows(20)
    shuffled = frame[list(reversed(frame.columns))].assign(stranger=1)

    assert read(shuffled, FIELDS).columns["size"].tolist() == pytest.approx(
        read(frame, FIELDS).columns["size"].tolist(), nan_ok=True
    )


def test_a_column_that_is_not_there_is_missing() -> None:
    nothing: list[Any] = [[{}, {}], pd.DataFrame(index=range(2))]
    for rows in nothing:
        table = read(rows, [*FIELDS, TEXT])

        assert table.n == 2
        assert np.isnan(table.columns["size"]).all()
        assert np.isnat(table.columns["built"]).all()
        assert table.columns["colour"].tolist() == ["", ""]
        assert table.columns["note"].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, 1.0), (False, 0.0), ("yes", 1.0), ("false", 0.0), (1, 1.0), ("", np.nan)],
)
def test_truth_values_are_one_and_zero(value: object, expected: float) -> None:
    table = read([{"garden": value}], [{"name": "garden", "kind": "boolean"}])

    np.testing.assert_equal(table.columns["garden"][0], expected)


def test_a_moment_is_the_same_in_every_zone_and_spelling() -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    spellings = [
        noon,
        noon.astimezone(timezone(timedelta(hours=2))),
        "2024-05-01T12:00:00Z",
        "2024-05-01T14:00:00+02:00",
        pd.Timestamp(noon),
        np.datetime64("2024-05-01T12:00"),
    ]
    table = read([{"at": at} for at in spellings], [{"name": "at", "kind": "datetime"}])

    assert set(table.columns["at"].tolist()) == {datetime(2024, 5, 1, 12)}  # noqa: DTZ001


def test_a_date_is_its_midnight_and_nat_is_missing() -> None:
    rows = [{"at": date(2024, 5, 1)}, {"at": pd.NaT}, {"at": None}]
    column = read(rows, [{"name": "at", "kind": "datetime"}]).columns["at"]

    assert column[0] == np.datetime64("2024-05-01T00:00")
    assert np.isnat(column[1:]).all()


def test_what_is_no_number_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(ValueError, match=r"'size'.*numeric.*'big'"):
        read([{"size": "big"}], FIELDS)


def test_infinity_is_missing_and_never_reaches_a_model() -> None:
    rows = [{"size": float("inf")}, {"size": "-inf"}]

    assert np.isnan(read(rows, FIELDS).columns["size"]).all()
    assert np.isnan(read(pd.DataFrame(rows[:1]), FIELDS).columns["size"]).all()


def test_equal_numbers_and_truth_values_are_one_category() -> None:
    assert category(3) == category(3.0) == category("3") == category(np.int64(3)) == "3"
    assert category(True) == category(np.True_) == "true"
    assert category(pd.NA) == category(np.nan) == category(None) == ""
