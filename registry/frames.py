"""Registry: frames and rows of one schema, converted without loss. No Django.

In a frame numeric, integer and boolean columns are float64 (true is 1.0), categorical,
text and image columns are `str`, datetime columns are `datetime64[us, UTC]`; a missing
value is always what `isna()` says. In a row the values are Python's, and None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry import images
from registry.classes import class_name
from registry.schema import LARGEST_INTEGER, LARGEST_NUMBER, STRINGS, Field
from registry.written import whole

if TYPE_CHECKING:
    import pandas as pd

MISSING = frozenset({"", "NA", "N/A", "null", "NULL", "NaN", "nan", "None"})
BOOLEANS = {
    "true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0
}  # fmt: skip
DAY = r"\d{4}-\d\d-\d\d"
OFFSET = r"(?:[Zz]|[+-]\d\d:?\d\d)$"
CURES = {
    "numeric": "write a finite number",
    "integer": "write a whole number",
    "boolean": "write true or false",
    "datetime": "write an ISO time",
    "image": f"write {images.WANTED}",
}


@dataclass(frozen=True)
class BadValues:
    """Values of one column that are not of its kind: how many, and the first rows."""

    column: str
    kind: str
    count: int
    rows: list[int]  # counted from 1, at most five
    example: str

    def __str__(self) -> str:
        where = ", ".join(map(str, self.rows)) + (", …" if self.count > 5 else "")
        return (
            f"{whole(self.count)} values are not {self.kind} (row {where}; the first is "
            f"{self.example!r}): {CURES[self.kind]}, or leave them empty."
        )


def conform(
    fields: Sequence[Field], frame: pd.DataFrame, *, zone: str = "UTC"
) -> tuple[pd.DataFrame, list[BadValues]]:
    """The fields' columns with their proper types, and what did not fit (missing now).

    A column that is not there is all missing. A time without an offset is of `zone`.
    """
    import pandas as pd

    columns, bad = {}, []
    for field in fields:
        name, kind = field["name"], field["kind"]
        raw = frame[name] if name in frame else pd.Series(None, index=frame.index)
        values = convert(raw, kind, zone=zone)
        if len(wrong := (values.isna() & ~missing(raw)).to_numpy().nonzero()[0]):
            bad.append(_bad_values(name, kind, raw, wrong))
        columns[name] = values.reset_index(drop=True)
    index = pd.RangeIndex(len(frame))
    return pd.DataFrame(columns, index=index), bad


def frame_of(fields: Sequence[Field], rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """A frame of checked rows (`schema.check_row`)."""
    import pandas as pd

    rows = list(rows)
    columns = {}
    for field in fields:
        values = [row.get(field["name"]) for row in rows]
        columns[field["name"]] = pd.Series(values, dtype=dtype_of(field["kind"]))
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def rows_of(fields: Sequence[Field], frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a conforming frame, as `schema.check_row` would have cleaned them."""
    names = [field["name"] for field in fields]
    columns = [python_values(frame[field["name"]], field["kind"]) for field in fields]
    return [
        dict(zip(names, values, strict=True))
        for values in (zip(*columns, strict=True) if columns else [()] * len(frame))
    ]


def dtype_of(kind: str) -> str:
    """The dtype of a kind in frames."""
    if kind in STRINGS:
        return "str"
    return "datetime64[us, UTC]" if kind == "datetime" else "float64"


def python_values(series: pd.Series, kind: str) -> list[Any]:
    """A conforming column as Python values, None where missing."""
    absent = series.isna().tolist()
    if kind == "datetime":
        values: Any = (None if no else v.to_pydatetime() for no, v in zip(
            absent, series, strict=True))  # fmt: skip
        return list(values)
    make = {"integer": int, "boolean": bool, "numeric": float}.get(kind, str)
    return [
        None if no else make(value)
        for no, value in zip(absent, series.tolist(), strict=True)
    ]


