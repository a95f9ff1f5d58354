"""The owner's first screen: does the model still earn its place, in a sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from labelling.models import Example
from monitoring.models import Alert
from monitoring.monitor.series import Sum, Window, read, total
from registry.catalogue import METRICS, Metric
from registry.models import ModelVersion, Project, Run
from serving.models import Rollout

PERIOD = timedelta(days=28)
OPEN = (Alert.State.FIRING, Alert.State.ACKNOWLEDGED)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One version's numbers over the period."""

    version: ModelVersion
    sum: Sum
    main: dict[str, Any]


def standing(
    version: ModelVersion, *, now: datetime, maturing: bool = True
) -> Standing:
    """Over the last 28 days of predictions whose truth can be in."""
    project = version.project
    wait = project.horizon if project.silence == Project.Silence.NEGATIVE else None
    width = PERIOD + (wait or timedelta())
    window = Window(start=now - width, end=now + timedelta(hours=1))
    found = total(version, window, now=now)
    return Standing(
        version=version, sum=found, main=read(found, project.primary_metric)
    )


def verdict(project: Project, *, now: datetime) -> tuple[str, str]:
    """(tone, sentence) about what is live."""
    rollout = (
        Rollout.objects.select_related("live", "baseline", "candidate", "project")
        .filter(project=project)
        .first()
    )
    if rollout is None:
        return "unknown", "No model yet: register a dataset, then a baseline answers."
    firing = project.alerts.filter(state=Alert.State.FIRING).first()
    if firing:
        return "bad", f"Something needs you: {firing.message}"
    if rollout.baseline_for_all:
        return "warning", "Everyone gets the baseline, until somebody resumes."
    live = f"Version {rollout.live.number} ({rollout.live.name})"
    if rollout.live_id == rollout.baseline_id:
        return (
            "unknown",
            f"{live}, the baseline, answers. A run may find a better model.",
        )
    return _against_baseline(rollout, live, now=now)


def _against_baseline(rollout: Rollout, live: str, *, now: datetime) -> tuple[str, str]:
    project = rollout.project
    for version in (rollout.live, rollout.baseline):
        version.project = project
    ours = standing(rollout.live, now=now).main
    theirs = standing(rollout.baseline, now=now).main
    metric = METRICS[project.primary_metric]
    if ours["value"] is None:
        return "unknown", f"{live} answers; its production numbers need more truth."
    words = (
        f"{live} answers: {metric.label.lower()} {said(metric, ours['value'], project)}"
    )
    if theirs["value"] is None:
        return "good", f"{words} in production ({ours['n']} truths)."
    better = metric.beats(ours["value"], theirs["value"])
    other = said(metric, theirs["value"], project)
    tone = "good" if better else "warning"
    return (
        tone,
        f"{words}, {'better' if better else 'no better'} than the baseline's {other}.",
    )


def said(metric: Metric, value: float, project: Project) -> str:
    """A metric's value with its unit."""
    unit = {
        "money": (project.costs or {}).get("currency", ""),
        "target": project.unit,
    }.get(metric.unit, "")
    return f"{value:.4g} {unit}".strip()


def components(project: Project, *, now: datetime) -> list[dict[str, Any]]:
    """The nine components, each with one live fact and where it leads."""
    day = now - timedelta(days=1)
    run = project.runs.first()
    firing = project.alerts.filter(state__in=OPEN).count()
    base = f"/p/{project.slug}"
    answers = project.predictions.filter(received_at__gte=day).count()
    facts = (
        ("Ground-truth Collector", "collector", f"{_truths(project, day)} truths today", "/examples"),
        ("Data Labeller", "label", f"{_waiting(project)} examples wait", "/label"),
        ("Featurizer", "featurizer", f"{len(project.fields)} inputs", "/features"),
        ("Orchestrator", "runs", _run_words(run), "/runs"),
        ("Model Builder", "builder", f"{project.versions.count()} versions", "/models"),
        ("Evaluator", "evaluator", f"{project.evaluations.count()} evaluations", "/models"),
        ("Model Server", "server", _live_words(project), "/rollout"),
        ("Front-end", "frontend", f"{answers} answers today", "/predictions"),
        ("Performance Monitor", "monitor", f"{firing} open alerts", "/monitor"),
    )  # fmt: skip
    return [
        {"name": name, "icon": icon, "fact": fact, "url": base + path}
        for name, icon, fact, path in facts
    ]


def _truths(project: Project, since: datetime) -> int:
    return project.truths.filter(received_at__gte=since).count()


def _waiting(project: Project) -> int:
    return Example.objects.filter(project=project, open_slots__gt=0).count()


def _run_words(run: Run | None) -> str:
    if run is None:
        return "no run yet"
    return f"run {run.number} {run.verdict or run.state}".replace("_", " ")


def _live_words(project: Project) -> str:
    rollout = Rollout.objects.select_related("live").filter(project=project).first()
    return f"version {rollout.live.number} is live" if rollout else "no model yet"
