"""Registry: how many values a table holds, told before they are in memory: a megabyte
that unpacks to commas, or one wide line before many short ones, would fill a machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from io import BytesIO

from registry.errors import TooLarge

MOST_CELLS = 100_000_000  # eight bytes each, whatever the file packs them into
JSON_ROW = 8  # values whose place a row takes until it is part of a table


def refuse_too_many(*, rows: int, columns: int) -> None:
    """Every row has a place for every column, whatever it says itself."""
    if rows * columns > MOST_CELLS:
        told = f"{rows} rows of {columns} columns"
        raise TooLarge(f"{told}: at most {MOST_CELLS:,} values are read.")


def csv_cells(pieces: Iterable[bytes], delimiters: Collection[str]) -> int:
    """At most so many values: each ends at a delimiter, or with its line.

    >>> csv_cells([b"a,b\\n1,", b"2\\n3,4\\n"], [","])
    7
    """
    ends = dict.fromkeys(delimiters, 0)
    lines = 0
    for piece in pieces:
        for delimiter in delimiters:
            ends[delimiter] += piece.count(delimiter.encode())
        lines += max(piece.count(b"\n"), piece.count(b"\r"))
    return max(ends.values()) + lines + 1


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
