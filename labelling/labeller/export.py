"""Component 2, Data Labeller: labels go out as a stream, in constant memory."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any

from labelling.collector.values import Value
from labelling.models import Annotation, Example
from registry.models import Project
from registry.spreadsheets import harmless

CHUNK = 500
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "label-studio": "application/json",
}
SUFFIXES = {"label-studio": "json"}


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One labelled example; its duplicates are rows of their own."""

    id: int
    key: str
    payload: dict[str, Any]
    label: Value
    agreement: float | None
    annotators: list[str]


def labelled(project: Project) -> Iterator[Labelled]:
    """All of them, oldest first, read in pieces."""
    last = 0
    rows = Example.objects.filter(project=project, state=Example.State.LABELLED)
    told = rows.order_by("pk").values_list(
        "pk", "key", "duplicate_of_id", "payload__data", "answer", "agreement"
    )
    while piece := list(told.filter(pk__gt=last)[:CHUNK]):
        people = _annotators([card or pk for pk, _, card, *_ in piece])
        for pk, key, card, data, answer, agreement in piece:
            data.pop(project.target, None)
            yield Labelled(
                id=pk,
                key=key,
                payload=data,
                label=answer,  # type: ignore[arg-type]
                agreement=agreement,
                annotators=people.get(card or pk, []),
            )
        last = piece[-1][0]


def _annotators(ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = Annotation.objects.filter(
        example_id__in=ids, state=Annotation.State.SUBMITTED
    ).order_by("pk")
    for example_id, name in rows.values_list("example_id", "user__username"):
        if name not in found.setdefault(example_id, []):
            found[example_id].append(name)
    return found


def stream(*, project: Project, kind: str) -> Iterator[bytes]:
    """The labels in one of MEDIA_TYPES."""
    rows = labelled(project)
    if kind == "csv":
        return _csv(project, rows)
    if kind == "parquet":
        return _parquet(project, rows)
    if kind == "label-studio":
        return _label_studio(project, rows)
    return _json_lines(project, rows)


def file_name(*, project: Project, kind: str) -> str:
    return f"{project.slug}-labels.{SUFFIXES.get(kind, kind)}"


def columns(project: Project) -> list[str]:
    """Who it is, the fields, the target under its own name (so that the file can be
    uploaded as a dataset), and how sure the label is."""
    names = [field["name"] for field in project.fields]
    taken = {*names, project.target}

    def ours(name: str) -> str:
        while name in taken:
            name += "_"
        return name

    ends = [ours("agreement"), ours("annotators")]
    return [ours("example_id"), ours("key"), *names, project.target, *ends]


def _cells(project: Project, row: Labelled) -> list[Any]:
    fields = [row.payload.get(field["name"]) for field in project.fields]
    names = ", ".join(row.annotators)
    return [row.id, row.key, *fields, row.label, row.agreement, names]


def _csv(project: Project, rows: Iterator[Labelled]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    cells = (_cells(project, row) for row in rows)
    for n, line in enumerate(chain([columns(project)], cells), start=1):
        writer.writerow([guarded(cell) for cell in line])
        if n % CHUNK == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def _emptied(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def guarded(cell: Any) -> Any:
    """A text that a spreadsheet would run gets an apostrophe; numbers stay numbers.

    >>> guarded("=1+1"), guarded(-1), guarded("a=b"), guarded(["a", "b"])
    ("'=1+1", -1, 'a=b', '["a", "b"]')
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, list | dict):
        cell = json.dumps(cell, ensure_ascii=False)
    return harmless(cell)


def _json_lines(project: Project, rows: Iterator[Labelled]) -> Iterator[bytes]:
    for row in rows:
        yield (
            _json(
                {
                    "id": row.id,
                    "key": row.key,
                    "payload": row.payload,
                    "label": row.label,
                    "agreement": row.agreement,
                    "annotators": row.annotators,
                }
            )
            + b"\n"
        )


def _label_studio(project: Project, rows: Iterator[Labelled]) -> Iterator[bytes]:
    """Label Studio's JSON: tasks with one annotation, the agreed one."""
    number = project.task == Project.Task.REGRESSION
    kind = "number" if number else "choices"
    before = b"[\n"
    for row in rows:
        several = row.label if isinstance(row.label, list) else [row.label]
        result = {
            "from_name": "label",
            "to_name": "item",
            "type": kind,
            "value": {kind: row.label if number else several},
        }
        task = {
            "id": row.id,
            "data": row.payload,
            "meta": {"key": row.key, "annotators": row.annotators},
            "annotations": [
                {"id": row.id, "result": [result], "was_cancelled": False,
                 "ground_truth": True}
            ],
        }  # fmt: skip
        yield before + _json(task)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _parquet(project: Project, rows: Iterator[Labelled]) -> Iterator[bytes]:
    """Written to a file first: a Parquet's index is at its end."""
    with tempfile.TemporaryFile() as file:
        _write_parquet(project, rows, file)
        file.seek(0)
        while part := file.read(2**16):
            yield part


def _write_parquet(project: Project, rows: Iterator[Labelled], file: IO[bytes]) -> None:
    """Columns typed by their fields; what does not fit its kind is null there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"numeric": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
    multilabel, number = pa.list_(pa.string()), pa.float64()
    target = {"regression": number, "multilabel": multilabel}
    types = [
        pa.int64(),
        pa.string(),
        *(kinds.get(field["kind"], pa.string()) for field in project.fields),
        target.get(project.task, pa.string()),
        pa.float64(),
        pa.string(),
    ]
    schema = pa.schema(list(zip(columns(project), types, strict=True)))
    with pq.ParquetWriter(file, schema) as writer:
        while piece := [_cells(project, row) for row in islice(rows, CHUNK)]:
            arrays = [
                pa.array([_fitting(row[i], kind) for row in piece], kind)
                for i, kind in enumerate(types)
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def _fitting(value: Any, kind: Any) -> Any:
    import pyarrow as pa

    if value is None or pa.types.is_list(kind):
        return value
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else json.dumps(value)
    if pa.types.is_boolean(kind):
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if pa.types.is_integer(kind):
        return int(value) if float(value).is_integer() else None
    return float(value)
