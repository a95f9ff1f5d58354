"""What the live version saves a day, in the project's money."""

from typing import Any

from monitoring.owner.days import History
from monitoring.owner.evidence import gain_on_test, production_gain
from monitoring.verdicts.terms import Gain
from registry.catalogue import METRICS
from serving.models import Rollout


def saved_a_day(
    rollout: Rollout,
    history: History,
    gains: dict[str, Gain | None],
    *,
    traffic: float,
) -> dict[str, Any] | None:
    """What the live version saves a day against the baseline, at this week's traffic.

    None where the project says no costs."""
    currency = str((rollout.project.costs or {}).get("currency") or "")
    if not rollout.project.costs:
        return None
    blank = {"currency": currency, "value": None, "low": None, "high": None, "n": 0}
    gain, where = _money_gain(rollout, history, gains)
    if rollout.live_id == rollout.baseline_id:
        blank["reason"] = "The baseline itself is live."
        gain, where = _promised(rollout), "on the sealed test"
        if gain is None:
            return blank
        blank["if"] = rollout.candidate.number if rollout.candidate else None
    elif rollout.baseline_for_all:
        blank["if"] = rollout.live.number  # nothing is saved while it answers nobody
    if gain is None or not traffic:
        return blank | {"reason": "Needs truth of both, and traffic."}
    bounds = [None if b is None else b * traffic for b in (gain.low, gain.high)]
    return blank | {
        "value": gain.value * traffic,
        "low": bounds[0],
        "high": bounds[1],
        "n": gain.n,
        "where": where,
    }


def _promised(rollout: Rollout) -> Gain | None:
    """What the candidate would save, by the gate's own numbers."""
    if rollout.candidate is None or rollout.project.primary_metric != "cost":
        return None
    return gain_on_test(rollout.candidate, rollout.baseline)


def _money_gain(
    rollout: Rollout, history: History, gains: dict[str, Gain | None]
) -> tuple[Gain | None, str]:
    """The surest measurement of money there is."""
    production, tested = gains["production"], gains["tested"]
    if rollout.project.primary_metric != "cost":
        pair = {"live": rollout.live_id, "baseline": rollout.baseline_id}
        production = production_gain(history, **pair, metric=METRICS["cost"])
        tested = None
    if production is not None and production.sure:
        return production, "in production"
    if tested is not None and tested.sure:
        return tested, "on the sealed test"
    if production is not None:
        return production, "in production"
    return tested, "on the sealed test"
