"""Registry: CSV files, read strictly: encoding, delimiter and every row must be right."""

from __future__ import annotations

import codecs
import csv
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import table_size
from registry.errors import FieldError, InvalidInput, TooLarge

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
PIECE = 1024**2
HEAD = 64 * 1024  # characters the delimiter is judged by
HEAD_ROWS = 50
MOST_COLUMNS = 20_000
LONGEST_ROW = 64 * 1024**2  # bytes
LONGEST_HEADER = 128 * MOST_COLUMNS  # characters: names of 120 with what parts them
NO_ROWS = "There are no rows."
MOST_TOLD = 20  # mistakes told of one file


def read_csv(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All columns as text. A row with too few or too many values refuses the file."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    quotes = check_encoding(path)
    delimiter, names, alone = _header(path)
    if len(names) > MOST_COLUMNS:
        raise TooLarge(f"{len(names)} columns: at most {MOST_COLUMNS} are read.")
    _check_size(path, len(names))
    if quotes % 2:
        _check_quotes(path, delimiter)
    if alone:
        raise refused(NO_ROWS)  # Arrow trips over a header that no line end follows
    bad: list[str] = []

    def note(row: Any) -> str:
        if len(bad) <= MOST_TOLD:
            bad.append(
                f"Row {row.number - 1} has {row.actual_columns} values, not "
                f"{row.expected_columns}: {row.text[:60]!r}."
            )
        return "skip"

    # By place, because names may be there twice; that is told afterwards.
    places = [str(place) for place in range(len(names))]
    try:
        table = arrow.read_csv(
            path,
            # Row numbers are known in one thread only.
            read_options=arrow.ReadOptions(
                use_threads=False,
                column_names=places,
                skip_rows_after_names=1,
                block_size=LONGEST_ROW if path.stat().st_size > LONGEST_ROW else None,
            ),
            parse_options=arrow.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(places, pa.large_string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise refused(f"The file cannot be read as CSV: {error}") from error
    if bad:
        raise refused(
            f"Rows with the wrong number of values; nothing was imported. "
            f"The delimiter read is a {DELIMITERS[delimiter]}.",
            *bad,
        )
    frame = table.to_pandas()
    frame.columns = names
    return frame, {"delimiter": DELIMITERS[delimiter]}


def check_encoding(path: Path) -> int:
    """Refuse what is no UTF-8, with the place of the first wrong byte; count quotes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    place, line, quotes = 0, 1, 0
    with path.open("rb") as file:
        if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            raise refused("The file is UTF-16: save it as UTF-8.")
        file.seek(0)
        while piece := file.read(PIECE):
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                at = place - waiting + error.start
                line += (error.object[: error.start]).count(b"\n")
                raise _not_utf8(error, at, line) from error
            if (zero := piece.find(b"\0")) >= 0:
                raise refused(f"Byte {place + zero} is NUL: this is no text file.")
            place += len(piece)
            line += piece.count(b"\n")
            quotes += piece.count(b'"')
    if decoder.getstate()[0]:
        raise refused(f"The file ends within a character, at byte {place}.")
    return quotes


def _check_size(path: Path, columns: int) -> None:
    with path.open("rb") as file:
        cells = table_size.csv_cells(iter(partial(file.read, PIECE), b""), columns)
    if cells > table_size.MOST_CELLS:
        most = f"at most {table_size.MOST_CELLS:,} are read"
        raise TooLarge(f"About {cells:,} values: {most}.")


def _not_utf8(error: UnicodeDecodeError, at: int, line: int) -> InvalidInput:
    wrong = error.object[error.start : error.start + 1]
    guess = wrong.decode("cp1252", errors="replace")
    return refused(
        f"Byte {at} (line {line}) is no UTF-8: 0x{wrong.hex()}, "
        f"in Latin-1 {guess!r}. Save the file as UTF-8."
    )


def _header(path: Path) -> tuple[str, list[str], bool]:
    """The delimiter that parts the first rows most evenly, the columns' names, and
    whether there is nothing else."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.read(HEAD)
        if len(head) == HEAD:  # a header may be longer than that
            head += file.readline(LONGEST_HEADER)
    if len(head) == HEAD + LONGEST_HEADER and "\n" not in head:
        raise TooLarge(f"The header is longer than {LONGEST_HEADER:,} characters.")
    best: tuple[tuple[bool, int], str, list[list[str]]] | None = None
    for delimiter in DELIMITERS:
        try:
            rows = _first_rows(head, delimiter)
        except csv.Error:
            continue
        if not rows:
            continue
        width = len(rows[0])
        even = all(len(row) == width for row in rows)
        rank = (width > 1 and even, width)
        if best is None or rank > best[0]:
            best = (rank, delimiter, rows)
    if best is None:
        raise refused("The file has no header.")
    _, found, rows = best
    return found, rows[0], len(rows) == 1 and len(head) < HEAD


def _first_rows(head: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(StringIO(head, newline=""), delimiter=delimiter)
    rows = []
    for row in reader:
        if row:
            rows.append(row)
        if len(rows) > HEAD_ROWS:
            break
    # The head may have cut the last row.
    return rows[:-1] if len(rows) > 1 and len(head) >= HEAD else rows


def _check_quotes(path: Path, delimiter: str) -> None:
    """A quote that is never closed would swallow the rest of the file into one value."""
    csv.field_size_limit(LONGEST_ROW)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        started = 1
        try:
            for _ in reader:
                started = reader.line_num + 1
        except csv.Error as error:
            told = f"The row that starts in line {started} cannot be read: {error}."
            raise refused(told) from error


def refused(message: str, *places: str) -> InvalidInput:
    """A refusal of the field `file`, with up to twenty places."""
    told = [FieldError("file", place) for place in places[:MOST_TOLD]]
    return InvalidInput(message, errors=told or [FieldError("file", message)])
