"""The example of the design page, `flights` in a warehouse, as it stands there: from sync
over its baselines to a prediction by entity. Its data is made here, in a SQLite file.
Own metrics and algorithms are no part of definitions yet."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlsystem import baselines
from registry import checking, clock, datasets, definition_sync, featurizer
from registry.models import LookupRow, Project
from tests.calls import Rest
from tests.factories import make_key
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

FIRST = datetime(2026, 10, 1, 5, tzinfo=UTC)
NOW = FIRST + timedelta(days=20)
MODULE = """
from datetime import timedelta

def landed(row):
    air = row["air_time"]
    return air and row["time_hour"] + timedelta(minutes=air + (row["dep_delay"] or 0))

flights = Project("flights", task="regression", target="arr_delay", unit="minutes", entity=["date", "carrier", "flight"], horizon=hours(30), silence="unknown")
flights.source("flights", table="flights", source="warehouse", watermark="time_hour")     # SOURCE_WAREHOUSE_URL; or file=, sql=
flights.source("weather", table="weather", source="warehouse")
flights.source("planes", table="planes", source="warehouse")

flights.derive("date", lambda row: f"{row['time_hour']:%Y-%m-%d}"); flights.derive("observed_at", landed)
@flights.lookup("flights", key=["date", "carrier", "flight"])             # what predict by entity reads
class Flight: sched_dep_time = Column("sched_dep_time"); tailnum = Column("tailnum")

@flights.lookup("planes", key="tailnum")                                  # stored columns
class Plane: year = Column("year"); seats = Column("seats"); maker = Column("manufacturer")

@flights.window                                                           # one definition, batch and real time
class RouteDelay:
    key = ["carrier", "origin", "dest"]                                   # columns of the input; entity is the predicted subject
    events = Events.from_truth(known_at="observed_at", value="arr_delay") # or Events("arrivals", …) fed by POST /events
    window = Hours(6, tune=(1, 72, "log"))
    n, mean, worst = Count(), Mean(default=Global()), Max()

@flights.window
class MakerDelay:
    key = ["maker"]                                                       # a column of a look-up
    events = Events.from_truth(known_at="observed_at", value="arr_delay")
    window = Days(2)
    mean = Mean()

@flights.feature                                                          # own Python feature: parity-tested on both paths
def is_red_eye(row): return row["sched_dep_time"] >= 2200

flights.features(hour=Hour("time_hour"))

flights.baseline("as_departed", lambda row: row["dep_delay"])
flights.baseline("route_last_week", GroupMean(["origin", "dest"], over=days(7)))
flights.baseline("by carrier", GroupMean("carrier"))
flights.gate(slices=["carrier"], worst_slice_margin=2.0, max_latency_us=500)
"""
TABLES = {
    "flights": "time_hour, carrier, flight, origin, dest, sched_dep_time, dep_delay, "
    "air_time, tailnum, arr_delay",
    "weather": "origin, time_hour, temp",
    "planes": "tailnum, year, seats, manufacturer",
}


def departures() -> Iterator[tuple[Any, ...]]:
    """A flight an hour: of two carriers, on three routes, with five planes."""
    for n in range(400):
        at = FIRST + timedelta(hours=n)
        delay = n * 7 % 31 - 5
        yield (
            f"{at:%Y-%m-%dT%H:%M:%SZ}", ("UA", "B6")[n % 2], 100 + n % 40,
            ("EWR", "JFK")[n % 2], ("MIA", "ATL", "BOS")[n % 3], 100 * at.hour, delay,
            90 + n % 3 * 20, f"N{n % 5}", delay + n % 4,
        )  # fmt: skip


@pytest.fixture
def flights(modules: Modules) -> Iterator[Project]:
    database = modules.folder / "warehouse.db"
    rows: dict[str, list[tuple[Any, ...]]] = {
        "flights": list(departures()),
        "weather": [("EWR", "2026-10-01T05:00:00Z", 12.5)],
        "planes": [(f"N{n}", 2001 + n, 100 + n, ("BOEING", "AIRBUS")[n % 2]) for n in range(5)],
    }  # fmt: skip
    with sqlite3.connect(database) as connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
            marks = ", ".join("?" * len(rows[name][0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows[name])
    connection.close()
    modules.settings.SOURCES = {"warehouse": f"sqlite:///{database}"}
    modules.write(MODULE)
    with clock.moved_to(NOW):
        assert definition_sync.sync() == []
        yield Project.objects.get(slug="flights")


def test_what_the_page_declares_becomes_a_project(flights: Project) -> None:
    kinds = {field["name"]: field["kind"] for field in flights.fields}
    assert kinds["carrier"] == "categorical"  # of the entity, and a slice: an input
    assert not {"date", "flight", "observed_at", "arr_delay"} & set(kinds)
    assert (
        flights.time_column == "time_hour"
    )  # windows look back from a row's watermark
    learnt = {field["name"] for field in featurizer.features_spec(flights)["fields"]}
    assert kinds.keys() - learnt == {"time_hour"}  # functions go on reading it
    dataset = flights.datasets.get()
    assert dataset.rows == 400
    assert dataset.split.kind == "time"
    key = LookupRow.objects.filter(lookup="flights").order_by("key").first()
    assert key is not None
    assert key.key == '["2026-10-01","B6","101"]'


def test_the_page_is_checked_and_both_paths_agree(flights: Project) -> None:
    lines = list(checking.check("flights"))

    assert [line.text for line in lines if line.wrong] == []
    assert "same in training and serving" in lines[-1].text


def test_training_has_windows_and_columns_of_text(flights: Project) -> None:
    spec = featurizer.features_spec(flights)
    kinds = {field["name"]: field["kind"] for field in spec["fields"]}
    assert kinds["maker"] == "categorical"
    assert kinds["year"] == "numeric"
    table = featurizer.compute_frame(
        project=flights,
        features=spec,
        frame=datasets.training_frame(flights.datasets.get()),
    )
    assert set(table["maker"]) == {"BOEING", "AIRBUS"}
    assert table["route_delay_mean"].notna().mean() > 0.9
    assert table["maker_delay_mean"].notna().mean() > 0.9


def test_the_page_answers_by_entity(flights: Project) -> None:
    baselines.open_if_missing(project=flights)
    names = [version.name for version in flights.versions.order_by("number")]
    assert names == ["as_departed", "route_last_week", "by carrier"]
    rest = Rest(flights, make_key(flights))
    entity = {"date": "2026-10-05", "carrier": "UA", "flight": 116}
    at = "2026-10-05T06:00:00Z"

    answer = rest.post(
        "predict", {"entity": entity, "input": {"dep_delay": 12}, "at": at}
    )

    assert answer.status_code == 200, answer.content
    assert answer.json()["prediction"] == 12
    asked = {"entities": [entity], "at": at}
    [seen] = rest.post("features", asked).json()["features"]
    assert seen["maker"] in {"BOEING", "AIRBUS"}
    assert seen["seats"] >= 100
    assert seen["maker_delay_mean"] is not None
    unknown = rest.post("predict", {"entity": entity | {"flight": 1}, "at": at})
    assert unknown.status_code == 400
