"""`make bench-windows`: windows over a year of flights against pandas, and one request's
windows against computing them anew from the table. On this machine, in one run: what
counts is the ratio.
"""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

# As many as left New York in 2013.
ROWS = int(os.environ.get("BENCH_ROWS", "336776"))
ROUTES = 224
REQUESTS = 300
HOUR = 3_600_000_000  # microseconds
YEAR = datetime(2013, 1, 1, tzinfo=UTC)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        frame = a_year()
        batch(frame)
        request(frame)


def a_year() -> Any:
    """Keys, and moments at which a delay became known."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "key": rng.integers(0, ROUTES, ROWS),
            "known": np.sort(rng.integers(0, 365 * 24 * HOUR, ROWS)),
            "value": rng.normal(7, 40, ROWS).round(),
        }
    )


def batch(frame: Any) -> None:
    """The mean and the count of the last 6 hours before every row."""
    from registry.aggregates import Count, Mean
    from registry.ranges import Log

    def ours() -> None:
        keys, moments = frame["key"].to_numpy(), frame["known"].to_numpy()
        log = Log.of(keys, moments, frame["value"].to_numpy())
        found = log.windows(keys, moments, 6 * HOUR)
        Mean().of_windows(found)
        Count().of_windows(found)

    def rolling() -> None:
        import pandas as pd

        known = frame.assign(at=pd.to_datetime(frame["known"], unit="us"))
        windows = known.set_index("at").groupby("key")["value"]
        windows.rolling("6h", closed="both").agg(["mean", "count"])

    def by_hand() -> None:
        for row in frame.iloc[:: ROWS // 200].itertuples():
            same = frame[frame["key"] == row.key]
            since = row.known - 6 * HOUR
            inside = same[(same["known"] >= since) & (same["known"] <= row.known)]
            inside["value"].agg(["mean", "count"])

    mine, theirs = seconds(ours), seconds(rolling)
    naive = seconds(by_hand) * (ROWS / 200)
    told("table: ours", mine, ROWS)
    told("table: pandas rolling (its ties are not ours)", theirs, ROWS, mine)
    told("table: pandas, a filter a row", naive, ROWS, mine)


def request(frame: Any) -> None:
    """The window of one request: our statement, and the same from all of the table."""
    from registry.aggregates import Count, Mean
    from registry.featurizer import windows
    from registry.models import Event, Project
    from registry.windows import Events, Hours, Window

    project = Project.objects.create(
        slug="bench", task="regression", target="y", primary_metric="mae"
    )
    known = [YEAR + timedelta(microseconds=int(at)) for at in frame["known"]]
    rows = zip(frame["key"], known, frame["value"], strict=True)
    events = (
        Event(project=project, stream="late", event_id=str(n), key=str(key), known_at=at,
              value=value)
        for n, (key, at, value) in enumerate(rows)
    )  # fmt: skip
    Event.objects.bulk_create(events, batch_size=5000)
    window = Window(
        "w", ["route"], Events("late"), Hours(6), {"n": Count(), "mean": Mean()}, 1
    )
    asked = [
        {"route": str(n % ROUTES), "at": known[n * ROWS // REQUESTS]}
        for n in range(REQUESTS)
    ]

    def ours() -> None:
        for row in asked:
            windows.of_row(project, window, 6 * HOUR, row)

    def anew() -> None:
        import pandas as pd

        for row in asked[:5]:
            facts = Event.objects.filter(project=project, key=row["route"])
            table = pd.DataFrame(facts.values("known_at", "value"))
            since = row["at"] - timedelta(hours=6)
            inside = table[table["known_at"].between(since, row["at"])]
            inside["value"].agg(["mean", "count"])

    mine, theirs = seconds(ours), seconds(anew) * (REQUESTS / 5)
    told("request: ours", mine, REQUESTS)
    told("request: its key's facts into pandas", theirs, REQUESTS, mine)


def seconds(work: Callable[[], None]) -> float:
    """Of CPU, the best of three: a busy machine must not count."""
    found = []
    for _ in range(3):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def told(name: str, spent: float, n: int, against: float = 0.0) -> None:
    ratio = f"   {spent / against:6.1f} x ours" if against else ""
    print(f"{name:48} {1e6 * spent / n:9.2f} µs a row{ratio}")


if __name__ == "__main__":
    main()