def missing(series: pd.Series) -> pd.Series:
    """What counts as missing, also as text: empty, NA, N/A, null, NaN, None."""
    import pandas as pd

    if isinstance(series.dtype, pd.StringDtype) or series.dtype == object:
        return series.isna() | _text(series).isin(MISSING)
    return series.isna()


def convert(series: pd.Series, kind: str, *, zone: str = "UTC") -> pd.Series:
    """A column of any type as its kind's dtype; what does not fit becomes missing."""
    import pandas as pd

    present = ~missing(series)
    if kind == "image":
        return _images(_strings(series, present))
    if kind in STRINGS:
        return _strings(series, present)
    if kind == "datetime":
        return _moments(series.where(present), zone=zone)
    if kind == "boolean":
        known = _strings(series, present).str.lower().map(BOOLEANS)
        return known.astype("float64")
    if isinstance(series.dtype, pd.StringDtype) or series.dtype == object:
        series = _text(series).where(present)
    numbers = pd.to_numeric(series, errors="coerce").astype("float64")
    limit = LARGEST_INTEGER if kind == "integer" else LARGEST_NUMBER
    fits = numbers.abs() <= limit
    if kind == "integer":
        fits &= numbers % 1 == 0
    return numbers.where(fits)


def as_days(series: pd.Series) -> pd.Series | None:
    """Days as keys spell them, 2026-10-01; None where a value is anything else."""
    import pandas as pd

    present = ~missing(series)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        if series.dt.tz is not None or (series != series.dt.normalize())[present].any():
            return None
        text = series.dt.strftime("%Y-%m-%d").astype("str")
    else:
        text = series.map(_iso, na_action="ignore").astype("str")
    text = text.where(present)
    known = text[present]
    return text if len(known) and known.str.fullmatch(DAY).all() else None


def _text(series: pd.Series) -> pd.Series:
    import pandas as pd

    if isinstance(series.dtype, pd.StringDtype):
        return series.str.strip()
    return series.map(class_name, na_action="ignore").astype("str")


def _strings(series: pd.Series, present: pd.Series) -> pd.Series:
    """Text as it is, but for blanks around it; 1.0 reads 1, and True reads true."""
    text = _text(series.astype(object) if series.dtype != "str" else series)
    return text.where(present).astype("str")


def _images(series: pd.Series) -> pd.Series:
    """Each image once is opened to its last byte; one that cannot be is missing."""
    good = [text for text in series.dropna().unique() if _opens(text)]
    return series.where(series.isin(good))


def _opens(text: str) -> bool:
    try:
        images.small(text)
    except ValueError:
        return False
    return True


def _moments(series: pd.Series, *, zone: str) -> pd.Series:
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = series.map(_iso, na_action="ignore").astype("str")
        naive = ~series.str.contains(OFFSET, regex=True, na=False)
        moments = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
        if zone != "UTC" and naive.any():
            local = _localise(moments[naive].dt.tz_localize(None), zone)
            moments = moments.where(~naive, local.reindex(moments.index))
    elif series.dt.tz is None:
        moments = _localise(series, zone)
    else:
        moments = series.dt.tz_convert("UTC")
    return moments.astype("datetime64[us, UTC]")


def _localise(series: pd.Series, zone: str) -> pd.Series:
    """Local times as UTC; in the hour that comes twice, the second (standard time)."""
    import numpy as np

    standard = np.zeros(len(series), dtype=bool)
    local = series.dt.tz_localize(zone, ambiguous=standard, nonexistent="shift_forward")
    return local.dt.tz_convert("UTC")


def _iso(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value).strip()


def _bad_values(name: str, kind: str, raw: pd.Series, wrong: Any) -> BadValues:
    return BadValues(
        column=name,
        kind=kind,
        count=len(wrong),
        rows=[int(place) + 1 for place in wrong[:5]],
        example=str(raw.iloc[wrong[0]])[:60],
    )
