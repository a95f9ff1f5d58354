"""Component 5, Featurizer: one declared window, for a request and for a table.

A request runs one parametrised statement over a covering index; a table loads the
stream once and answers all its rows from it. Both read the same rows of `Event`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Count, Max, Sum

from registry import lookups
from registry.aggregates import Aggregate
from registry.identifiers import canonical_key
from registry.models import Event, Project
from registry.windows import Window

if TYPE_CHECKING:
    import pandas as pd

    from registry.ranges import Log, Ranges

KEPT = 4  # streams that a process holds in memory
_OF_KEY = (
    'SELECT "value" FROM "registry_event" WHERE "project_id" = %s AND "stream" = %s '
    'AND "key" = %s AND "known_at" BETWEEN %s AND %s ORDER BY "known_at", "value"'
)
_OF_ALL = _OF_KEY.replace('AND "key" = %s ', "")
_held: OrderedDict[tuple[Any, ...], Stream] = OrderedDict()


def of_row(
    project: Project, window: Window, length: int, row: dict[str, Any]
) -> dict[str, Any]:
    """The window's features of one row, which has its key's columns and `at`."""
    at = row.get("at")
    key = key_of(window.key, row)
    if at is None or key is None:
        return dict.fromkeys(window.aggregates)
    since = _before(at, length)
    where = (project.pk, window.stream, key, since, at)
    facts = _values(_OF_KEY, where)
    said = _say(window.aggregates, facts)
    lacking = {
        name: one
        for name, one in window.aggregates.items()
        if said[name] is None and one.default is not None
    }
    if any(one.falls_back for one in lacking.values()):
        everybody = _values(_OF_ALL, (project.pk, window.stream, since, at))
        told = _say(lacking, everybody)
        said |= {n: told[n] for n, one in lacking.items() if one.falls_back}
    return said | {
        name: float(one.default)  # type: ignore[arg-type]
        for name, one in lacking.items()
        if not one.falls_back
    }


def _before(at: datetime, length: int) -> datetime:
    try:
        return at - timedelta(microseconds=length)
    except OverflowError:  # before the first day that there is
        return datetime.min.replace(tzinfo=UTC)


def key_of(columns: Sequence[str], row: dict[str, Any]) -> str | None:
    """The key of a row's facts, None where a part of it is missing."""
    if any(row.get(name) is None for name in columns):
        return None
    return canonical_key(sorted(columns), {name: row[name] for name in columns})


def _values(statement: str, where: tuple[Any, ...]) -> list[float | None]:
    adapt = connection.ops.adapt_datetimefield_value
    *equal, since, until = where
    with connection.cursor() as cursor:
        cursor.execute(statement, [*equal, adapt(since), adapt(until)])
        return [value for (value,) in cursor.fetchall()]


def _say(
    aggregates: dict[str, Aggregate], facts: Sequence[float | None]
) -> dict[str, Any]:
    values = [value for value in facts if value is not None]
    return {n: one.of_values(values, len(facts)) for n, one in aggregates.items()}


# Tables


def of_frame(
    project: Project,
    window: Window,
    length: int,
    table: pd.DataFrame,
    kinds: dict[str, str],
) -> dict[str, Any]:
    """The window's features of every row, as columns of floats."""
    import numpy as np

    stream = stream_of(project, window.stream)
    at, present = _microseconds(table["at"])
    codes, known = stream.codes(lookups.typed_keys(sorted(window.key), table, kinds))
    found = stream.log.windows(np.where(present, codes, -1), at, length)
    everybody = None
    if window.asks_all:
        everybody = stream.everybody.windows(np.zeros_like(codes), at, length)
    return {
        name: np.where(present & known, _column(one, found, everybody), np.nan)
        for name, one in window.aggregates.items()
    }


def _column(one: Aggregate, found: Ranges, everybody: Ranges | None) -> Any:
    import numpy as np

    said = one.of_windows(found)
    if one.default is None:
        return said
    if one.falls_back:
        assert everybody is not None
        return np.where(np.isnan(said), one.of_windows(everybody), said)
    return np.where(np.isnan(said), float(one.default), said)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stream:
    """All facts of a stream in memory, sorted."""

    names: dict[str, int]
    log: Log

    @cached_property
    def everybody(self) -> Log:
        return self.log.of_all()

    def codes(self, keys: Iterable[str | None]) -> tuple[Any, Any]:
        """The number of every key (-1: no fact has it), and whether there is a key."""
        import numpy as np

        wanted = list(keys)
        codes = [self.names.get(key, -1) if key is not None else -1 for key in wanted]
        known = [key is not None for key in wanted]
        return np.array(codes, dtype=np.int64), np.array(known, dtype=bool)


def snapshot(
    project: Project, stream: str, *, until: datetime | None = None
) -> tuple[Any, ...]:
    """What tells one state of a stream from another. Ids alone do not: those of a
    transaction that was rolled back are given again."""
    facts = Event.objects.filter(project=project, stream=stream)
    if until is not None:
        facts = facts.filter(known_at__lte=until)
    found = facts.aggregate(
        n=Count("id"), last=Max("id"), known=Max("known_at"), total=Sum("value")
    )
    return tuple(found.values())


def stream_of(project: Project, stream: str) -> Stream:
    """The stream as it is now; read once as long as nothing is added."""
    key = (project.pk, stream, *snapshot(project, stream))
    held = _held.get(key)
    if held is None:
        for old in [one for one in list(_held) if one[:2] == key[:2]]:
            _held.pop(old, None)
        held = _held[key] = _read(project, stream)
        while len(_held) > KEPT:
            _held.popitem(last=False)
    return held


def _read(project: Project, stream: str) -> Stream:
    import numpy as np
    import pandas as pd

    from registry.ranges import Log

    facts = Event.objects.filter(project=project, stream=stream)
    rows = list(facts.values_list("key", "known_at", "value"))
    codes, names = pd.factorize(np.array([row[0] for row in rows], dtype=object))
    moments = pd.Series([row[1] for row in rows], dtype="datetime64[us, UTC]")
    values = np.array([row[2] for row in rows], dtype=float)
    log = Log.of(codes.astype(np.int64), _microseconds(moments)[0], values)
    return Stream({str(name): code for code, name in enumerate(names)}, log)


def _microseconds(moments: pd.Series) -> tuple[Any, Any]:
    """Whole microseconds since 1970 (0 where missing), and whether there is a moment."""
    present = moments.notna().to_numpy()
    filled = moments.fillna(datetime.fromisoformat("1970-01-01T00:00:00+00:00"))
    return filled.astype("datetime64[us, UTC]").astype("int64").to_numpy(), present
