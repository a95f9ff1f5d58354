"""Registry: CSV, Parquet and JSON Lines files as tables, or a refusal that names the
place. A file is read whole or not at all."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import table_size
from registry.csv_files import (
    DELIMITERS,
    MOST_COLUMNS,
    MOST_TOLD,
    NO_ROWS,
    read_csv,
    refused,
)
from registry.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

LARGEST_FILE = 1024**3
LONGEST_NAME = 120
PIECE = 1024**2
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def read_table(*, path: Path, name: str = "") -> tuple[pd.DataFrame, dict[str, Any]]:
    """A file's table, as it is written there, and how it was read.

    `name` is the file's own name where `path` is a temporary one; `.gz` may follow.
    """
    name = name or path.name
    if path.stat().st_size > LARGEST_FILE:
        raise TooLarge(f"{name}: files of at most 1 GB are read.")
    with _unpacked(path, name) as plain:
        with plain.open("rb") as file:
            kind = _format_of(file.read(4096), name)
        frame, details = _READERS[kind](plain)
    check_frame(frame)
    return frame, {"file": name, "format": kind, "rows_read": len(frame), **details}


def check_frame(frame: pd.DataFrame) -> None:
    """Names that can be used, without blanks around them, and at least one row."""
    _check_names([str(column) for column in frame.columns])
    frame.columns = [str(column).strip() for column in frame.columns]
    if frame.empty:
        raise refused(NO_ROWS)


def is_readable(name: str) -> bool:
    """Whether a file's name says that it is a table."""
    return Path(name.lower().removesuffix(".gz")).suffix in SUFFIXES


def is_quick(*, path: Path, name: str, most: int) -> bool:
    """Whether a file holds at most so many bytes once it is unpacked, and once more as
    a table of eight bytes a value, so that a request may wait for it. A broken one is
    quickly refused."""
    if path.stat().st_size > most:
        return False
    broken = (OSError, EOFError, zlib.error, InvalidInput)
    with suppress(*broken), _plain(path, name) as file:
        start = file.read(4)
        if start == b"PAR1":
            return not name.endswith(".gz") and _parquet_cells(path) * 8 <= most
        data = start + file.read(most)
        return len(data) <= most and _text_cells(data, name) * 8 <= most
    return True


def _text_cells(data: bytes, name: str) -> int:
    if _format_of(data[:4096], name) == "jsonl":
        return table_size.json_cells(data)
    columns = table_size.csv_columns(data, DELIMITERS)
    return table_size.csv_cells([data], columns)


def _plain(path: Path, name: str) -> Any:
    return gzip.open(path) if name.endswith(".gz") else path.open("rb")


def _parquet_cells(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return 0
    return about.num_rows * about.num_columns


@contextmanager
def _unpacked(path: Path, name: str) -> Iterator[Path]:
    if not name.endswith(".gz"):
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".table") as plain:
        try:
            with gzip.open(path) as packed:
                while piece := packed.read(PIECE):
                    plain.write(piece)
                    if plain.tell() > LARGEST_FILE:
                        raise TooLarge(f"{name}: unpacks to more than 1 GB.")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise refused(f"{name} is no complete gzip file.") from error
        plain.flush()
        yield Path(plain.name)


def _format_of(start: bytes, name: str) -> str:
    if not start.strip():
        raise refused("The file is empty.")
    if start.startswith(b"PAR1"):
        return "parquet"
    suffix = Path(name.removesuffix(".gz").lower()).suffix
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise refused("This is an Excel or zip file: save the sheet as CSV (UTF-8).")
    return "jsonl" if start.lstrip().startswith(b"{") else "csv"


def _check_names(names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise TooLarge(f"{len(names)} columns: at most {MOST_COLUMNS} are read.")
    seen: set[str] = set()
    wrong = []
    for place, name in enumerate((name.strip() for name in names), start=1):
        if not name:
            wrong.append(f"Column {place} has no name: write one into the header.")
        elif name in seen:
            wrong.append(f"Column {name[:LONGEST_NAME]} is there twice.")
        elif len(name) > LONGEST_NAME or not name.isprintable():
            cure = f"write up to {LONGEST_NAME} printable characters"
            wrong.append(f"Column {place}, {name[:40]!r}: {cure}.")
        seen.add(name)
    if wrong:
        raise refused("The header cannot be used.", *wrong)


def _read_jsonl(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    wrong: list[str] = []  # a file may hold millions of such lines, and few are told
    unread = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = _row_of(line)
            if isinstance(row, str):
                unread += 1
                if unread <= MOST_TOLD:
                    wrong.append(f"Line {number} {row}.")
            elif not unread:
                rows.append(row)
    if unread:
        told = f"{unread} lines cannot be read; nothing was imported."
        raise refused(told, *wrong)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > MOST_COLUMNS:
        raise TooLarge(f"{len(columns)} columns: at most {MOST_COLUMNS} are read.")
    table_size.refuse_too_many(rows=len(rows), columns=len(columns))
    return pd.DataFrame(rows, columns=columns), {}


def _row_of(line: bytes) -> dict[str, Any] | str:
    """A line's flat object, or what is wrong with it."""
    import msgspec

    try:
        row = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"is no JSON in UTF-8: {error}"
    if not isinstance(row, dict):
        return "is no object of columns"
    nested = [name for name, value in row.items() if isinstance(value, list | dict)]
    return f"holds a list or object in {nested[0]}" if nested else row


def _read_parquet(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            about = file.metadata
            groups = (about.row_group(i) for i in range(about.num_row_groups))
            if sum(group.total_byte_size for group in groups) > LARGEST_FILE:
                raise _unpacks_to_too_much()
            table_size.refuse_too_many(rows=about.num_rows, columns=about.num_columns)
            _check_names(file.schema_arrow.names)
            _check_types(file.schema_arrow)
            table = _decoded(file)
    except (pa.ArrowException, OSError) as error:
        raise refused(f"This is no complete Parquet file: {error}") from error
    return table.to_pandas(ignore_metadata=True), {}


def _decoded(file: pq.ParquetFile) -> pa.Table:
    """The rows in plain types, batch by batch: a word that is stored once and repeated
    a million times is large only here."""
    import pyarrow as pa

    schema = _plain_types(file.schema_arrow)
    size, pieces = 0, []
    for batch in file.iter_batches():
        piece = pa.Table.from_batches([batch]).cast(schema)
        size += piece.nbytes
        if size > LARGEST_FILE:
            raise _unpacks_to_too_much()
        pieces.append(piece)
    return pa.concat_tables(pieces) if pieces else schema.empty_table()


def _unpacks_to_too_much() -> TooLarge:
    return TooLarge("The table unpacks to more than 1 GB.")


def _check_types(schema: pa.Schema) -> None:
    import pyarrow as pa

    wrong = [
        f"Column {field.name} is {field.type}: write numbers, strings or times."
        for field in schema
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)
    ]
    if wrong:
        raise refused("Columns of these types are not read.", *wrong)


def _plain_types(schema: pa.Schema) -> pa.Schema:
    """Numbers, strings, booleans and timestamps; what else there is becomes these."""
    import pyarrow as pa

    def plain(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_dictionary(kind):
            return plain(kind.value_type)
        if pa.types.is_decimal(kind):
            return pa.float64()
        if pa.types.is_date(kind):
            return pa.timestamp("us")
        if pa.types.is_time(kind) or pa.types.is_duration(kind):
            return pa.string()
        return kind

    return pa.schema([field.with_type(plain(field.type)) for field in schema])


_READERS = {"csv": read_csv, "jsonl": _read_jsonl, "parquet": _read_parquet}
