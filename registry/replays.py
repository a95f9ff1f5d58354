"""Registry: sources of the past, read as if they were of today: their moments are moved
by whole weeks of local time, and when they run out their last weeks are told again.

A replay is {"weeks": how far, "every": weeks that each later telling lasts}, or {}: the
sources are read as they are written.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

FORESEEN = timedelta(weeks=1)  # a forecast reaches into the next telling


def moved(frame: pd.DataFrame, names: list[str], *, weeks: int, zone: str) -> Any:
    """The frame with these moments so many weeks later: on the same weekday, at the
    same time on the clocks of the zone, in summer and in winter."""
    return frame.assign(**{name: later(frame[name], weeks, zone) for name in names})


def later(moments: pd.Series, weeks: int, zone: str) -> pd.Series:
    import numpy as np
    import pandas as pd

    local = moments.dt.tz_convert(zone).dt.tz_localize(None) + pd.Timedelta(weeks=weeks)
    standard = np.zeros(len(local), dtype=bool)
    placed = local.dt.tz_localize(zone, ambiguous=standard, nonexistent="shift_forward")
    return placed.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def told(
    frame: pd.DataFrame,
    kinds: Mapping[str, str],
    replay: Mapping[str, int],
    *,
    zone: str,
    now: datetime,
) -> pd.DataFrame:
    """The whole file, then its last weeks over and over: every telling that has begun by
    now, or soon will. No day is left out, and none is there twice."""
    import pandas as pd

    names = [name for name, kind in kinds.items() if kind == "datetime"]
    if not replay or not names:
        return frame
    weeks, every = int(replay["weeks"]), int(replay.get("every", 0))
    pieces = [moved(frame, names, weeks=weeks, zone=zone)]
    again = last_weeks(frame, names, every, zone=zone) if every else frame.head(0)
    while len(again):
        weeks += every
        piece = moved(again, names, weeks=weeks, zone=zone)
        if piece[names].min().min() > now + FORESEEN:
            break
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)


def last_weeks(
    frame: pd.DataFrame,
    names: list[str],
    weeks: int,
    *,
    zone: str,
    whole: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The rows of so many whole weeks of local days, up to the file's last day. A row is
    of the day of its earliest moment. `whole` is the file where these are some of it."""
    import pandas as pd

    day = _days(frame, names, zone)
    last = (day if whole is None else _days(whole, names, zone)).max()
    return frame[day > last - pd.Timedelta(weeks=weeks)]


def _days(frame: pd.DataFrame, names: list[str], zone: str) -> pd.Series:
    met = frame[names].min(axis=1).dt.tz_convert(zone).dt.tz_localize(None)
    return met.dt.normalize()
