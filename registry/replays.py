"""Registry: sources of the past, read as if they were of today: their moments are moved
by whole weeks of local time, and told again from the start when they run out.

A replay is {"weeks": how far, "every": weeks from one telling to the next}, or {}: the
sources are read as they are written.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


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
    """Every telling that has begun by now, one behind the other."""
    import pandas as pd

    names = [name for name, kind in kinds.items() if kind == "datetime"]
    if not replay or not names:
        return frame
    weeks = int(replay["weeks"])
    pieces: list[pd.DataFrame] = []
    while not pieces or pieces[-1][names].min().max() <= now:
        pieces.append(moved(frame, names, weeks=weeks, zone=zone))
        if not replay.get("every"):
            break
        weeks += int(replay["every"])
    begun = [piece for piece in pieces if piece[names].min().max() <= now]
    return pd.concat(begun or pieces[:1], ignore_index=True)
