"""What is said of a table writes its numbers as the pages do: thousands apart, and a
percentage with its space."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from monitoring.judging import steps
from registry import data_views, differences, findings, frames


def found(x: Any, *, task: str = "regression") -> dict[str, str]:
    """The findings' texts, by their rule, of a table with one column of numbers."""
    n = len(x)
    told = findings.of_table(
        columns=[{"name": "x", "kind": "numeric", "role": "input"}],
        frame=pd.DataFrame({"x": x}),
        target=pd.Series(np.random.default_rng(1).normal(size=n)),
        parts=pd.Series(["training", "validation", "test"] * (n // 3)),
        task=task,
    )
    return {one["rule"]: one["text"] for one in told}


def test_rows_that_repeat_are_counted_with_their_share() -> None:
    few = np.arange(3_000.0)
    few[3:12] = 0.5

    told = found(few)["duplicate_rows"]

    assert told == "5 rows (0.2\xa0%) repeat the inputs of another row."


def test_thousands_stand_apart() -> None:
    told = found(np.ones(3 * 1_026))

    assert told["duplicate_rows"].startswith("2\u202f051 rows (100.0\xa0%) repeat")
    assert told["overlap"].startswith("1\u202f026 of 1\u202f026 test rows have")


def test_a_columns_findings_write_them_too() -> None:
    many = pd.Series([f"city {n}" for n in range(1_026)] * 2)
    mostly = pd.Series([1.5, 2.5, None, None, None])

    told = findings.of_column("city", "categorical", many)
    missing = findings.of_column("x", "numeric", mostly)

    assert told is not None
    assert told.text.startswith("1\u202f026 categories:")
    assert missing is not None
    assert missing.text == "60\xa0% are missing."


def test_what_changed_between_two_tables_writes_them_too() -> None:
    columns = ([{"name": "x", "kind": "numeric"}],) * 2
    profiles = ({"x": {"n": 10, "missing": 0}}, {"x": {"n": 10, "missing": 4}})

    told = differences.of_datasets(
        rows=(1_026, 3_026), columns=columns, profiles=profiles
    )

    assert [one.text for one in told] == [
        "2\u202f000 rows more: 1\u202f026 before, 3\u202f026 now.",
        "40\xa0% are missing, 0\xa0% before.",
    ]


def test_values_that_cannot_be_read_are_counted_as_well() -> None:
    bad = frames.BadValues("x", "numeric", 1_026, [1, 2], "many")

    assert str(bad).startswith("1\u202f026 values are not numeric (row 1, 2, …; ")


def test_what_a_step_of_a_plan_has_seen_is_too() -> None:
    step = steps.Progress(
        asked={"percent": 5}, answers=1_026, lasted=timedelta(hours=25)
    )

    assert step.text == "25 h and 1\u202f026 answers at 5 %"


def test_where_rows_came_from_is_too() -> None:
    added = {"rows_added": 3_078}
    learnt = {"kind": "production", "root": 1, "counts": {"from labels": 1_026}}

    told = [data_views.origin(added | more) for more in (learnt, {"extends": 1})]

    assert told == [
        "dataset 1, 2\u202f052 rows from production and 1\u202f026 that experts "
        "labelled",
        "dataset 1 and 3\u202f078 rows more",
    ]
