"""Rows as typed columns: the one reading of inputs that training and serving share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry import images

Field = Mapping[str, Any]  # {"name", "kind", "categories"?, "required"?}

NUMBERS = ("numeric", "integer", "boolean")
MISSING = ""  # of a category or a text
_TRUE = {"true", "1", "yes", "t", "y"}
_FALSE = {"false", "0", "no", "f", "n"}


@dataclass(frozen=True)
class Table:
    """`n` rows by field name: float64 (NaN missing), strings ("" missing),
    datetime64[us] in UTC (NaT missing) or small images (None missing)."""

    n: int
    columns: dict[str, NDArray[Any]]

    def take(self, rows: NDArray[np.intp]) -> "Table":
        """The same columns for these rows, in this order."""
        return Table(len(rows), {k: v[rows] for k, v in self.columns.items()})


def category(value: object) -> str:
    """A value as a category or class; numbers read alike from JSON, CSV and Parquet.

    >>> category(3.0), category(3), category("3"), category(None), category(True)
    ('3', '3', '3', '', 'true')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return MISSING
    if isinstance(value, np.generic):
        return category(value.item())
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return MISSING if text in {"nan", "NaT", "<NA>"} else text


def number(value: object) -> float:
    """A value as a float; missing and infinite become NaN.

    >>> number(" 2.5 "), number(True), number(None)
    (2.5, 1.0, nan)
    """
    if value is None or value == "":
        return np.nan
    try:
        result = float(value)  # type: ignore[arg-type]
    except ValueError:
        word = str(value).strip().lower()
        if word in _TRUE:
            return 1.0
        if word in _FALSE:
            return 0.0
        raise
    except TypeError:  # pandas' missing value
        return np.nan
    return result if np.isfinite(result) else np.nan


def moment(value: object) -> np.datetime64:
    """A date, datetime or ISO string as UTC microseconds; naive times are kept."""
    from datetime import UTC, date, datetime

    if isinstance(value, str) and value:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value == value:  # NaT differs from itself
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return np.datetime64(value.isoformat(), "us")
    if isinstance(value, date) and value == value:
        return np.datetime64(value, "us")
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]")
    return np.datetime64("NaT", "us")


def read(rows: Any, fields: Sequence[Field]) -> Table:
    """Type rows (a list of dicts, a DataFrame or a Table) by an input schema.

    A column that is not there is missing, further columns are ignored, order is free.
    Raises ValueError naming the field whose value cannot be read.
    """
    if isinstance(rows, Table):
        return rows
    columns = {}
    for field in fields:
        name, kind = field["name"], field["kind"]
        try:
            columns[name] = _typed(_values(rows, name), kind)
        except (ValueError, TypeError) as error:
            raise ValueError(f"Field {name!r} ({kind}): {error}.") from error
    return Table(len(rows), columns)


def _values(rows: Any, name: str) -> Any:
    if isinstance(rows, list | tuple):
        return [row.get(name) for row in rows]
    if name not in rows.columns:
        return [None] * len(rows)
    return rows[name]


def _typed(values: Any, kind: str) -> NDArray[Any]:
    if kind in NUMBERS:
        return _numbers(values)
    if kind == "datetime":
        return _moments(values)
    if kind == "image":
        return _images(values)
    found = np.empty(len(values), dtype=object)
    found[:] = [category(value) for value in values]
    return found


def _images(values: Any) -> NDArray[Any]:
    found = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # one by one: equal shapes would be one array
        text = category(value)
        found[row] = images.small(text) if text else None
    return found


def _numbers(values: Any) -> NDArray[np.float64]:
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.kind in "biuf":
        found = values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        found[~np.isfinite(found)] = np.nan
        return found
    return np.array([number(value) for value in values], dtype=np.float64)


def _moments(values: Any) -> NDArray[np.datetime64]:
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.kind == "M":
        if getattr(dtype, "tz", None) is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return values.to_numpy(dtype="datetime64[us]")
    return np.array([moment(value) for value in values], dtype="datetime64[us]")


DATE_PARTS = ("day_number", "month", "day", "weekday", "hour")


def date_parts(moments: NDArray[np.datetime64]) -> dict[str, NDArray[np.float64]]:
    """Calendar parts of UTC moments as floats, NaN where missing; Monday is 0.

    >>> parts = date_parts(np.array(["2024-02-29T13:30"], dtype="datetime64[us]"))
    >>> {name: float(values[0]) for name, values in parts.items()}
    {'day_number': 19782.0, 'month': 2.0, 'day': 29.0, 'weekday': 3.0, 'hour': 13.0}
    """
    missing = np.isnat(moments)
    safe = np.where(missing, np.datetime64(0, "us"), moments)
    days = safe.astype("datetime64[D]")
    months = safe.astype("datetime64[M]")
    parts = {
        "day_number": days.astype(np.int64),
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": (safe - days).astype("timedelta64[h]").astype(np.int64),
    }
    return {
        name: np.where(missing, np.nan, values.astype(np.float64))
        for name, values in parts.items()
    }
