"""Live, candidate and baseline side by side, and what may be said about the difference.

The candidate's share is judged on one number a prediction (a loss, a cost), hour by
hour, by confidence sequences that stay right however often one looks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, Q

from monitoring.judging.guardrails import Alone, are_measured, guardrails
from monitoring.judging.side_by_side import (
    MEANS,
    Pair,
    Pieces,
    hours_of,
    moments,
    old_days_of,
    pairs_of_any_traffic,
    rows,
)
from monitoring.judging.statistics import (
    Difference,
    Interval,
    confidence_sequence,
    sample_ratio_mismatch,
    still_needed,
)
from monitoring.judging.strata import Strata
from monitoring.monitor.fold import hour_of
from monitoring.monitor.series import Sum, Window, read, total
from registry.catalogue import METRICS
from registry.identifiers import first_uuid7
from registry.models import ModelVersion, Project
from registry.written import number
from serving.models import Prediction, Rollout

STAND_INS = {"regression": "mae"}  # for ranks and ratios; classes: log_loss
MINIMUM_N = 100  # truths of either before a verdict
DEFAULT_PERIOD = timedelta(days=28)
BEFORE = f" since {DEFAULT_PERIOD.days} days before the rollout"
LATEST = 10_000  # answers among which users are counted: a split shows in fewer


@dataclass(frozen=True, kw_only=True)
class Arm:
    version: ModelVersion
    variant: str
    sum: Sum


def judged_on(project: Project) -> str:
    """The metric a difference is judged on: the primary one if it is a mean over rows."""
    if project.primary_metric in MEANS:
        return project.primary_metric
    return STAND_INS.get(project.task, "log_loss")


def margin_of(project: Project) -> float:
    """What may be lost. The gate's margin is one of the primary metric: of what stands
    in for it, nothing may."""
    if judged_on(project) != project.primary_metric:
        return 0.0
    return float((project.gate or {}).get("margin", 0.0))


def unit_of(project: Project) -> str:
    """Behind numbers of what is judged."""
    return METRICS[judged_on(project)].unit_in(
        currency=project.costs.get("currency", ""), target=project.unit
    )


def compare_rollout(
    rollout: Rollout, *, now: datetime, with_units: bool = True
) -> dict[str, Any]:
    """Everything the rollout page and the guardrails need, JSON-ready but for times.

    Without units the shares of the two arms are not counted: that reads raw rows.
    """
    project = rollout.project
    start = began(rollout, now=now)
    arms = _arms(rollout, start=start, now=now)
    answer: dict[str, Any] = {
        "since": start,
        "metric": project.primary_metric,
        "judged_on": judged_on(project),
        "models": [_shown(arm, project) for arm in arms],
    }
    live = next(arm for arm in arms if arm.variant == "live")
    candidate = next((a for a in arms if a.variant in {"canary", "shadow"}), None)
    if candidate is None:
        return answer | {"verdict": "none", "text": "There is no candidate."}
    ours, theirs = _sides(rollout, now=now)
    together = pairs_of_any_traffic(ours, theirs, now=now)
    strata = strata_of(together, project)
    ratio = _sample_ratio(rollout) if with_units else None
    alone = Alone(ours, theirs)
    if rows(ours) > rows(theirs) and not are_measured(together):
        alone = Alone(ours, _with_before(rollout, start=start, now=now), BEFORE)
    guards = guardrails(live.sum, candidate.sum, together, alone)
    answer |= {
        "difference": _interval(strata, _coverage(live.sum, candidate.sum)),
        "sample_ratio": ratio,
        "guardrails": guards,
    }
    return answer | _verdict(
        strata,
        project,
        broken=[g["text"] for g in guards if not g["ok"]],
        mismatch=bool(ratio and ratio["mismatch"]),
    )


def began(rollout: Rollout, *, now: datetime) -> datetime:
    """The hour of the start or, where nothing was started, a midnight: the overview
    counts its four weeks by whole days, and both say as many answers."""
    if rollout.started_at is None:
        return hour_of(now - DEFAULT_PERIOD).replace(hour=0)
    return hour_of(rollout.started_at)


def candidate_role(rollout: Rollout) -> str:
    return "shadow" if rollout.mode == Rollout.Mode.SHADOW else "canary"


def hours_of_both(rollout: Rollout, *, now: datetime) -> list[Pair]:
    """The hours since the rollout began in which candidate and live both answered, thin
    ones of a day as one. Of a pause live had the hours for itself: they are not among
    these, except for thin ones of a day on which the candidate had thin ones too."""
    return pairs_of_any_traffic(*_sides(rollout, now=now), now=now)


def _sides(rollout: Rollout, *, now: datetime) -> tuple[Pieces, Pieces]:
    if rollout.candidate is None:
        return [], []
    start, project = began(rollout, now=now), rollout.project
    read_as = partial(hours_of, project=project, start=start, now=now)
    ours = read_as(rollout.candidate, role=candidate_role(rollout))
    return ours, read_as(rollout.live, role="live")


def _with_before(rollout: Rollout, *, start: datetime, now: datetime) -> Pieces:
    """Also live's last weeks, where it has answered hardly anybody since: targets may
    send everyone to the candidate, in the middle of an hour."""
    place: dict[str, Any] = {"project": rollout.project, "role": "live"}
    place |= {"start": start - DEFAULT_PERIOD, "now": now}
    return old_days_of(rollout.live, **place) + hours_of(rollout.live, **place)


def strata_of(together: Iterable[Pair], project: Project) -> Strata:
    """What is known of what is judged, of both."""
    found, key = Strata(), MEANS[judged_on(project)]
    for _, ours, theirs in together:
        found.add(moments(ours, key), moments(theirs, key))
    return found


def gain(strata: Strata) -> Difference | None:
    """How much better the candidate is, a row; positive is better."""
    found = strata.difference()
    return replace(found, value=-found.value) if found else None


def _arms(rollout: Rollout, *, start: datetime, now: datetime) -> list[Arm]:
    end = now + timedelta(hours=1)
    wanted: list[tuple[ModelVersion, str, tuple[str, ...]]] = [
        (rollout.live, "live", ("live",))
    ]
    if rollout.candidate:
        role = candidate_role(rollout)
        wanted.append((rollout.candidate, role, (role,)))
    if rollout.baseline_id != rollout.live_id:
        roles = ("live", "canary", "shadow", "baseline")
        wanted.append((rollout.baseline, "baseline", roles))
    return [
        Arm(
            version=version,
            variant=variant,
            sum=total(version, Window(start=start, end=end, roles=roles), now=now),
        )
        for version, variant, roles in wanted
    ]


def _shown(arm: Arm, project: Project) -> dict[str, Any]:
    metrics = [project.primary_metric, judged_on(project), "error_rate", "latency_p95"]
    return {
        "model": str(arm.version),
        "number": arm.version.number,
        "name": arm.version.name,
        "variant": arm.variant,
        "predictions": arm.sum.answers,
        "coverage": arm.sum.coverage,
        "metrics": {name: read(arm.sum, name) for name in dict.fromkeys(metrics)},
    }


def _interval(strata: Strata, coverage: float | None) -> dict[str, Any]:
    gap = gain(strata)
    if gap is None:
        unknown = {"value": None, "low": None, "high": None, "n": 0}
        return unknown | {"coverage": coverage, "reason": _why_none(strata)}
    found = confidence_sequence(gap)
    told = {"value": found.value, "low": found.low, "high": found.high, "n": gap.n}
    return told | {"coverage": coverage}


def _why_none(strata: Strata) -> str:
    if strata.known < 2:
        return "No truth is known of answers that both gave in one hour or day."
    return "All answers of each fared alike, so nobody knows how others will."


def _coverage(*arms: Sum) -> float | None:
    """Share of the answers of both whose truth is known."""
    answered = sum(arm.answers for arm in arms)
    return sum(arm.truths for arm in arms) / answered if answered else None


def _sample_ratio(rollout: Rollout) -> dict[str, Any] | None:
    """Units seen by each arm since the share last changed, among the latest answers;
    targets aim on purpose."""
    share = float(rollout.percent) / 100
    if rollout.targets or not 0 < share < 1 or rollout.step_since is None:
        return None
    answers = Prediction.objects.filter(
        project=rollout.project,
        pk__gte=first_uuid7(rollout.step_since),
        role__in=("live", "canary"),
        test=False,
    ).order_by("-pk")
    seen = answers.values("role", "unit")[:LATEST].aggregate(
        live=Count("unit", distinct=True, filter=Q(role="live")),
        canary=Count("unit", distinct=True, filter=Q(role="canary")),
    )
    counts = [seen["live"], seen["canary"]]
    shares = [1 - share, share]
    mismatch = sample_ratio_mismatch(counts, shares)
    return {"counts": counts, "shares": shares, "mismatch": mismatch}


def _verdict(
    strata: Strata, project: Project, *, broken: list[str], mismatch: bool
) -> dict[str, Any]:
    """breach, hold, wait, worse, better or level, and why in a sentence."""
    if broken:
        return {"verdict": "breach", "text": " ".join(broken)}
    if mismatch:
        text = (
            "The shares of the two versions are not what the rollout says: no verdict."
        )
        return {"verdict": "hold", "text": text}
    if strata.known < MINIMUM_N:
        needs = MINIMUM_N - strata.known
        text = f"No verdict yet: needs {number(needs)} more truths."
        return {"verdict": "wait", "needs": needs, "text": text}
    gap = gain(strata)
    if gap is None:
        return {"verdict": "wait", "text": f"No verdict yet. {_why_none(strata)}"}
    answer = by_sequence(
        confidence_sequence(gap), margin=margin_of(project), unit=unit_of(project)
    )
    missing = still_needed(gap) if answer["verdict"] == "wait" else None
    if missing:
        answer["needs"] = missing
        answer["text"] += f" {number(missing)} more truths would decide it."
    answer["text"] += _stood_in(project)
    return answer


def _stood_in(project: Project) -> str:
    """What was judged instead, where the primary metric is no mean over predictions."""
    key, primary = judged_on(project), project.primary_metric
    if key == primary:
        return ""
    asked = METRICS[primary].label if primary in METRICS else primary
    text = f" Judged on the {METRICS[key].label.lower()} instead of {asked}"
    margin = (project.gate or {}).get("margin")
    return f"{text}, so without its margin." if margin else f"{text}."


def by_sequence(found: Interval, *, margin: float, unit: str) -> dict[str, Any]:
    reach = f"{number(found.low)} to {number(found.high)} {unit}".strip()
    reach += " a prediction"
    if found.high < -margin:
        return {"verdict": "worse", "text": f"The candidate is worse: {reach}."}
    if found.low > 0:
        return {"verdict": "better", "text": f"The candidate is better: {reach}."}
    if found.low > -margin and margin > 0:
        return {"verdict": "level", "text": f"The candidate is not worse: {reach}."}
    return {"verdict": "wait", "text": f"Not decided yet: {reach}."}
