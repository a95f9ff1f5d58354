"""A table nobody described: kinds, task and positive class are guessed as promised."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import guess
from registry.errors import InvalidInput
from registry.frames import convert
from registry.schema import KINDS

N = 40


def texts(*values: str | None) -> pd.Series:
    """A column of N rows as a CSV gives it, the values over and over."""
    repeated = [values[i % len(values)] for i in range(N)]
    return pd.Series(repeated, dtype="str")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("true", "False"), "boolean"),
        (("yes", "No", ""), "boolean"),
        (("1", "-2", "+3", "NA"), "integer"),
        (("1.0", "2.0", "null"), "integer"),
        (("1.5", "2", "1e3", ".5"), "numeric"),
        (("2013-02-14", "2013-02-15T10:00:00+02:00"), "datetime"),
        (("2013-02-14 05:00:00", "N/A"), "datetime"),
        (("iVBORw0KGgo=", "/9j/AAAA"), "image"),
        (("007", "008"), "categorical"),
        (("red", "blue", "1"), "categorical"),
        (("inf", "1"), "categorical"),
        (("99999999999999999999", "1"), "numeric"),
        ((None, ""), "categorical"),
    ],
)
def test_the_kind_of_a_text_column(values: tuple[str | None, ...], kind: str) -> None:
    assert guess.kind_of(texts(*values)) == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "boolean"),
        ([1, 2], "integer"),
        ([1.0, None], "integer"),
        ([1.5, None], "numeric"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "datetime"),
        ([True, None], "boolean"),
        ([1, "red"], "categorical"),
    ],
)
def test_the_kind_of_a_typed_column(values: list[object], kind: str) -> None:
    assert guess.kind_of(pd.Series(values)) == kind


def test_ninety_nine_percent_of_times_make_a_time() -> None:
    days = [f"2026-01-{i % 28 + 1:02}" for i in range(200)]
    assert guess.kind_of(pd.Series([*days, "soon"])) == "datetime"
    assert guess.kind_of(pd.Series([*days, *["soon"] * 5])) == "categorical"


def test_many_different_words_are_text_not_categories() -> None:
    words = [f"w{i}" for i in range(51)]
    assert guess.kind_of(pd.Series(words[:50] * 2)) == "categorical"
    assert guess.kind_of(pd.Series(words * 2)) == "text"
    assert guess.kind_of(pd.Series(words * 20)) == "categorical"  # 5 % of the rows
    many = [f"w{i}" for i in range(1001)]
    assert guess.kind_of(pd.Series(many * 20)) == "text"


@given(st.lists(st.none() | st.text(max_size=8), min_size=1))
def test_every_column_has_a_kind_and_converts(values: list[str | None]) -> None:
    column = pd.Series(values, dtype="str")
    kind = guess.kind_of(column)
    assert kind in KINDS
    if kind != "datetime":
        lost = convert(column, kind).isna() & ~guess.frames.missing(column)
        assert not lost.any()


def table(target: list[object], **columns: pd.Series) -> pd.DataFrame:
    repeated = [target[i % len(target)] for i in range(N)]
    frame = pd.DataFrame({"y": repeated, "x": texts("1", "2", "3")})
    return frame.assign(**columns)


@pytest.mark.parametrize(
    ("target", "task", "classes", "positive"),
    [
        (["No", "Yes", "No"], "binary", ["No", "Yes"], "Yes"),
        (["Yes", "No", "Yes"], "binary", ["No", "Yes"], "Yes"),
        ([True, False], "binary", ["false", "true"], "true"),
        (["0", "1"], "binary", ["0", "1"], "1"),
        ([0.0, 1.0, 1.0], "binary", ["0", "1"], "1"),
        (["True", "False"], "binary", ["False", "True"], "True"),
        (["TRUE", "True", "True", "false"], "binary", ["false", "True"], "True"),
        (["1.0", "0.0", "1.0"], "binary", ["0.0", "1.0"], "1.0"),
        (["1.0", "2", "2.0", "3.0", "2"], "multiclass", ["1.0", "2", "3.0"], ""),
        (["01", "1", "2"], "multiclass", ["01", "1", "2"], ""),  # codes are no numbers
        (["y", "z"], "binary", ["z", "y"], "y"),  # the target's own name
        (["cat", "dog", "dog"], "binary", ["dog", "cat"], "cat"),  # the rarer
        (["a", "b", "c"], "multiclass", ["a", "b", "c"], ""),
        (["1", "10", "2"], "multiclass", ["1", "2", "10"], ""),
        ([1.5, 2.5, 3.5], "regression", [], ""),
        ([str(i) for i in range(21)], "regression", [], ""),
        ([str(i) for i in range(20)], "multiclass", [str(i) for i in range(20)], ""),
    ],
)
def test_the_task_and_the_positive_class(
    target: list[object], task: str, classes: list[str], positive: str
) -> None:
    found = guess.of_table(table(target), target="y")
    assert (found.task, found.classes, found.positive_class) == (
        task,
        classes,
        positive,
    )


def test_a_class_is_found_by_another_spelling_and_one_class_is_refused() -> None:
    found = guess.of_table(table(["1.0", "0.0"]), target="y", positive="0")
    assert found.positive_class == "0.0"
    with pytest.raises(InvalidInput, match="nothing to learn"):
        guess.of_table(table(["True", "TRUE"]), target="y")


def test_identifiers_constants_and_empty_columns_are_left_out_and_told() -> None:
    frame = table(
        ["No", "Yes"],
        id=pd.Series(range(N)),
        code=pd.Series([f"K-{i}" for i in range(N)]),
        same=texts("x"),
        empty=texts(None),
        remarks=pd.Series([f"it was a story of some length, {i}" for i in range(N)]),
    )
    found = guess.of_table(frame, target="y")
    assert [field["name"] for field in found.fields] == ["x", "remarks"]
    rules = {finding.column: finding.rule for finding in found.findings}
    assert rules == {
        "id": "identifier",
        "code": "identifier",
        "same": "constant",
        "empty": "all_missing",
    }


def test_what_is_told_is_not_guessed() -> None:
    frame = table(["No", "Yes"], id=pd.Series(range(N)))
    told = {"id": {"kind": "numeric", "unit": "m"}}
    found = guess.of_table(frame, target="y", apart=["x"], told=told)
    assert found.fields == [{"name": "id", "kind": "numeric", "unit": "m"}]


@pytest.mark.parametrize(
    "price",
    [texts("1,5", "2,5", "3,5"), pd.Series([f"0,{i:03d}" for i in range(N)])],
    ids=["few values", "each another"],
)
def test_a_decimal_comma_is_told(price: pd.Series) -> None:
    found = guess.of_table(table(["No", "Yes"], price=price), target="y")
    assert [finding.rule for finding in found.findings] == ["decimal_comma"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table(["No", "Yes"])[:10], "10 rows have a value of y: at least 20"),
        (table([None]), "0 rows have a value"),
        (table(["No"]), "y is No in every row"),
        (table([7.0]), "y is 7.0 in every row"),
        (pd.DataFrame({"y": [f"n{i}" for i in range(N)], "x": range(N)}), "identifier"),
        (pd.DataFrame({"y;x": ["1;2"] * N}), "is the delimiter"),
        (table(["No", "Yes"]).drop(columns="x"), "No column is left"),
        (table(["No", "Yes"]).drop(columns="y"), "no column y. Its"),
    ],
)
def test_a_hopeless_table_is_refused_with_the_reason(
    frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        guess.of_table(frame, target="y")
    assert message in refusal.value.detail


def test_a_task_that_does_not_fit_the_target_is_refused() -> None:
    with pytest.raises(InvalidInput, match="3 values, not two"):
        guess.of_table(table(["a", "b", "c"]), target="y", task="binary")
    with pytest.raises(InvalidInput, match="holds text"):
        guess.of_table(table(["a", "b", "c"]), target="y", task="regression")
