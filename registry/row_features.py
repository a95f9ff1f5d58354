"""Component 5, Featurizer: the closed set of row features, each in two spellings.

`of_row` answers one request, `of_frame` a whole table; a test replays random rows
through both. Moments are read in the project's zone. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Hour:
    """The hour (0-23) of a moment; `at` is the moment predicted for."""

    column: str
    kind: ClassVar[str] = "integer"
    takes: ClassVar[tuple[str, ...]] = ("datetime",)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def of_row(self, row: Row, zone: str) -> int | None:
        moment = row.get(self.column)
        return None if moment is None else _local(moment, zone).hour

    def of_frame(self, frame: pd.DataFrame, zone: str) -> pd.Series:
        return frame[self.column].dt.tz_convert(zone).dt.hour.astype("float64")


@dataclass(frozen=True)
class Weekday:
    """The day of the week of a moment: Monday is 0."""

    column: str
    kind: ClassVar[str] = "integer"
    takes: ClassVar[tuple[str, ...]] = ("datetime",)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def of_row(self, row: Row, zone: str) -> int | None:
        moment = row.get(self.column)
        return None if moment is None else _local(moment, zone).weekday()

    def of_frame(self, frame: pd.DataFrame, zone: str) -> pd.Series:
        return frame[self.column].dt.tz_convert(zone).dt.day_of_week.astype("float64")


@dataclass(frozen=True)
class Log:
    """log(1 + x); missing where x ≤ -1."""

    column: str
    kind: ClassVar[str] = "numeric"
    takes: ClassVar[tuple[str, ...]] = ("numeric", "integer")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def of_row(self, row: Row, zone: str) -> float | None:
        value = row.get(self.column)
        return None if value is None or value <= -1 else math.log1p(value)

    def of_frame(self, frame: pd.DataFrame, zone: str) -> pd.Series:
        values = frame[self.column]
        # math, not numpy: their last bits differ, and both paths must agree.
        return values.where(values > -1).map(math.log1p, na_action="ignore")


@dataclass(frozen=True)
class Ratio:
    """One number by another; missing where the divisor is 0."""

    column: str
    by: str
    kind: ClassVar[str] = "numeric"
    takes: ClassVar[tuple[str, ...]] = ("numeric", "integer")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.by)

    def of_row(self, row: Row, zone: str) -> float | None:
        value, divisor = row.get(self.column), row.get(self.by)
        if value is None or divisor is None or divisor == 0:
            return None
        ratio = float(value) / float(divisor)
        return ratio if math.isfinite(ratio) else None

    def of_frame(self, frame: pd.DataFrame, zone: str) -> pd.Series:
        import numpy as np

        divisor = frame[self.by]
        ratio = frame[self.column] / divisor.where(divisor != 0)
        return ratio.where(np.isfinite(ratio))


@dataclass(frozen=True)
class TextLength:
    """How many characters a text has."""

    column: str
    kind: ClassVar[str] = "integer"
    takes: ClassVar[tuple[str, ...]] = ("text", "categorical")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def of_row(self, row: Row, zone: str) -> int | None:
        text = row.get(self.column)
        return None if text is None else len(text)

    def of_frame(self, frame: pd.DataFrame, zone: str) -> pd.Series:
        return frame[self.column].str.len().astype("float64")


RowFeature = Hour | Weekday | Log | Ratio | TextLength
ROW_FEATURES: tuple[type[RowFeature], ...] = (Hour, Weekday, Log, Ratio, TextLength)


def _local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))
