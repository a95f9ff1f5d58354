"""Registry: the part of a row, fixed for ever. Pure.

Training 70 %, validation 10 %, test 20 %: by hash of the group, else of the row's
content; or by time with cut dates that only move forward. Nothing ever moves from
training to validation or test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("training", "validation", "test")
VALIDATION_FROM, TEST_FROM = 70, 80  # of 100


@dataclass(frozen=True)
class Cuts:
    """From when on rows validate, and from when on they test. None: no times at all."""

    validation_from: datetime | None
    test_from: datetime | None

    def as_json(self) -> dict[str, str | None]:
        return {
            name: moment.isoformat() if moment else None
            for name, moment in vars(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, str | None]) -> Cuts:
        moments = (data.get("validation_from"), data.get("test_from"))
        return cls(
            *(datetime.fromisoformat(text) if text else None for text in moments)
        )


def part_of(project: str, key: str) -> str:
    """The part of a group, or of a row's content, by hash: the same for ever.

    >>> part_of("churn", "C1"), part_of("churn", "C2"), part_of("churn", "C12")
    ('training', 'test', 'training')
    """
    digest = blake2b(f"{project}:{key}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % 100
    if place < VALIDATION_FROM:
        return "training"
    return "validation" if place < TEST_FROM else "test"


def by_hash(project: str, keys: pd.Series) -> pd.Series:
    """The part of every key; equal keys share it."""
    parts = {key: part_of(project, key) for key in keys.unique()}
    return keys.map(parts).astype("str")


def content_keys(frame: pd.DataFrame) -> pd.Series:
    """One spelling of each row's content; a missing value is as if not there, so that
    a column added later moves nothing. One column alone is spelt as its bare text."""
    import pandas as pd

    if len(frame.columns) == 1:
        texts = [_spelt(value) for value in frame.iloc[:, 0]]
        return pd.Series(texts, index=frame.index, dtype="str")
    names = sorted(frame.columns)
    columns = [
        [json.dumps(_plain(value), ensure_ascii=False) for value in frame[name]]
        for name in names
    ]
    keys = [
        ",".join(f"{n}={v}" for n, v in zip(names, values, strict=True) if v != "null")
        for values in zip(*columns, strict=True)
    ]
    return pd.Series(keys, index=frame.index, dtype="str")


def by_time(times: pd.Series, *, earlier: Cuts | None = None) -> tuple[pd.Series, Cuts]:
    """Parts in time order, 70/10/20 where ties allow, and the cuts they were made by.

    The cuts of an earlier split are never undercut: newer rows make newer validation
    and test blocks, the old ones retire into training. A row without a time trains.
    """
    import pandas as pd

    cuts = _later(earlier, _find_cuts(times.dropna()))
    parts = pd.Series("training", index=times.index, dtype="str")
    if cuts.validation_from is not None:
        parts[times >= cuts.validation_from] = "validation"
    if cuts.test_from is not None:
        parts[times >= cuts.test_from] = "test"
    return parts, cuts


def _find_cuts(times: pd.Series) -> Cuts:
    """The moments with nearest to 80 % and 70 % of the rows before them. Where ties
    leave room for two parts only, these are training and test; for one, training."""
    if times.empty:
        return Cuts(None, None)
    counts = times.value_counts().sort_index()
    before = counts.cumsum() - counts
    before = before[before > 0]  # something must be left to train on
    if before.empty:  # and it will train for ever: the cut lies behind it
        after = times.max().to_pydatetime() + timedelta(microseconds=1)
        return Cuts(after, after)
    test_from = (before - len(times) * TEST_FROM / 100).abs().idxmin()
    before = before[before.index < test_from]
    if before.empty:
        return Cuts(test_from.to_pydatetime(), test_from.to_pydatetime())
    validation_from = (before - len(times) * VALIDATION_FROM / 100).abs().idxmin()
    return Cuts(validation_from.to_pydatetime(), test_from.to_pydatetime())


def _later(earlier: Cuts | None, found: Cuts) -> Cuts:
    if earlier is None:
        return found
    moments = []
    for old, new in (
        (earlier.validation_from, found.validation_from),
        (earlier.test_from, found.test_from),
    ):
        known = [moment for moment in (old, new) if moment is not None]
        moments.append(max(known) if known else None)
    return Cuts(*moments)


def _spelt(value: object) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _plain(value: object) -> object:
    """A value as it is hashed: 1.0 is 1, a moment is ISO, whatever the column's kind."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value
