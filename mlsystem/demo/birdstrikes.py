"""The bird strikes' story: nine months of reports, a model that reads them better than
somebody who looks for a few words, and experts who read those that wait.

The reports and their days are real, moved by whole weeks; the hour of a report, and when
its effect becomes known, are invented, by hash and therefore the same every time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from mlsystem.demo import acts, labels, moves
from mlsystem.demo.story import Beat, Case, Story, Telling
from mlsystem.demo.timeline import Real, Steady, shift_onto
from mlsystem.examples import birdstrikes as definition
from monitoring.models import Note
from registry.definitions import share

TOLD_FROM, TOLD_UNTIL = (
    datetime(1996, 10, 1, tzinfo=UTC),
    datetime(1997, 7, 1, tzinfo=UTC),
)
AHEAD = timedelta(weeks=42)  # before its first report
CANARY, LIVE = timedelta(weeks=36), timedelta(weeks=34)  # ago
NOTED = timedelta(days=16)  # ago
FEED = timedelta(minutes=3)  # between two reports of the live feed
KNOWN = timedelta(days=28)  # the latest
SILENT = 0.1  # of the reports: nobody ever says what became of the flight
SOURCE = (
    "19,302 reports of wildlife struck by aircraft, 1990 to 1999, collected by the US "
    "Federal Aviation Administration; as openintro's birds carries them. Those before "
    "1994 are the dataset, those of 1994 wait for experts, later ones are production."
)
INVENTED = (
    "Days are the reports' own, moved by whole weeks; hours, and when an effect becomes "
    "known, are invented. Erin's and Omar's answers are the true effects, but for a few "
    "mistakes. The live feed meets the reports after July 1997, one in three minutes."
)
NOT_SENT = {"opid", "date", "effect", "wording", "report"}


def cases(began: datetime, start: datetime, end: datetime) -> Iterator[Case]:
    """Until the story began, the reports of nine months; then the feed, for ever."""
    told = _told()
    moments = [at for at, _ in told]
    shift = shift_onto(moments[-1], began=began)
    for turn in Real(moments, shift).between(start, min(end, began)):
        if not turn.round:
            row = told[turn.row][1]
            yield _case(row, row["report"], turn.at)
    later = _later()
    for turn in Steady(began, FEED, len(later), first_round=0).between(start, end):
        row = later[turn.row]
        yield _case(row, turn.named(row["report"]), turn.at)


def beats(telling: Telling) -> list[Beat]:
    began = telling.began

    def canary(telling: Telling) -> None:
        words = (
            "It reads better than majority and keywords; a tenth of the reports first."
        )
        version = acts.version_of(telling.project)
        moves.start_canary(telling, version, percent=10, reason=words)

    def live(telling: Telling) -> None:
        moves.promote(telling, reason="Two weeks without a failure.")

    def other_airlines(telling: Telling) -> None:
        Note.objects.create(
            project=telling.project,
            at=began - NOTED,
            text="Other airlines report now: American sends a tenth of the reports, not "
            "a quarter, and ABX Air and United leave speed and height empty.",
            author=telling.people["owner"],
        )

    return [
        Beat(name="note", at=began - NOTED, do=other_airlines),
        Beat(name="canary", at=began - CANARY, do=canary),
        Beat(name="live", at=began - LIVE, do=live),
    ]


def waiting() -> Iterator[dict[str, Any]]:
    """The reports of 1994 as experts get them: words and context, no effect."""
    for row in definition.reports():
        moment = definition.reported_at(row)
        if definition.HISTORY_UNTIL <= moment < definition.POOL_UNTIL:
            seen = {name: value for name, value in row.items() if name != "effect"}
            yield {"key": row["report"], "payload": seen}


def _case(row: Mapping[str, Any], name: str, at: datetime) -> Case:
    sent = {field: value for field, value in row.items() if field not in NOT_SENT}
    silent = share(name, "silent") < SILENT
    return Case(
        name=name,
        at=at,
        request={"entity": name, "input": sent},
        truth=None if silent else {"value": row["effect"]},
        known_at=at
        + timedelta(days=1)
        + share(name, "known") * (KNOWN - timedelta(days=1)),
    )


@cache
def _production() -> Sequence[tuple[datetime, dict[str, Any]]]:
    """Every report since the story's first one with its moment, in that order."""
    day = timedelta(days=1)
    found = [
        (reported + share(row["report"], "hour") * day, row)
        for row in definition.reports()
        if (reported := definition.reported_at(row)) >= TOLD_FROM
    ]
    return sorted(found, key=lambda pair: pair[0])


@cache
def _told() -> Sequence[tuple[datetime, dict[str, Any]]]:
    return [(at, row) for at, row in _production() if at < TOLD_UNTIL]


@cache
def _later() -> Sequence[dict[str, Any]]:
    return [row for at, row in _production() if at >= TOLD_UNTIL]


@cache
def _effects() -> Mapping[str, str]:
    return {row["report"]: row["effect"] for row in definition.reports()}


def _unsure(payload: Mapping[str, Any]) -> float:
    """Without words, half of the experts say so."""
    return 0.02 if payload.get("remarks") else 0.5


EXPERTS = labels.Session(
    items=waiting,
    truth=lambda key: _effects()[key],
    confused={
        "none": "Precautionary Landing",
        "Precautionary Landing": "Other",
        "Aborted Take-off": "Precautionary Landing",
        "Other": "none",
        "Engine Shut Down": "Precautionary Landing",
    },
    answers=90,
    from_=timedelta(days=12),
    until=timedelta(hours=5),
    unsure=_unsure,
)
STORY = Story(
    slug="birdstrikes",
    source=SOURCE,
    invented=INVENTED,
    ahead=AHEAD,
    acts=(
        acts.train(ago=CANARY, params={"algorithms": ["linear"]}),
        labels.labelled(EXPERTS, weight=6.0),
        acts.REPLAY,
    ),
    cases=cases,
    late=KNOWN,
    batch=timedelta(days=1),
    beats=beats,
    ask={
        "input": {
            "remarks": "GULL INGESTED IN #2 ENG. RETD AND LANDED SAFELY.",
            "phase_of_flt": "Climb",
        },
        "explain": True,
    },
)
