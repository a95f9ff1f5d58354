"""The bird strikes example: what a collision with a bird did to the flight, read from
the report's own words.

Reports before 1994 are the labelled history; those of 1994 wait for experts, who see
their words and never their effect; the later ones are only ever met in production.
Reports with the same words are one group, so that none is tested on what it learnt.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry.definitions import Project

DATA = Path(__file__).parent / "data" / "birdstrikes.csv.gz"
HISTORY_UNTIL, POOL_UNTIL = (
    datetime(1994, 1, 1, tzinfo=UTC),
    datetime(1995, 1, 1, tzinfo=UTC),
)
NO_EFFECT = "none"
SIGNS = {
    "Aborted Take-off": ("ABORT", "REJECTED"),
    "Engine Shut Down": ("SHUT DOWN", "SHUTDOWN", "FLAMED OUT"),
    "Precautionary Landing": ("RETD", "RETURN", "DIVERT", "PRECAUTION", "EMERGENCY"),
}


def reported_at(row: dict[str, Any]) -> datetime:
    """The day of a report; the data knows no hour."""
    month, day, year = row["date"].split(" ")[0].split("/")
    return datetime(int(year), int(month), int(day), tzinfo=UTC)


def wording(row: dict[str, Any]) -> str:
    """Reports of equal words are one group; without words, each is its own."""
    return " ".join((row["remarks"] or "").split()) or f"report {row['report']}"


def by_signs(row: Mapping[str, Any]) -> str:
    """What somebody in a hurry would do: look for a few words."""
    said = (row["remarks"] or "").upper()
    for effect, signs in SIGNS.items():
        if any(sign in said for sign in signs):
            return effect
    return NO_EFFECT


birdstrikes = Project(
    "birdstrikes",
    name="Bird strikes",
    description="What a collision with a bird did to the flight, from the report's words.",
    task="multiclass",
    target="effect",
    classes=[NO_EFFECT, "Precautionary Landing", "Aborted Take-off", "Other",
             "Engine Shut Down"],
    entity="report",
    group="wording",
    silence="unknown",  # an effect that nobody reports may still come
    metric="log_loss",
)  # fmt: skip
birdstrikes.source("reports", file=f"data/{DATA.name}")
birdstrikes.derive("report", lambda row: f"R{row['row_number']}")
birdstrikes.derive("wording", wording, kind="categorical")
birdstrikes.derive("effect", lambda row: row["effect"] or NO_EFFECT, kind="categorical")
birdstrikes.filter(lambda row: reported_at(row) < HISTORY_UNTIL)
birdstrikes.exclude("opid", "date")  # the operator again; a day that never comes back
birdstrikes.field("remarks", kind="text")
birdstrikes.field("date", kind="categorical")
birdstrikes.field("atype", kind="categorical")
birdstrikes.field("operator", kind="categorical")
birdstrikes.field("species", kind="categorical")
birdstrikes.field("height", kind="numeric", unit="ft", minimum=0)
birdstrikes.field("speed", kind="numeric", unit="kn", minimum=0)
birdstrikes.card("remarks", "phase_of_flt", "birds_struck")
birdstrikes.baseline("how often", "majority")
birdstrikes.baseline("a few words", by_signs)


def reports() -> Iterator[dict[str, Any]]:
    """Every report as production sends it, with its name, day and effect."""
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            found: dict[str, Any] = {name: text or None for name, text in row.items()}
            for name in ("height", "speed", "ac_mass", "num_engs"):
                found[name] = float(row[name]) if row[name] else None
            found |= {"report": f"R{number}", "effect": row["effect"] or NO_EFFECT}
            yield {**found, "wording": wording(found)}
