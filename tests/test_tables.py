"""A table file is read whole, or refused with the place of what is wrong."""

import gzip
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import csv_files, tables
from registry.errors import InvalidInput, TooLarge
from registry.tables import read_table
from tests.full_disk import FullDisk


def written(folder: Path, content: bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_csv_is_read_as_text_with_its_missing_words(tmp_path: Path) -> None:
    path = written(tmp_path, b'a,b\n1,"x, y"\nNA,\n007,"two\nlines"\n')
    frame, about = read_table(path=path)
    assert frame.to_dict("list") == {
        "a": ["1", "NA", "007"],
        "b": ["x, y", "", "two\nlines"],
    }
    assert about == {
        "file": "table.csv",
        "format": "csv",
        "rows_read": 3,
        "delimiter": "comma",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "\n".join(
        delimiter.join(row)
        for row in (["price", "note"], ["1", '"a, b; c|d"'], ["2", "none"])
    )
    frame, _ = read_table(path=written(tmp_path, text.encode()))
    assert frame["note"].tolist() == ["a, b; c|d", "none"]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    frame, _ = read_table(path=written(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n"))
    assert list(frame) == ["a", "b"]


def test_latin_1_is_refused_with_the_place_of_the_byte(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,2\n3,café\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"Byte 13 \(line 3\).*'é'.*UTF-8"):
        read_table(path=path)


def test_the_place_is_right_beyond_the_first_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "PIECE", 7)
    path = written(tmp_path, "a,ü\n1,2\n3,ü\n4,".encode() + b"\xff\n")
    with pytest.raises(InvalidInput, match=r"Byte 16 \(line 4\)"):
        read_table(path=path)


@pytest.mark.faults
def test_broken_rows_are_named_and_nothing_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    with pytest.raises(InvalidInput, match="nothing was imported") as refusal:
        read_table(path=path)
    assert [error.message for error in refusal.value.errors] == [
        "Row 2 has 1 values, not 2: '3'.",
        "Row 3 has 3 values, not 2: '4,5,6'.",
    ]


def test_an_open_quote_does_not_swallow_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n')
    with pytest.raises(InvalidInput, match="starts in line 3"):
        read_table(path=path)


def test_an_inch_is_no_open_quote(tmp_path: Path) -> None:
    frame, _ = read_table(path=written(tmp_path, b'size,n\n5" pipe,2\n'))
    assert frame["size"].tolist() == ['5" pipe']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b", "no rows"),
        (b"a,a\n1,2\n", "a is there twice"),
        (b"a,\n1,2\n", "Column 2 has no name"),
        (b"a,b\x07\n1,2\n", "printable"),
        (b"a,b\n1,\x00\n", "NUL"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04.......", "Excel"),
        (b'a,"b\n1,2\n3,4\n', "The row that starts in line 1 cannot be read"),
    ],
)
def test_what_is_no_table_says_why(
    tmp_path: Path, content: bytes, message: str
) -> None:
    name = "table.xlsx" if content.startswith(b"PK") else "table.csv"
    with pytest.raises(InvalidInput) as refusal:
        read_table(path=written(tmp_path, content, name))
    told = [refusal.value.detail, *(error.message for error in refusal.value.errors)]
    assert message in " ".join(told)


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(20_001))
    path = written(tmp_path, f"{header}\n{header}\n".encode())
    with pytest.raises(TooLarge, match="20001 columns"):
        read_table(path=path)


def test_a_file_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LARGEST_FILE", 1000)
    with pytest.raises(TooLarge):
        read_table(path=written(tmp_path, b"a,b\n" + b"1,2\n" * 300))
    bomb = written(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 3000), "b.csv.gz")
    assert bomb.stat().st_size < 1000
    with pytest.raises(TooLarge, match="unpacks"):
        read_table(path=bomb)


@pytest.mark.faults
def test_gzip_is_unpacked_and_half_a_gzip_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n1,2\n")
    frame, about = read_table(path=written(tmp_path, packed, "t.csv.gz"))
    assert frame["b"].tolist() == ["2"]
    assert about["file"] == "t.csv.gz"
    with pytest.raises(InvalidInput, match="complete gzip"):
        read_table(path=written(tmp_path, packed[:-6], "t.csv.gz"))


@pytest.mark.faults
def test_a_full_disk_is_not_taken_for_half_a_gzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, gzip.compress(b"a,b\n1,2\n"), "t.csv.gz")
    monkeypatch.setattr(tables.tempfile, "NamedTemporaryFile", FullDisk)
    with pytest.raises(OSError, match="No space left"):
        read_table(path=path)


def test_json_lines_keep_their_types_and_gather_columns(tmp_path: Path) -> None:
    lines = b'{"a": 1, "b": true}\n\n{"a": 2.5, "c": "x"}\n'
    frame, _ = read_table(path=written(tmp_path, lines, "t.jsonl"))
    assert list(frame) == ["a", "b", "c"]
    assert frame["a"].tolist() == [1.0, 2.5]
    assert frame["b"].isna().tolist() == [False, True]


def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    lines = b'{"a": 1}\n{"a": \n[1]\n{"a": {"b": 1}}\n{"a": NaN}\n{"a": "\xff"}\n'
    with pytest.raises(InvalidInput, match="5 lines") as refusal:
        read_table(path=written(tmp_path, lines, "t.ndjson"))
    told = [error.message for error in refusal.value.errors]
    assert [message.split()[1] for message in told] == ["2", "3", "4", "5", "6"]
    assert "list or object in a" in told[2]


def test_parquet_comes_back_with_plain_types(tmp_path: Path) -> None:
    import datetime as dt
    from decimal import Decimal

    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "money": [Decimal("1.50"), None],
            "day": [dt.date(2026, 1, 1), dt.date(2026, 1, 2)],
            "kind": pd.Categorical(["a", "b"]),
        },
        index=[7, 8],
    )
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    again, about = read_table(path=path)
    assert about["format"] == "parquet"
    assert again["money"].iloc[0] == 1.5
    assert again["day"].iloc[1] == pd.Timestamp("2026-01-02")
    assert again["kind"].tolist() == ["a", "b"]


@pytest.mark.faults
def test_nested_and_broken_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [[1, 2]], "b": [1]}).to_parquet(path)
    with pytest.raises(InvalidInput) as refusal:
        read_table(path=path)
    assert "Column a" in refusal.value.errors[0].message
    with pytest.raises(InvalidInput, match="no complete Parquet"):
        read_table(path=written(tmp_path, path.read_bytes()[:-20], "u.parquet"))


@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, "any.bin")
    with suppress(InvalidInput):
        frame, _ = read_table(path=path)
        assert len(frame) > 0


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r")),
                 min_size=3, max_size=3),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.csv"
    expected = pd.DataFrame(rows, columns=["a", "b", "c"], dtype="str")
    expected.to_csv(path, index=False, quoting=1)
    frame, _ = read_table(path=path)
    assert frame.to_numpy().tolist() == expected.to_numpy().tolist()


def test_of_many_broken_lines_a_few_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, b"[1]\n" * 3000, "t.jsonl")

    with pytest.raises(InvalidInput, match="3000 lines cannot be read") as refusal:
        read_table(path=path)

    assert len(refusal.value.errors) == csv_files.MOST_TOLD
