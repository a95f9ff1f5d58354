"""Component 2, Data Labeller: examples out of a file, row by row, never all at once."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from labelling.labeller.drafts import LONGEST_PAYLOAD, BadExample
from labelling.labeller.intake import CHUNK
from registry import frames
from registry.csv_files import check_encoding
from registry.errors import InvalidInput
from registry.models import Project
from registry.schema import NUMBERS, RFC_3339
from registry.web.strict_json import NotJson, parse

LONGEST_LINE = 4 * LONGEST_PAYLOAD  # bytes
DELIMITERS = ",;\t|"
MISSING = frozenset({"", "NA", "N/A", "null", "NaN", "None"})
WORDS = {"true": True, "yes": True, "false": False, "no": False}
Numbered = Iterator[tuple[int, Any]]


def read_lines(path: Path, *, bare: bool = False) -> Numbered:
    """The items of an NDJSON file; a line that is none is a BadExample in its place.

    `bare`: a line without `payload` is a payload itself.
    """
    with path.open("rb") as file:
        for index, line in enumerate(_lines(file)):
            if isinstance(line, BadExample):
                yield index, line
                continue
            try:
                item = parse(line)
            except NotJson as error:
                yield index, BadExample(error.detail)
                continue
            if bare and not (isinstance(item, dict) and "payload" in item):
                item = {"payload": item}
            yield index, item


def _lines(file: IO[bytes]) -> Iterator[bytes | BadExample]:
    """Lines that say something; one that is too long is passed over."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            if line.strip():
                yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield BadExample(f"Longer than {LONGEST_LINE} bytes.")


def read_csv(path: Path, *, project: Project) -> Numbered:
    """The rows of a CSV file with a header, typed as the project's fields say."""
    kinds = {field["name"]: field["kind"] for field in project.fields}
    csv.field_size_limit(LONGEST_PAYLOAD)
    check_encoding(path)  # the whole file, before the first of its rows comes in
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            file.seek(0)
            delimiter = max(DELIMITERS, key=first.count)
            rows: Iterator[list[str]] = csv.reader(file, delimiter=delimiter)
            header = _header(next(rows, []))
            times = [
                i for i, name in enumerate(header) if kinds.get(name) == "datetime"
            ]
            if times:
                rows = _in_zone(rows, times, project.zone)
            yield from _typed(rows, header, kinds)
        except csv.Error as error:
            raise InvalidInput(f"This is no CSV: {error}.") from error


def _header(names: list[str]) -> list[str]:
    if not names or not all(names) or len(set(names)) != len(names):
        raise InvalidInput("The first line must name every column, each once.")
    return names


def _in_zone(
    rows: Iterator[list[str]], places: list[int], zone: str
) -> Iterator[list[str]]:
    """Dates and times without an offset are the project's, as in its data. What is no
    time stays as it is, to be refused in its row."""
    while piece := list(islice(rows, CHUNK)):
        for place in places:
            _write_offsets([row for row in piece if place < len(row)], place, zone)
        yield from piece


def _write_offsets(rows: list[list[str]], place: int, zone: str) -> None:
    import pandas as pd

    without = [row for row in rows if not RFC_3339.match(row[place])]
    cells = pd.Series([row[place] for row in without], dtype="str")
    moments = frames.convert(cells, "datetime", zone=zone)
    for row, moment in zip(without, moments.dt.tz_convert(zone), strict=True):
        if not pd.isna(moment):
            row[place] = moment.isoformat()


def _typed(
    rows: Iterator[list[str]], header: list[str], kinds: dict[str, str]
) -> Numbered:
    index = 0
    for row in rows:
        if not row:
            continue
        if len(row) == len(header):
            payload = {
                name: _value(text, kinds.get(name, ""))
                for name, text in zip(header, row, strict=True)
            }
            yield index, {"payload": payload}
        else:
            yield index, BadExample(f"{len(row)} cells; the header has {len(header)}.")
        index += 1


def _value(text: str, kind: str) -> Any:
    if text.strip() in MISSING:
        return None
    if kind in NUMBERS:
        try:
            number = float(text)
        except ValueError:
            return text
        return int(number) if kind == "integer" and number.is_integer() else number
    if kind == "boolean":
        return WORDS.get(text.strip().lower(), text)
    return text
