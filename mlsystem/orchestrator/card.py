"""Component 6, Orchestrator: a version's card: what it is, how good, and its limits."""

from __future__ import annotations

from typing import Any

from mlsystem.orchestrator.work import StepWork
from monitoring.models import Evaluation
from registry.models import ModelVersion, Step

WORST_SLICES = 5


def card_of(work: StepWork, version: ModelVersion) -> dict[str, Any]:
    """What a person should know before trusting the version; numbers with intervals."""
    judged = work.before["evaluate"]
    reports = {
        name: Evaluation.objects.get(pk=pk).report
        for name, pk in judged["evaluations"].items()
    }
    findings = [
        finding
        for step in Step.objects.filter(run=work.run)
        for finding in step.findings
    ]
    report = reports["candidate"]
    return version.card | {
        "data": _data(work),
        "test": {
            name: {"version": judged["versions"][name], "metrics": found["metrics"]}
            for name, found in reports.items()
        },
        "slices": report["slices"][:WORST_SLICES],
        "calibration": report["calibration"],
        "findings": _once([*work.dataset.findings, *findings]),
        "limits": _limits(work, report),
        "proof": version.proof,
        "windows_bring": judged.get("windows_bring", {}),
        "back_test": work.run.as_of.isoformat() if work.run.as_of else None,
    }


def _once(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Data and features are judged by the same rules; each finding is told once."""
    return list({(f["column"], f["rule"]): f for f in findings}.values())


def _data(work: StepWork) -> dict[str, Any]:
    dataset = work.dataset
    return {
        "dataset": dataset.number,
        "sha256": dataset.sha256,
        "rows": dataset.rows,
        "parts": dataset.split.counts,
        "split": dataset.split.kind,
        "looks_at_test": dataset.split.looks,
        "lineage": dataset.lineage,
        "left_out": work.before["prepare"]["dropped"],
    }


def _limits(work: StepWork, report: dict[str, Any]) -> list[str]:
    """What these numbers do not say, in sentences."""
    split, limits = work.dataset.split, []
    if split.kind != "time":
        limits.append(
            "The test rows are of the same time as the training rows: how it does on "
            "later ones is for the monitor to say."
        )
    limits += [
        f"{name} is not known: {metric['reason']}"
        for name, metric in report["metrics"].items()
        if metric["value"] is None and name == work.project.primary_metric
    ]
    seen = work.dataset.profile or {}
    rare = [name for name, column in seen.items() if _mostly_missing(column)]
    if rare:
        limits.append(f"Mostly missing in the data: {', '.join(sorted(rare))}.")
    return limits


def _mostly_missing(figures: dict[str, Any]) -> bool:
    return bool(figures["n"]) and figures["missing"] / figures["n"] > 0.5
