"""Registry: how many values a table holds, told before they are in memory: a megabyte
that unpacks to commas, or one wide line before many short ones, would fill a machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from io import BytesIO

from registry.errors import TooLarge

MOST_CELLS = 100_000_000  # eight bytes each, whatever the file packs them into
HEAD = 4 * 1024**2  # bytes in which a header ends
JSON_ROW = 8  # values whose place a row takes until it is part of a table


def refuse_too_many(*, rows: int, columns: int) -> None:
    """Every row has a place for every column, whatever it says itself."""
    if rows * columns > MOST_CELLS:
        told = f"{rows} rows of {columns} columns"
        raise TooLarge(f"{told}: at most {MOST_CELLS:,} values are read.")


def csv_cells(pieces: Iterable[bytes], columns: int) -> int:
    """At most so many values: a row has as many as the header, and ends with a line.

    >>> csv_cells([b'a,b\\n1,"2, or 3', b'"\\n3,4\\n'], 2)
    8
    """
    lines = sum(max(piece.count(b"\n"), piece.count(b"\r")) for piece in pieces)
    return (lines + 1) * columns


def csv_columns(data: bytes, delimiters: Collection[str]) -> int:
    """At most so many columns, by the first line that is not empty.

    >>> csv_columns(b"\\na;b;c\\n1,2;3;4", [",", ";"])
    3
    """
    header = next((line for line in data[:HEAD].splitlines() if line), b"")
    return 1 + max(header.count(delimiter.encode()) for delimiter in delimiters)


def json_cells(data: bytes) -> int:
    """Values of JSON Lines as a table, with what its rows take before; of lines that
    cannot be read, nothing is said.

    >>> json_cells(b'{"a": 1, "b": 2}\\n{}\\n')
    20
    """
    import msgspec

    names: set[str] = set()
    rows = 0
    for line in BytesIO(data):
        try:
            row = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(row, dict):
            rows += 1
            names.update(row)
    return rows * (len(names) + JSON_ROW)
