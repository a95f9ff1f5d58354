"""Component 4, Monitor: what one look at one rule finds, in words, with its numbers."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import models

from labelling.models import GroundTruth, said_again
from monitoring.models import AlertRule, HourBucket
from monitoring.monitor.drift import PREDICTION
from monitoring.monitor.drifting import drift_report
from monitoring.monitor.finding import Finding, lasting
from monitoring.monitor.rollups import SUMS
from monitoring.monitor.series import Sum, read
from monitoring.monitor.worsening import performance
from registry.models import ModelVersion, Project

FAILURE_LIMIT = 0.02  # of answers that failed or fell back
MINIMUM_N = 50
TRUTHS = 1000  # the newest, by which the usual pauses are known
ENOUGH_TRUTHS, ENOUGH_DAYS = 30, timedelta(days=3)
LONGER_THAN_USUAL = 2.0  # times the longest pause seen


def _drift(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    report = drift_report(version, now=now)
    if report["state"] == "insufficient":
        return Finding(bad=None, message="Too few rows to see drift.", n=report["n"])
    drifted = [f for f in report["features"] if f["state"] == "alert"]
    text = " ".join(_moved(one) for one in drifted[:3])
    return Finding(
        bad=bool(drifted),
        message=text or "Inputs look as they did.",
        value=float(len(drifted)),
        n=report["n"],
        detail={"features": [feature["feature"] for feature in drifted]},
    )


def _moved(one: Mapping[str, Any]) -> str:
    name = "What is predicted" if one["feature"] == PREDICTION else one["feature"]
    return f"{name}: {one['sentence']}"


def _failures(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    """Of everybody's answers: whose file is broken gives none, and it may be the
    version before that answers instead."""
    hours = HourBucket.objects.filter(
        project=version.project,
        slice="",
        role__in=("live", "fallback"),
        hour__gte=now - timedelta(hours=rule.window_hours),
        hour__lt=now + timedelta(hours=1),
    )
    counts = hours.aggregate(**{name: models.Sum(name, default=0) for name in SUMS})
    found = Sum(**counts)
    n = found.answers
    if n < MINIMUM_N:
        return Finding(bad=None, message="Too few answers to judge by.", n=n)
    answer = read(found, "fallback_rate")
    limit = rule.limit if rule.limit is not None else FAILURE_LIMIT
    text = f"{found.fallbacks} of {n} answers came from a fall-back."
    return Finding(
        bad=answer["low"] > limit,
        message=text,
        value=answer["value"],
        low=answer["low"],
        high=answer["high"],
        n=n,
        coverage=answer["coverage"],
        limit=limit,
    )


def _truth(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    """Truth that used to come and comes no longer: its silence is longer than the
    rule's window and than twice the longest pause before."""
    project = version.project
    newest = GroundTruth.objects.filter(
        ~said_again(), project=project, received_at__lte=now
    )
    found = newest.order_by("-pk").values_list("received_at", flat=True)[:TRUTHS]
    arrived = sorted(found)
    if len(arrived) < ENOUGH_TRUTHS or arrived[-1] - arrived[0] < ENOUGH_DAYS:
        return Finding(bad=None, message="Too little truth to know its pauses by.")
    if not _asked_lately(project, now=now):
        return Finding(bad=None, message="Nobody asked lately, so no truth is due.")
    pauses = pairwise(arrived)
    longest = max(_hours(after - before) for before, after in pauses)
    quiet = _hours(now - arrived[-1])
    limit = max(float(rule.window_hours), LONGER_THAN_USUAL * longest)
    return Finding(
        bad=quiet > limit,
        message=f"No truth has come for {lasting(quiet)}; the longest pause before "
        f"was {lasting(longest)}.",
        value=quiet,
        n=len(arrived),
        limit=limit,
    )


def _asked_lately(project: Project, *, now: datetime) -> bool:
    since = now - timedelta(days=28)
    return HourBucket.objects.filter(project=project, hour__gte=since).exists()


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


Look = Callable[[AlertRule, ModelVersion, datetime], Finding]
KINDS: Mapping[str, Look] = {
    "performance": performance,
    "drift": _drift,
    "failures": _failures,
    "truth": _truth,
}
