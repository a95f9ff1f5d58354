"""Telco churn: who leaves within a month, and whom is an offer worth making?

The data has no ids: a customer is `C` and the row's number. Seven tenths of them, by
hash and therefore the same ones every time, are the dataset; the others are only ever
met in production.
"""

from pathlib import Path

from registry.definitions import Project, Rule, days, share, times

DATA = Path(__file__).parent / "data" / "churn.csv.gz"
HORIZON = days(30)


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
