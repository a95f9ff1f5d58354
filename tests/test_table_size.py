"""A small file may hold a table that is too large: it is refused before it is in memory,
and no request waits for it."""

import gzip
from pathlib import Path

import pytest

from registry import csv_files, table_size, tables
from registry.errors import TooLarge
from registry.tables import read_table
from tests.test_tables import written


def repeated(folder: Path, *, rows: int, columns: int = 1, word: str = "") -> Path:
    """A small file of many rows: Parquet stores a word once, however often it is there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    value = pa.scalar(word) if word else pa.scalar(1.0)
    column = pa.repeat(value, rows)
    path = folder / "bomb.parquet"
    table = pa.table({f"c{i}": column for i in range(columns)})
    pq.write_table(table, path)
    return path


def test_a_small_parquet_of_too_many_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_size, "MOST_CELLS", 5000)
    path = repeated(tmp_path, rows=3000, columns=2)

    with pytest.raises(TooLarge, match="3000 rows of 2 columns"):
        read_table(path=path)


def test_a_parquet_that_repeats_long_words_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = repeated(tmp_path, rows=200_000, word="long " * 20)
    monkeypatch.setattr(tables, "LARGEST_FILE", 10 * path.stat().st_size + 1_000_000)

    with pytest.raises(TooLarge, match="unpacks to more than"):
        read_table(path=path)


def test_what_unpacks_to_much_is_not_quick(tmp_path: Path) -> None:
    packed = written(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 50_000), "t.csv.gz")
    parquet = repeated(tmp_path, rows=50_000)
    few = written(tmp_path, gzip.compress(b"a,b\n1,2\n"), "u.csv.gz")

    assert packed.stat().st_size < 10_000
    assert not tables.is_quick(path=packed, name="t.csv.gz", most=100_000)
    assert not tables.is_quick(path=parquet, name="bomb.parquet", most=100_000)
    assert tables.is_quick(path=few, name="u.csv.gz", most=100_000)
    assert tables.is_quick(path=packed, name="t.csv.gz", most=1_000_000)


def lone_wide_line(columns: int, rows: int) -> bytes:
    """One JSON line of many columns, before rows that say nothing."""
    wide = ",".join(f'"c{i}":1' for i in range(columns))
    return f"{{{wide}}}\n".encode() + b"{}\n" * rows


def test_json_lines_of_too_many_values_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_size, "MOST_CELLS", 5000)
    path = written(tmp_path, lone_wide_line(20, 300), "t.jsonl")

    with pytest.raises(TooLarge, match="301 rows of 20 columns: at most 5,000"):
        read_table(path=path)


@pytest.mark.parametrize("row", [b",,,,,,,,,\n", b'"1",,,,,,,,,"\n', b"x\r"])
def test_a_csv_of_too_many_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: bytes
) -> None:
    monkeypatch.setattr(table_size, "MOST_CELLS", 5000)
    header = b"x\r" if row == b"x\r" else b"a,b,c,d,e,f,g,h,i,j\n"
    path = written(tmp_path, header + row * 5001)

    with pytest.raises(TooLarge, match="at most 5,000 are read"):
        read_table(path=path)


def test_a_header_without_an_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "LONGEST_HEADER", 1000)
    path = written(tmp_path, b"," * (csv_files.HEAD + 1001))

    with pytest.raises(TooLarge, match="longer than 1,000 characters"):
        read_table(path=path)


def test_short_text_of_many_values_is_not_quick(tmp_path: Path) -> None:
    wide = written(tmp_path, lone_wide_line(2000, 2000), "t.jsonl")
    commas = written(tmp_path, b"a,b,c\n" + b",,\n" * 20_000, "t.csv")
    packed = written(
        tmp_path, gzip.compress(repeated(tmp_path, rows=50_000).read_bytes()), "t.gz"
    )

    assert not tables.is_quick(path=wide, name="t.jsonl", most=100_000)
    assert not tables.is_quick(path=commas, name="t.csv", most=100_000)
    assert not tables.is_quick(path=packed, name="t.parquet.gz", most=100_000)
    assert tables.is_quick(path=wide, name="t.jsonl", most=50_000_000)
    assert tables.is_quick(path=commas, name="t.csv", most=1_000_000)


def test_delimiters_within_quotes_part_no_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = b"name,list\n" + b'n,"%s"\n' % b",".join([b"0.1"] * 300) * 50
    path = written(tmp_path, lists)
    monkeypatch.setattr(table_size, "MOST_CELLS", 200)

    assert len(read_table(path=path)[0]) == 50
    assert tables.is_quick(path=path, name="t.csv", most=100_000)
