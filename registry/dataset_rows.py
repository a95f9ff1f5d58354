"""Registry: a dataset's rows as they are stored, page by page; those of the test part
come without their target, which is sealed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import frames, storage
from registry.datasets import PART, PLACE
from registry.models import Dataset

if TYPE_CHECKING:
    import pandas as pd

BOOLEANS = {"true": 1.0, "false": 0.0}


def rows_after(
    dataset: Dataset,
    *,
    after: int | None = None,
    count: int = 50,
    part: str = "",
    only: tuple[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Up to `count` rows behind row `after` (counted from 0), each `{"row", "part",
    "values"}`, of all parts or of one. Only as much of the files is read as is needed.
    `only` (a column, and a value as its profile writes it; "" is missing) finds rows
    that train or validate.
    """
    split, start = dataset.split, -1 if after is None else after
    found: list[dict[str, Any]] = []
    if part != "test":
        path = storage.local_copy(uri=dataset.uri, sha256=dataset.sha256)
        found += _read(dataset, path, after=start, count=count, part=part, only=only)
    if part in {"", "test"} and only is None:
        path = storage.local_copy(
            uri=split.test_inputs_uri, sha256=split.test_inputs_sha256
        )
        found += _read(dataset, path, after=start, count=count, part="")
    return sorted(found, key=lambda row: row["row"])[:count]


def _read(
    dataset: Dataset,
    path: Path,
    *,
    after: int,
    count: int,
    part: str,
    only: tuple[str, str] | None = None,
) -> list[dict[str, Any]]:
    import pyarrow.dataset as ds

    wanted = ds.field(PLACE) > after
    if part:
        wanted &= ds.field(PART) == part
    if only:
        wanted &= _reads(dataset, *only)
    table = ds.dataset(path, format="parquet").head(count, filter=wanted)
    return _shown(dataset, table.to_pandas())


def _reads(dataset: Dataset, column: str, text: str) -> Any:
    """Whether a column reads `text`."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    kinds = {known["name"]: known["kind"] for known in dataset.columns}
    if column not in kinds:
        return ds.scalar(False)
    values: Any = ds.field(column)
    if not text:
        return values.is_null(nan_is_null=True)
    if kinds[column] not in {"numeric", "integer", "boolean"}:
        return values.cast(pa.string()) == text
    try:
        number = BOOLEANS[text] if text in BOOLEANS else float(text)
    except ValueError:
        return ds.scalar(False)
    return values == number


def _shown(dataset: Dataset, table: pd.DataFrame) -> list[dict[str, Any]]:
    fields = [column for column in dataset.columns if column["name"] in table]
    parts = table[PART] if PART in table else ["test"] * len(table)
    values = frames.rows_of(fields, table)
    return [
        {"row": int(row), "part": str(part), "values": shown}
        for row, part, shown in zip(table[PLACE], parts, values, strict=True)
    ]
