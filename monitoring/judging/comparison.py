"""Live, candidate and baseline side by side, and what may be said about the difference.

The candidate's share is judged on one number a prediction (a loss, a cost), by
confidence sequences that stay right however often one looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring.evaluator.moments import Moments
from monitoring.judging.guardrails import guardrails
from monitoring.judging.statistics import (
    Difference,
    Interval,
    confidence_sequence,
    difference,
    sample_ratio_mismatch,
    still_needed,
)
from monitoring.monitor.fold import hour_of
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.series import Sum, Window, read, total
from registry.catalogue import METRICS
from registry.identifiers import first_uuid7
from registry.models import ModelVersion, Project
from registry.written import number
from serving.models import Prediction, Rollout

# Metrics that are means over rows, and the folded moment they are read from.
ROW_METRICS: Mapping[str, str] = {
    "cost": "cost",
    "log_loss": "log_loss",
    "brier": "squared_error",
    "mae": "absolute_error",
    "rmse": "squared_error",
}
STAND_INS = {"regression": "mae"}  # for ranks and ratios; classes: log_loss
MINIMUM_N = 100  # truths of the candidate before a verdict
DEFAULT_PERIOD = timedelta(days=28)
LATEST = 10_000  # answers among which users are counted: a split shows in fewer


@dataclass(frozen=True, kw_only=True)
class Arm:
    version: ModelVersion
    variant: str
    sum: Sum


def judged_on(project: Project) -> str:
    """The metric a difference is judged on: the primary one if it is a mean over rows."""
    if project.primary_metric in ROW_METRICS:
        return project.primary_metric
    return STAND_INS.get(project.task, "log_loss")


def compare_rollout(
    rollout: Rollout, *, now: datetime, with_units: bool = True
) -> dict[str, Any]:
    """Everything the rollout page and the guardrails need, JSON-ready but for times.

    Without units the shares of the two arms are not counted: that reads raw rows.
    """
    project = rollout.project
    start = hour_of(rollout.started_at or now - DEFAULT_PERIOD)
    arms = _arms(rollout, start=start, now=now)
    metric = judged_on(project)
    answer: dict[str, Any] = {
        "since": start,
        "metric": project.primary_metric,
        "judged_on": metric,
        "models": [_shown(arm, project) for arm in arms],
    }
    live = next(arm for arm in arms if arm.variant == "live")
    candidate = next((a for a in arms if a.variant in {"canary", "shadow"}), None)
    if candidate is None:
        return answer | {"verdict": "none", "text": "There is no candidate."}
    gap = gain(live.sum.outcomes, candidate.sum.outcomes, metric=metric)
    ratio = _sample_ratio(rollout) if with_units else None
    guards = guardrails(live.sum, candidate.sum)
    answer |= {
        "difference": _interval(gap, _coverage(live.sum, candidate.sum)),
        "sample_ratio": ratio,
        "guardrails": guards,
    }
    margin = float((project.gate or {}).get("margin", 0.0))
    unit = METRICS[metric].unit_in(
        currency=project.costs.get("currency", ""), target=project.unit
    )
    return answer | _verdict(
        gap,
        known=candidate.sum.outcomes.n,
        margin=margin,
        unit=unit,
        broken=[g["text"] for g in guards if not g["ok"]],
        mismatch=bool(ratio and ratio["mismatch"]),
    )


def _arms(rollout: Rollout, *, start: datetime, now: datetime) -> list[Arm]:
    end = now + timedelta(hours=1)
    wanted: list[tuple[ModelVersion, str, tuple[str, ...]]] = [
        (rollout.live, "live", ("live",))
    ]
    if rollout.candidate:
        role = "shadow" if rollout.mode == Rollout.Mode.SHADOW else "canary"
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
        "predictions": arm.sum.n,
        "coverage": arm.sum.coverage,
        "metrics": {name: read(arm.sum, name) for name in dict.fromkeys(metrics)},
    }


def row_moments(outcomes: Outcomes, metric: str) -> Moments:
    return outcomes.moments.get(ROW_METRICS[metric], Moments())


def gain(live: Outcomes, candidate: Outcomes, *, metric: str) -> Difference | None:
    """How much better the candidate is, a row; positive is better whatever the metric."""
    found = difference(row_moments(candidate, metric), row_moments(live, metric))
    if found is None or METRICS[metric].larger_is_better:
        return found
    return Difference(-found.value, found.standard_error, found.n)


def _interval(gap: Difference | None, coverage: float | None) -> dict[str, Any]:
    if gap is None:
        unknown = {"value": None, "low": None, "high": None, "n": 0}
        return unknown | {"coverage": coverage, "reason": "No truth of both is known."}
    found = confidence_sequence(gap)
    told = {"value": found.value, "low": found.low, "high": found.high, "n": gap.n}
    return told | {"coverage": coverage}


def _coverage(*arms: Sum) -> float | None:
    """Share of the answers of both whose truth is known."""
    answered = sum(arm.n for arm in arms)
    return sum(arm.truths for arm in arms) / answered if answered else None


def _sample_ratio(rollout: Rollout) -> dict[str, Any] | None:
    """Units seen by each arm since the share last changed, among the latest answers;
    targets aim on purpose."""
    share = float(rollout.percent) / 100
    if rollout.targets or not 0 < share < 1 or rollout.step_since is None:
        return None
    seen = dict.fromkeys(("live", "canary"), 0)
    answers = Prediction.objects.filter(
        project=rollout.project,
        pk__gte=first_uuid7(rollout.step_since),
        role__in=list(seen),
        test=False,
    ).order_by("-pk")
    for role, _ in set(answers.values_list("role", "unit")[:LATEST]):
        seen[role] += 1
    counts = [seen["live"], seen["canary"]]
    shares = [1 - share, share]
    mismatch = sample_ratio_mismatch(counts, shares)
    return {"counts": counts, "shares": shares, "mismatch": mismatch}


def _verdict(
    gap: Difference | None,
    *,
    known: int,
    margin: float,
    unit: str,
    broken: list[str],
    mismatch: bool,
) -> dict[str, Any]:
    """breach, hold, wait, worse, better or level, and why in a sentence."""
    if broken:
        return {"verdict": "breach", "text": " ".join(broken)}
    if mismatch:
        text = (
            "The shares of the two versions are not what the rollout says: no verdict."
        )
        return {"verdict": "hold", "text": text}
    if known < MINIMUM_N or gap is None:
        needs = max(MINIMUM_N - known, 1)
        text = f"No verdict yet: needs {number(needs)} more truths."
        return {"verdict": "wait", "needs": needs, "text": text}
    answer = by_sequence(confidence_sequence(gap), margin=margin, unit=unit)
    missing = still_needed(gap) if answer["verdict"] == "wait" else None
    if missing:
        answer["needs"] = missing
        answer["text"] += f" {number(missing)} more truths would decide it."
    return answer


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
