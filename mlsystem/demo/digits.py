"""The digits' story: a model that learnt few scans, people who read those it is least
sure of, and the model that came of it.

The scans are real, all else is invented, by hash and therefore the same every time: when
a scan comes in, and which ones somebody reads again afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from mlsystem.demo import acts, labels, moves
from mlsystem.demo.story import Act, Beat, Case, Story, Telling
from mlsystem.demo.timeline import Steady
from mlsystem.examples.digits import POOL, PRODUCTION, part_of, scans
from registry import clock, projects
from registry.definitions import share

WEEKS = timedelta(weeks=7)
LIVE, LEARNT, CANARY = timedelta(weeks=7), timedelta(days=5), timedelta(days=4)  # ago
AUTOPILOT = timedelta(days=3)  # ago
RETRAIN_AFTER = 25  # labels: two minutes of somebody who just looks around
FEED = timedelta(minutes=2)
READ = timedelta(days=6)  # the latest that a scan is read again
CHECKED = 0.6  # of the scans are
# One family a build: where a busy machine cannot finish it, the build fails and is done
# again with more time, instead of ending with a guess.
SIMPLE, LIKENESS = {"algorithms": ["linear"]}, {"algorithms": ["kernel"]}
SOURCE = (
    "1,797 scans of handwritten digits, 8 × 8 pixels, that scikit-learn carries "
    "(UCI's optical recognition of handwritten digits)."
)
INVENTED = (
    "The scans have no dates: when one comes in, and which are read again by a person, "
    "is invented. Erin's and Omar's answers are the true digits, but for a few mistakes. "
    "The live feed meets the same scans again, under new names."
)


def cases(began: datetime, start: datetime, end: datetime) -> Iterator[Case]:
    """Until the story began, each scan once; then one every two minutes, for ever."""
    for row in _by_moment():
        at = began - _ago(row)
        if start < at <= end:
            yield _case(row, row["scan"], at)
    pool = _by_moment()
    for turn in Steady(began, FEED, len(pool)).between(start, end):
        row = pool[turn.row]
        yield _case(row, turn.named(row["scan"]), turn.at)


def beats(telling: Telling) -> list[Beat]:
    began = telling.began

    def canary(telling: Telling) -> None:
        moves.start_canary(
            telling,
            acts.version_of(telling.project, "labels"),
            percent=10,
            reason="It learnt what Erin and Omar read, and compares with examples.",
        )

    def autopilot(telling: Telling) -> None:
        """From here on, who labels enough sees a run start and its verdict come."""
        projects.update_project(
            project=telling.project,
            by=telling.actor("owner"),
            changes={"autopilot": "propose", "retrain_after": RETRAIN_AFTER},
        )

    return [
        Beat(name="canary", at=began - CANARY, do=canary),
        Beat(name="autopilot", at=began - AUTOPILOT, do=autopilot),
    ]


def _go_live(telling: Telling) -> None:
    """Before the first scan, so that what learns from labels is judged against it."""
    version = acts.version_of(telling.project)
    if not telling.memory.played:
        with clock.moved_to(telling.began - LIVE):
            words = "It reads most digits; the baseline only guesses."
            moves.go_live(telling, version, reason=words)


def waiting() -> Iterator[dict[str, Any]]:
    for row in scans():
        if part_of(row["scan"]) == POOL:
            yield {"key": row["scan"], "payload": {"image": row["image"]}}


def _case(row: Mapping[str, Any], name: str, at: datetime) -> Case:
    checked = share(name, "checked") < CHECKED
    return Case(
        name=name,
        at=at,
        request={"entity": name, "input": {"image": row["image"]}},
        truth={"value": row["digit"]} if checked else None,
        known_at=at
        + timedelta(hours=2)
        + share(name, "read") * (READ - timedelta(hours=2)),
    )


def _ago(row: Mapping[str, Any]) -> timedelta:
    return share(row["scan"], "comes in") * WEEKS


@cache
def _by_moment() -> Sequence[Mapping[str, Any]]:
    found = [row for row in scans() if part_of(row["scan"]) == PRODUCTION]
    return sorted(found, key=lambda row: -_ago(row))


@cache
def _digits() -> Mapping[str, str]:
    return {row["scan"]: row["digit"] for row in scans()}


READERS = labels.Session(
    items=waiting,
    truth=lambda key: _digits()[key],
    confused={"0": "6", "1": "7", "2": "3", "3": "8", "4": "9", "5": "6", "6": "5",
              "7": "1", "8": "3", "9": "4"},
    answers=140,
    from_=timedelta(days=15),
    until=timedelta(days=6),
    mistakes=0.02,
)  # fmt: skip
STORY = Story(
    slug="digits",
    source=SOURCE,
    invented=INVENTED,
    ahead=timedelta(weeks=9),
    acts=(
        acts.train(ago=LIVE, budget=8, weight=8.0, params=SIMPLE),
        Act(name="going live", weight=0.2, do=_go_live),
        labels.labelled(READERS, weight=6.0),
        acts.train("labels", ago=LEARNT, budget=8, weight=8.0, params=LIKENESS),
        acts.REPLAY,
    ),
    cases=cases,
    late=READ,
    batch=timedelta(hours=12),
    beats=beats,
)
