"""Component 9, Front-end: who gets which version; sticky, monotone, and pure.

A unit's place is a hash of project, salt and unit. Its variant depends on nothing else,
so it is the same in every process, and when a share grows nobody leaves the candidate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any

PLACES = 10_000  # hundredths of a percent, as fine as `Rollout.percent`
CONTROL_SALT = "control"  # the control share outlives rollouts, so its salt does too

LIVE, CANARY, BASELINE = "live", "canary", "baseline"


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What the choice depends on: plain values of one rollout and its project."""

    project: str
    salt: str
    percent: Decimal = Decimal(0)  # of the candidate; 0 where it takes no traffic
    targets: Sequence[Mapping[str, Any]] = ()
    baseline_for_all: bool = False
    control_percent: Decimal = Decimal(0)
    candidate_answers: bool = False  # a canary or an A/B test is running


@dataclass(frozen=True)
class Caller:
    """Who asks: `unit` is the sticky key, `user` and `attributes` as the client sent."""

    unit: str
    user: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


def place(*, project: str, salt: str, unit: str) -> int:
    """Where a unit stands, 0 to 9999, evenly spread and independent between salts.

    >>> place(project="churn", salt="a", unit="C1")
    9036
    """
    digest = blake2b(f"{project}:{salt}:{unit}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PLACES


def within(*, percent: Decimal, project: str, salt: str, unit: str) -> bool:
    """Whether a unit belongs to the first `percent` of all units.

    >>> within(percent=Decimal(100), project="churn", salt="a", unit="C1")
    True
    """
    return place(project=project, salt=salt, unit=unit) < int(percent * 100)


def choose(*, shares: Shares, caller: Caller) -> str:
    """The route of one caller: baseline for everyone, the control share, the first
    target that matches, then the candidate's share."""
    if shares.baseline_for_all:
        return BASELINE
    if shares.control_percent and within(
        percent=shares.control_percent,
        project=shares.project,
        salt=CONTROL_SALT,
        unit=caller.unit,
    ):
        return BASELINE
    if not shares.candidate_answers:
        return LIVE
    for target in shares.targets:
        if matches(target, caller):
            return _of_target(target, shares, caller)
    return _by_share(shares.percent, shares, caller)


def why(*, shares: Shares, caller: Caller) -> str:
    """The reason for what `choose` answers, in a sentence."""
    where = place(project=shares.project, salt=shares.salt, unit=caller.unit) / 100
    if shares.baseline_for_all:
        return "Everyone gets the baseline at the moment."
    control = place(project=shares.project, salt=CONTROL_SALT, unit=caller.unit) / 100
    if control < shares.control_percent:
        return (
            f"The control share is {float(shares.control_percent):g} %, and this one stands at "
            f"{control:.2f}: it always gets the baseline, to measure against."
        )
    if not shares.candidate_answers:
        return "No candidate answers at the moment."
    for number, target in enumerate(shares.targets, start=1):
        if matches(target, caller):
            return f"Target {number} speaks of it{_share_words(target, where)}."
    reach = f"the candidate's share reaches {float(shares.percent):g}"
    return f"No target speaks of it. It stands at {where:.2f} of 100; {reach}."


def _share_words(target: Mapping[str, Any], where: float) -> str:
    if target.get("percent") is None:
        return ""
    return f" with a share of {target['percent']:g} %, and it stands at {where:.2f}"


def matches(target: Mapping[str, Any], caller: Caller) -> bool:
    """Whether a target speaks of this caller; numbers and their texts are the same."""
    if "users" in target:
        return bool(caller.user) and caller.user in target["users"]
    value = caller.attributes.get(target["attribute"])
    return value is not None and value_text(value) in {
        value_text(one) for one in target["in"]
    }


def _of_target(target: Mapping[str, Any], shares: Shares, caller: Caller) -> str:
    if target["to"] == LIVE:
        return LIVE
    percent = target.get("percent")
    if percent is None:
        return CANARY
    return _by_share(Decimal(str(percent)), shares, caller)


def _by_share(percent: Decimal, shares: Shares, caller: Caller) -> str:
    chosen = within(
        percent=percent, project=shares.project, salt=shares.salt, unit=caller.unit
    )
    return CANARY if chosen else LIVE


def value_text(value: object) -> str:
    """A value as targets compare it, and as people write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
