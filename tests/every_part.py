"""A definition with every part there is. The tests run it, so what it shows is true."""

from typing import Any

from registry.definitions import (
    Column,
    Count,
    Events,
    Global,
    GroupMean,
    Hour,
    Hours,
    Log,
    Mean,
    Project,
    Ratio,
    Rule,
    TextLength,
    Weekday,
    days,
    hours,
    times,
)

parcels = Project(
    "parcels",
    name="Late parcels",
    description="Which parcels come too late to be sold?",
    task="binary",
    target="late",
    positive="yes",
    entity=["depot", "parcel"],
    time="sent_at",
    horizon=hours(36),
    silence="unknown",
    metric="cost",
    zone="Europe/Zurich",
    truth_precedence=["outcome", "expert"],
    control_share=2.5,
)

# Data: the first source is learnt from, the others only feed look-ups.
parcels.source("parcels", file="data/parcels.csv")
parcels.source("depots", file="data/depots.jsonl")
parcels.derive("parcel", lambda row: f"P{row['row_number']}")
parcels.derive("distance_class", lambda row: "far" if row["distance"] > 60 else "near")
parcels.derive("speed", lambda row: row["distance"] / row["stops"])  # fails at 0 stops
parcels.filter(lambda row: row["distance"] >= 0)
parcels.exclude("arrived_at")  # known only afterwards
parcels.field("weight", kind="numeric", unit="kg", minimum=0)

# Features: stored columns by key, the closed set, and own functions of a row.
parcels.lookup("parcels", key=["depot", "parcel"], columns="inputs")


@parcels.lookup("depots", key="depot")
class Depot:
    built = Column()
    region = Column("area", kind="categorical")


parcels.features(
    hour=Hour("at"),
    weekday=Weekday("at"),
    log_weight=Log("weight"),
    weight_by_stop=Ratio("weight", "stops"),
    note_length=TextLength("note"),
)


@parcels.feature
def is_late_shift(row: dict[str, Any]) -> bool:
    return row["hour"] >= 20


@parcels.feature(kind="categorical")
def region_and_class(row: dict[str, Any]) -> str:
    return f"{row['region']}/{row['distance_class']}"


@parcels.feature
def fragile(row: dict[str, Any]) -> float:
    return 1 / row["stops"]  # fails at 0 stops: then it is missing


# Facts known lately, by key: a window whose length every build may choose anew.
@parcels.window
class DepotScans:
    key = ["depot"]
    events = Events("scans")  # POST …/events
    window = Hours(24, tune=(6, 72, "log"))
    n, mean = Count(), Mean(default=Global())


# What is worth beating; the first one answers until a model is better.
parcels.baseline("many stops", Rule("stops", ">", 5, then="yes"))
parcels.baseline("by depot", GroupMean(["depot_kind"]))
parcels.baseline("usual", "majority")
parcels.baseline("far", lambda row: "yes" if (row["distance"] or 0) > 80 else "no")

# What it is worth, what is done, and what a model must show.
parcels.costs(
    currency="CHF",
    call={"yes": 4, "no": 4},
    wait={"yes": times(0.5, "weight"), "no": 0},
)
parcels.decision("cost")
parcels.gate(margin=0.0, slices=["depot_kind"], max_latency_us=5000)
parcels.card("note", "depot", "weight")  # what a labeller sees, in this order
parcels.plan({"percent": 10, "hours": days(1).total_seconds() / 3600, "min_n": 100})
