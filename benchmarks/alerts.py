"""`make bench-alerts`: how often the performance rule cries wolf, and how soon it finds a
model that became worse, against the rule that takes rows for independent.

Simulated months of a model whose hours share their luck (a day's mean error differs from
another's by so much, bad days last into the next), 37 truths an hour, looked at every
hour. The rule is the product's: the last 24 hours and the last week against the limits of
its first four weeks, and against what six days of a sealed test gave.
"""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from monitoring.monitor.usual import BACK, SURE, usual_days
from registry.catalogue import METRICS

MONTHS = 200
TRUTHS = 37  # an hour
TESTED, KNOWN, WATCHED = 6 * 24, 28 * 24, 30 * 24  # hours
MEMORY = 18  # hours after which luck has mostly turned
LOOKS = 2  # in a row
DAY, WEEK = 24, 7 * 24
MAE = METRICS["mae"]
FLIGHTS = Path(__file__).parents[1] / "mlsystem/examples/data/flights.csv.gz"


def main() -> None:
    rng = np.random.default_rng(0)
    print("days differ by   worse by   alerts in 30 days    found after (days)")
    print("                            rows alone    ours   rows alone    ours")
    for spread in (0.0, 0.05, 0.2, 0.35):
        for worse in (1.0, 1.2, 1.5, 2.0, 4.0) if spread in {0.05, 0.2} else (1.0,):
            errors = months(rng, spread=spread, worse=worse)
            told = [alerts(errors, ours=ours) for ours in (False, True)]
            counts = "   ".join(f"{np.mean(one.fired):10.2f}" for one in told)
            found = "   ".join(f"{when(one):>10}" for one in told) if worse > 1 else ""
            print(f"{spread:12.0%}   {worse:6.1f} x  {counts}   {found}")
    flights()


def months(rng: np.random.Generator, *, spread: float, worse: float) -> np.ndarray:
    """(months, hours): each hour's mean error; `worse` from the watched month on."""
    hours = TESTED + KNOWN + WATCHED
    luck = rng.normal(size=(MONTHS, hours))
    stays = np.exp(-1 / MEMORY)
    for hour in range(1, hours):
        luck[:, hour] = (
            stays * luck[:, hour - 1] + np.sqrt(1 - stays**2) * luck[:, hour]
        )
    luck *= spread / luck.reshape(MONTHS, -1, DAY).mean(2).std()
    errors = 10 * np.exp(luck)
    errors[:, TESTED + KNOWN :] *= worse
    # A row's error varies as much as it is large.
    return errors * (1 + rng.normal(size=errors.shape) / np.sqrt(TRUTHS))


@dataclass
class Told:
    fired: np.ndarray  # (months,) how often
    after: np.ndarray  # (months,) hours until the first time; NaN: never


def alerts(errors: np.ndarray, *, ours: bool) -> Told:
    """Every hour's look at every month."""
    tested = errors[:, :TESTED].mean(1) * (1 + 1.96 / np.sqrt(TRUTHS * TESTED))
    strict, back = limits(errors, tested) if ours else (None, None)
    sums = np.cumsum(np.pad(errors, ((0, 0), (1, 0))), 1)
    fired, after = np.zeros(MONTHS), np.full(MONTHS, np.nan)
    is_open = np.zeros(MONTHS, bool)
    bad_looks, good_looks = np.zeros(MONTHS), np.zeros(MONTHS)
    for hour in range(TESTED + KNOWN + 1, errors.shape[1] + 1):
        surely = {
            span: (sums[:, hour] - sums[:, hour - span])
            / span
            * (1 - 1.96 / np.sqrt(TRUTHS * span))
            for span in (DAY, WEEK)
        }
        if strict is None or back is None:
            bad = surely[DAY] > tested
        else:
            limit = {s: np.where(is_open, back[s], strict[s]) for s in strict}
            bad = (surely[DAY] > limit[DAY]) | (surely[WEEK] > limit[WEEK])
        bad_looks = np.where(bad, bad_looks + 1, 0)
        good_looks = np.where(bad, 0, good_looks + 1)
        fires = ~is_open & (bad_looks >= LOOKS)
        fired += fires
        first = fires & np.isnan(after)
        after[first] = hour - TESTED - KNOWN
        is_open = (is_open | fires) & (good_looks < LOOKS)
    return Told(fired, after)


def limits(errors: np.ndarray, tested: np.ndarray) -> tuple[Any, Any]:
    """The product's, for each month: to open an alert, and to close it."""
    found: dict[float, dict[int, list[float]]] = {
        level: {DAY: [], WEEK: []} for level in (SURE, BACK)
    }
    half = 1.96 / np.sqrt(TRUTHS * DAY)
    for month, bound in zip(errors[:, TESTED : TESTED + KNOWN], tested, strict=True):
        values = month.reshape(-1, DAY).mean(1)
        days = [
            {"value": v, "low": v * (1 - half), "high": v * (1 + half)} for v in values
        ]
        usual = usual_days(days, MAE)
        assert usual is not None
        for level, spans in found.items():
            for span, of in spans.items():
                lasting = timedelta(hours=span)
                of.append(max(bound, usual.limit(level=level, lasting=lasting)))
    strict, back = (
        {span: np.array(of) for span, of in spans.items()} for spans in found.values()
    )
    return strict, back


def when(told: Told) -> str:
    known = ~np.isnan(told.after)
    if not known.any():
        return "never"
    days = np.median(told.after[known]) / 24
    return f"{days:.1f}" if known.mean() > 0.95 else f"{days:.1f} ({known.mean():.0%})"


def flights() -> None:
    """Two real months: departures from New York, told late by how late they left."""
    errors: dict[str, list[float]] = defaultdict(list)
    with gzip.open(FLIGHTS, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["arr_delay"]:
                off = float(row["arr_delay"]) - float(row["dep_delay"])
                errors[f"{row['month']}-{int(row['day']):02}"].append(abs(off))
    days = []
    for name in sorted(errors):
        of = np.array(errors[name])
        half = 1.96 * of.std(ddof=1) / np.sqrt(len(of))
        days.append(
            {"value": of.mean(), "low": of.mean() - half, "high": of.mean() + half}
        )
    usual = usual_days(days[:28], MAE)
    assert usual is not None
    sealed = np.concatenate([errors[name] for name in sorted(errors)[22:28]])
    tested = sealed.mean() + 1.96 * sealed.std(ddof=1) / np.sqrt(len(sealed))
    limit = max(tested, usual.limit(level=SURE))
    rest = [day["low"] for day in days[28:]]
    print(
        f"Of {len(rest)} real days of flights, after 28: {sum(low > tested for low in rest)} "
        f"are worse than the sealed test for sure, {sum(low > limit for low in rest)} than "
        f"days usually are (limits {tested:.1f} and {limit:.1f} minutes)"
    )


if __name__ == "__main__":
    main()
