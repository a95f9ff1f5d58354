"""Scorings: tables in, Parquet out. What comes in is kept as one file until it is done,
so that a scoring goes on where it stopped, over the same rows in the same order."""

from __future__ import annotations

import dataclasses
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import datasets, definition_store, frames, sources, storage
from registry.answering import LoadedVersion
from registry.errors import FieldError, InvalidInput
from registry.models import Dataset, Project
from registry.schema import json_value

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CHUNK = 5_000  # rows asked at once; one part of the result
REFERENCE, AT = "reference", "at"


class ScoringRefused(InvalidInput):
    """This table can never be scored: trying again does not help."""

    permanent = True


def of_dataset(dataset: Dataset) -> pd.DataFrame:
    """All inputs of a dataset; the target stays where it is."""
    import pandas as pd

    known = datasets.training_frame(dataset)
    tested = datasets.test_inputs(dataset)
    target = dataset.project.target
    return pd.concat([known.drop(columns=[target]), tested], ignore_index=True)


def of_source(project: Project, name: str, query: str) -> pd.DataFrame:
    """A declared source's rows, or those that a query of its database gives."""
    definition = definition_store.definition_of(project)
    declared = {each.name: each for each in definition.sources} if definition else {}
    if definition is None or name not in declared:
        known = ", ".join(declared) or "none"
        raise _refused("source", f"There is no source {name!r}; there are: {known}.")
    if not query:
        return sources.source_rows(definition, name).frame
    source = declared[name]
    if source.file or not source.source:
        raise _refused("query", f"Source {name} is a file: leave the query out.")
    asked = dataclasses.replace(source, sql=query, table="")
    return sources.read(asked, folder=definition.path.parent)[0]


def keep(project: Project, frame: pd.DataFrame) -> storage.Stored:
    """The table as a file of ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.parquet"
        frame.to_parquet(path, index=False)
        return storage.put_file(path=_path(project), local=path)


def check_columns(
    loaded: LoadedVersion, project: Project, names: Sequence[str]
) -> None:
    """Refuse a table that lacks what the model needs, before the first row."""
    if loaded.features.get("lookups") and set(project.entity) <= set(names):
        return  # look-ups bring it
    fields = [field["name"] for field in loaded.fields]
    required = [field["name"] for field in loaded.fields if field.get("required")]
    if missing := [name for name in required if name not in names]:
        raise _refused("columns", f"The table lacks {', '.join(missing[:10])}.")
    if not set(fields) & set(names):
        raise _refused(
            "columns", f"None of the model's fields: {', '.join(fields[:10])}."
        )


def chunks(path: Path, *, skip: int) -> Iterator[pd.DataFrame]:
    """The table's rows from number `skip` on, CHUNK at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for index, batch in enumerate(file.iter_batches(batch_size=CHUNK)):
            if index * CHUNK >= skip:
                yield batch.to_pandas()


def count(path: Path) -> tuple[int, list[str]]:
    """How many rows a file has, and the names of its columns."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.metadata.num_rows, list(file.schema_arrow.names)


def requests(
    frame: pd.DataFrame, *, fields: Sequence[Mapping[str, Any]], project: Project
) -> list[dict[str, Any]]:
    """Rows as clients would have sent them one by one. A value that is not of its
    field's kind stays as it is written, so that the check names it."""
    names = {field["name"] for field in fields}
    columns = {field["name"]: _values(frame, field, project) for field in fields}
    beside: dict[str, list[Any]] = {}  # what is no input: when, and the client's own id
    for key, name, kind in (
        (AT, project.time_column or AT, "datetime"),
        (REFERENCE, REFERENCE, "text"),
    ):
        if name not in names:
            field = {"name": name, "kind": kind}
            beside[key] = [json_value(v) for v in _values(frame, field, project)]
    entities = [
        _values(frame, {"name": name, "kind": "categorical"}, project)
        for name in project.entity
    ]
    asked = []
    for i in range(len(frame)):
        request: dict[str, Any] = {"input": _row(columns, i), **_row(beside, i)}
        entity = [values[i] for values in entities if values]
        if project.entity and len(entity) == len(project.entity) and all(entity):
            request["entity"] = dict(zip(project.entity, entity, strict=True))
        asked.append(request)
    return asked


def _row(columns: Mapping[str, list[Any]], i: int) -> dict[str, Any]:
    """What is there of row i; a column that is not there has no values."""
    return {
        name: values[i]
        for name, values in columns.items()
        if values and values[i] is not None
    }


def _values(
    frame: pd.DataFrame, field: Mapping[str, Any], project: Project
) -> list[Any]:
    name, kind = field["name"], field["kind"]
    if name not in frame:
        return []
    raw = frame[name]
    typed = frames.convert(raw, kind, zone=project.zone)
    values = frames.python_values(typed, kind)
    for place in (typed.isna() & ~frames.missing(raw)).to_numpy().nonzero()[0]:
        values[place] = str(raw.iloc[place])
    return values


def result_schema(loaded: LoadedVersion) -> pa.Schema:
    """The columns of a result; the same for every part of it."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        "row": pa.int64(),
        "id": pa.string(),
        "reference": pa.string(),
        "entity": pa.string(),
        "at": pa.timestamp("us", tz="UTC"),
    }
    if loaded.task == "regression":
        columns["prediction"] = pa.float64()
    else:
        columns["prediction"] = pa.string()
        if loaded.positive:
            columns["score"] = pa.float64()
        columns |= {f"probability:{name}": pa.float64() for name in loaded.classes}
        columns |= {"decision": pa.string(), "reason": pa.string()}
    return pa.schema([*columns.items(), ("error", pa.string())])


def put_part(
    project: Project, rows: Sequence[Mapping[str, Any]], schema: pa.Schema
) -> storage.Stored:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
        return storage.put_file(path=_path(project), local=path)


def put_together(
    project: Project, parts: Sequence[Sequence[str]], schema: pa.Schema
) -> storage.Stored:
    """One file of all parts, a part at a time in memory."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.parquet"
        with pq.ParquetWriter(path, schema) as writer:
            for uri, sha256 in parts:
                local = storage.local_copy(uri=uri, sha256=sha256)
                writer.write_table(pq.read_table(local, schema=schema))
        return storage.put_file(path=_path(project), local=path)


def _path(project: Project) -> str:
    return f"scorings/{project.slug}/{secrets.token_hex(10)}.parquet"


def _refused(field: str, message: str) -> ScoringRefused:
    return ScoringRefused(f"{field}: {message}", errors=[FieldError(field, message)])
