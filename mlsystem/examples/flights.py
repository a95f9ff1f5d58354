"""How late will this flight land? Asked as it leaves New York; known as it lands."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import registry.definitions as ml

NEW_YORK = ZoneInfo("America/New_York")


def local_day(row: dict[str, Any]) -> str:
    return f"{row['time_hour'].astimezone(NEW_YORK):%Y-%m-%d}"


def left_at(row: dict[str, Any]) -> datetime:
    """Scheduled departure plus its delay; a cancelled flight is asked about on time."""
    delay = row["minute"] + (row["dep_delay"] or 0)
    return row["time_hour"] + timedelta(minutes=delay)


def landed_at(row: dict[str, Any]) -> datetime | None:
    """`arr_time` is the destination's clock: never subtract it."""
    air = row["air_time"]
    return None if air is None else row["left_at"] + timedelta(minutes=air)


flights = ml.Project(
    "flights",
    name="Flight delays",
    description="How late a flight lands, asked as it leaves New York.",
    task="regression",
    target="arr_delay",
    unit="minutes",
    entity=["date", "carrier", "flight"],
    time="left_at",
    horizon=ml.hours(30),
    silence="unknown",  # a cancelled flight never lands, and nobody says so
    metric="mae",
    zone="America/New_York",
)
flights.source("flights", file="data/flights.csv.gz", watermark="left_at")
flights.source("weather", file="data/weather.csv.gz")  # as a forecast: all of it
flights.source("planes", file="data/planes.csv.gz")
flights.source("airports", file="data/airports.csv.gz")
flights.derive("date", local_day, "categorical")
flights.derive("left_at", left_at, "datetime")
flights.derive("observed_at", landed_at, "datetime")
flights.derive("date", local_day, "categorical", source="weather")
flights.derive("dest", lambda row: row["faa"], "categorical", source="airports")
flights.exclude("year", "month", "day", "minute", "time_hour", "dep_time")
flights.exclude("arr_time", "air_time", "observed_at")  # known only afterwards
flights.field("carrier", kind="categorical")
flights.field("tailnum", kind="categorical", learn=False)  # the key of planes

flights.lookup("flights", key=["date", "carrier", "flight"], columns="inputs")


@flights.lookup("weather", key=["origin", "date", "hour"])
class Weather:
    temp, visib, precip = ml.Column(), ml.Column(), ml.Column()
    wind_speed, wind_dir, pressure = ml.Column(), ml.Column(), ml.Column()


@flights.lookup("planes", key="tailnum")
class Plane:
    plane_year, seats = ml.Column("year"), ml.Column("seats")


@flights.lookup("airports", key="dest")
class Destination:
    lat, lon = ml.Column(), ml.Column()


@flights.feature(kind="boolean")
def is_red_eye(row: dict[str, Any]) -> bool:
    return (row["sched_dep_time"] or 0) >= 2200


@flights.window
class RouteDelay:
    key = ["carrier", "origin", "dest"]
    events = ml.Events.from_truth(known_at="observed_at", value="arr_delay")
    window = ml.Hours(6, tune=(1, 72, "log"))
    n, mean = ml.Count(), ml.Mean(default=ml.Global())


@flights.window
class DestDelay:
    key = ["dest"]
    events = ml.Events.from_truth(known_at="observed_at", value="arr_delay")
    window = ml.Hours(6, tune=(1, 72, "log"))
    mean, least, last = ml.Mean(), ml.Min(), ml.Last()


flights.baseline("as_departed", lambda row: row["dep_delay"] or 0.0)
flights.baseline("route_last_week", ml.GroupMean(["origin", "dest"], over=ml.days(7)))
flights.gate(slices=["origin"], worst_slice_margin=1.0, max_latency_us=5000)
