"""Telco churn: who leaves within a month, and whom is an offer worth making?

The data has neither ids nor dates, so both are invented, by hash and therefore the same
every time: a customer is `C` and the row's number, was asked about at some moment of the
last twelve weeks, and where the answer is Yes it became known 1-30 days later. Seven
tenths of the customers are the dataset; the others are only ever met in production.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from registry.definitions import Project, Rule, days, times

DATA = Path(__file__).parent / "data" / "churn.csv.gz"
WEEKS = timedelta(weeks=12)
HORIZON = days(30)


def share(customer: str, purpose: str) -> float:
    """A number from 0 to 1 that is always the same for a customer and a purpose."""
    digest = blake2b(f"{purpose}:{customer}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def is_learnt_from(customer: str) -> bool:
    return int(share(customer, "dataset") * 10) <= 6


churn = Project(
    "churn",
    name="Customer churn",
    description="Who leaves within 30 days, and whom to make an offer that costs 60.",
    task="binary",
    target="churn",
    positive="Yes",
    entity="customer",
    horizon=HORIZON,
    silence="negative",  # nobody tells us that a customer stayed
    metric="cost",
)
churn.source("customers", file=f"data/{DATA.name}")
churn.derive("customer", lambda row: f"C{row['row_number']}")
churn.filter(lambda row: is_learnt_from(row["customer"]))
churn.lookup("customers", key="customer", columns="inputs")
churn.baseline("tenure < 12", Rule("tenure", "<", 12, then="Yes"))
churn.costs(
    currency="USD",
    offer={"No": 60, "Yes": 60},
    wait={"No": 0, "Yes": times(6, "monthly_charges")},
)
churn.decision("cost")


@dataclass(frozen=True)
class Customer:
    """Somebody the demo meets in production, and what becomes of them."""

    name: str
    asked_at: datetime
    leaves_at: datetime | None  # None: stays, and nobody will say so


def production_customers(now: datetime) -> Iterator[Customer]:
    """Customers no model has learnt from, as asked about in the 12 weeks before now."""
    for number, leaves in enumerate(_answers(), start=1):
        name = f"C{number}"
        if is_learnt_from(name):
            continue
        asked = now - share(name, "asked") * WEEKS
        later = days(1) + share(name, "leaves") * (HORIZON - days(1))
        yield Customer(name, asked, asked + later if leaves else None)


def truth_known(customer: Customer, now: datetime) -> dict[str, Any] | None:
    """What `POST …/truth` is told of a customer by now; None: nothing yet, or ever."""
    if customer.leaves_at is None or customer.leaves_at > now:
        return None
    observed = customer.leaves_at.isoformat()
    return {"entity": customer.name, "value": "Yes", "observed_at": observed}


@cache
def _answers() -> tuple[bool, ...]:
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        return tuple(row["churn"] == "Yes" for row in csv.DictReader(file))
