"""The churn project's story: twelve weeks of production, the model that takes over from
the rule, and the campaign that changes who is asked about.

The data has no dates, so they are invented, by hash and therefore the same every time:
when a customer is asked about, and where the answer is Yes, when it becomes known.
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from mlsystem.demo import acts, moves
from mlsystem.demo.story import Beat, Case, Story, Telling
from mlsystem.demo.timeline import Steady
from mlsystem.examples.churn import DATA, HORIZON, is_learnt_from
from monitoring.models import Note
from registry.definitions import days, share

WEEKS = timedelta(weeks=12)
CANARY, HALF, PROMOTE = (timedelta(weeks=weeks) for weeks in (9, 8, 7))  # ago
CAMPAIGN = timedelta(days=11)  # ago
OPENS, MORNING = timedelta(hours=8), timedelta(hours=4)  # UTC: when agents call
FEED = timedelta(minutes=2)  # between two customers of the live feed
SOURCE = (
    "7,043 customers of a telephone company, 26.6 % of whom left: IBM's sample of telco "
    "churn, as R's modeldata carries it. Seven tenths are the dataset; the others are "
    "only met in production."
)
INVENTED = (
    "The data has no dates and no ids. When a customer is asked about, and when a "
    "departure becomes known, is invented: so is the campaign of the last eleven days, "
    "which asks mostly about monthly contracts with fibre. The live feed meets the same "
    "customers again, under new names."
)


@dataclass(frozen=True)
class Customer:
    """Somebody no model has learnt from."""

    name: str
    row: dict[str, Any]
    leaves: bool

    @property
    def in_campaign(self) -> bool:
        """Whom the campaign is made for."""
        fibre = self.row["internet_service"] == "Fiber optic"
        return fibre and self.row["contract"] == "Month-to-month"

    @property
    def ago(self) -> timedelta:
        """How long before the story began the customer is asked about."""
        part = share(self.name, "asked")
        if self.in_campaign and share(self.name, "campaign") < 0.5:
            return part * CAMPAIGN
        return part * WEEKS

    @property
    def notice(self) -> timedelta:
        """How long after that a departure becomes known: 1 to 30 days."""
        return days(1) + share(self.name, "leaves") * (HORIZON - days(1))


def cases(began: datetime, start: datetime, end: datetime) -> Iterator[Case]:
    """Until the story began, each customer once, of a morning; from then on one every two
    minutes."""
    for at, customer in _history(began):
        if start < at <= end:
            yield _case(customer, customer.name, at, {"entity": customer.name})
    pool = _pool()
    for turn in Steady(began, FEED, len(pool)).between(start, end):
        customer = pool[turn.row]
        name = turn.named(customer.name)
        request = {"entity": name, "input": customer.row}
        yield _case(customer, name, turn.at, request)


def beats(telling: Telling) -> list[Beat]:
    began = telling.began

    def canary(telling: Telling) -> None:
        words = "The gate passed it; a tenth of the customers first."
        version = acts.version_of(telling.project)
        moves.start_canary(telling, version, percent=10, reason=words)

    def half(telling: Telling) -> None:
        moves.set_percent(telling, percent=50, reason="No failures in a week.")

    def live(telling: Telling) -> None:
        moves.promote(telling, reason="Cheaper than the rule.")

    def campaign(telling: Telling) -> None:
        Note.objects.create(
            project=telling.project,
            at=began - CAMPAIGN,
            text="The fibre campaign starts: from now on mostly monthly contracts.",
            author=telling.people["owner"],
        )

    return [
        Beat(name="canary", at=began - CANARY, do=canary),
        Beat(name="half", at=began - HALF, do=half),
        Beat(name="live", at=began - PROMOTE, do=live),
        Beat(name="campaign", at=began - CAMPAIGN, do=campaign),
    ]


def _case(customer: Customer, name: str, at: datetime, asked: dict[str, Any]) -> Case:
    """Who stays says nothing: silence means no after thirty days."""
    truth = {"entity": name, "value": "Yes"} if customer.leaves else None
    return Case(
        name=name, at=at, request=asked, truth=truth, known_at=at + customer.notice
    )


@cache
def production() -> Sequence[Customer]:
    """Customers no model has learnt from, in the order of the file."""
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        _customer(f"C{number}", row)
        for number, row in enumerate(rows, start=1)
        if not is_learnt_from(f"C{number}")
    ]


def _customer(name: str, row: dict[str, str]) -> Customer:
    leaves = row.pop("churn") == "Yes"
    return Customer(name, {field: _value(text) for field, text in row.items()}, leaves)


@lru_cache(maxsize=2)
def _history(began: datetime) -> Sequence[tuple[datetime, Customer]]:
    """Everybody at the moment they are asked about, in that order; of the day on which
    the story began, only the hours before."""
    found = []
    for customer in production():
        day = (began - customer.ago).replace(hour=0, minute=0, second=0, microsecond=0)
        at = day + OPENS + share(customer.name, "hour") * MORNING
        found.append((at if at <= began else at - days(1), customer))
    return sorted(found, key=lambda pair: pair[0])


@cache
def _pool() -> Sequence[Customer]:
    """Whom the live feed meets: mostly those of the campaign, which goes on."""
    chosen = [c for c in production() if c.in_campaign or share(c.name, "feed") < 0.2]
    return sorted(chosen, key=lambda customer: share(customer.name, "turn"))


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


STORY = Story(
    slug="churn",
    source=SOURCE,
    invented=INVENTED,
    ahead=timedelta(weeks=13),  # the project is a week older than its first request
    acts=(acts.train(ago=CANARY), acts.REPLAY),
    cases=cases,
    late=HORIZON,
    batch=timedelta(hours=4),
    watched=timedelta(weeks=2),
    beats=beats,
    ask={"entity": "C12", "explain": True},
)
