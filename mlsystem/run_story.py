"""Component 6, Orchestrator: a run told to a person: what each step did, found and left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlsystem.api.shapes import jobs_of
from mlsystem.orchestrator import pipeline
from registry.catalogue import METRICS
from registry.models import Project, Run, Step
from registry.written import whole

PURPOSES = {
    "extract": "Read what there is to learn from, and count it.",
    "featurize": "Compute every feature, as it was known at each row's moment.",
    "prepare": "Take out what would teach nothing, or too much.",
    "build": "Try models until the time is over, and keep the best.",
    "evaluate": "Judge the best on the sealed test rows, beside what serves.",
    "decide": "Accept or reject, with reasons, and say what happens next.",
}
# Of the rows that came from production: the word of the count, and how it is told.
COUNTED = {
    "not mature yet": "whose time is not over",
    "known already": "known already",
    "repeated": "repeated",
    "altered by us": "altered by our own decision",
    "unreadable": "unreadable",
    "their like is judged": "whose like is in the test",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One step on the page."""

    step: Step
    purpose: str
    lines: list[str]
    message: str = ""
    log: str = ""
    took: float | None = None
    until: datetime | None = None  # when a step with a fixed end is over
    progress: float = 0.0
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        return self.step.state in {Step.State.WAITING, Step.State.SKIPPED}


def steps_of(run: Run) -> list[Told]:
    """The steps of a run, in a fixed number of queries."""
    steps = list(run.steps.select_related("job"))
    return [_told(run, step) for step in steps]


def _told(run: Run, step: Step) -> Told:
    jobs = jobs_of(step)
    message = next((job.message for job in reversed(jobs) if job.message), "")
    finished = step.finished_at if step.state != Step.State.SKIPPED else None
    building = step.name == "build" and step.state == Step.State.RUNNING
    return Told(
        step=step,
        purpose=PURPOSES.get(step.name, ""),
        lines=LINES[step.name](step.outputs) if step.outputs else [],
        message="" if step.state == Step.State.SUCCEEDED else message,
        log="".join(job.log for job in jobs) or step.log,
        took=seconds_between(step.started_at, finished),
        until=run.build_deadline if building else None,
        progress=max((job.progress for job in jobs), default=0.0),
        findings=_findings(step),
    )


def _findings(step: Step) -> list[dict[str, Any]]:
    return [
        {
            "column": found.get("column", ""),
            "text": found.get("text", ""),
            "level": "warning" if found.get("drop") else found.get("level", "info"),
        }
        for found in step.findings
    ]


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _extract(out: Mapping[str, Any]) -> list[str]:
    counts = dict(out.get("counts") or {})
    told = []
    if "training" in counts:
        told.append(
            f"Dataset {out.get('dataset')}: {whole(counts['training'])} rows to train on, "
            f"{whole(counts.get('validation', 0))} to validate, "
            f"{whole(counts.get('test', 0))} sealed for the test."
        )
    return [*told, *new_rows(counts)]


def new_rows(counts: Mapping[str, Any]) -> list[str]:
    """Which rows production and people brought since the upload; nothing if none."""
    if not counts.get("matched") and not counts.get("labelled"):
        return []
    came = {
        "from production": "whose truth is known now",
        "from labels": "that experts labelled",
    }
    parts = [
        f"{whole(n)} {words}" for key, words in came.items() if (n := counts.get(key))
    ]
    told = "No row is new: what is known now was learnt from before"
    if parts:
        told = f"New rows: {' and '.join(parts)}"
    if only := counts.get("only train"):
        told += f"; {whole(only)} of them only train, because they were chosen"
    left = [
        f"{whole(n)} {words}"
        for key, words in COUNTED.items()
        if (n := counts.get(key))
    ]
    return [f"{told}. Left out: {', '.join(left)}." if left else f"{told}."]


def _featurize(out: Mapping[str, Any]) -> list[str]:
    fields = (out.get("spec") or {}).get("fields") or []
    return [f"{whole(out.get('rows', 0))} rows with {whole(len(fields))} features."]


def _prepare(out: Mapping[str, Any]) -> list[str]:
    kept, dropped = out.get("kept") or [], out.get("dropped") or []
    judged = (
        "judged on rows of their own" if "validation" in out else "judged out of fold"
    )
    told = [
        f"{whole(len(kept))} features on {whole(out.get('rows', 0))} rows, {judged}."
    ]
    return [*told, f"Left out: {', '.join(dropped)}."] if dropped else told


def _build(out: Mapping[str, Any]) -> list[str]:
    number = out.get("version")
    return [f"The best became version {number}."] if number else ["No model was kept."]


def _evaluate(out: Mapping[str, Any]) -> list[str]:
    reasons = out.get("reasons") or []
    passed = sum(bool(reason.get("passed")) for reason in reasons)
    return [f"Version {out.get('candidate')} passed {passed} of {len(reasons)} rules."]


def _decide(out: Mapping[str, Any]) -> list[str]:
    said = f"Version {out.get('version')}: {str(out.get('verdict', '')).replace('_', ' ')}."
    return [said, *filter(None, [out.get("next")])]


VERDICTS = {
    Run.Verdict.ACCEPTED: "Version {} is better, and was accepted.",
    Run.Verdict.REJECTED: "Version {} was rejected; what served before goes on serving.",
    Run.Verdict.WAITING: "Version {} passed, and waits for the approval of a second person.",
}
LINES = {
    "extract": _extract,
    "featurize": _featurize,
    "prepare": _prepare,
    "build": _build,
    "evaluate": _evaluate,
    "decide": _decide,
}


def verdict_of(run: Run) -> str:
    """What became of a run, in a sentence; of one that goes on, where it is."""
    number = run.report.get("version")
    if run.verdict != Run.Verdict.NONE:
        return VERDICTS[Run.Verdict(run.verdict)].format(number)
    if run.state == Run.State.FAILED:
        return f"It failed: {run.error}" if run.error else "It failed."
    if run.state == Run.State.CANCELLED:
        kept = f"; version {number} was kept" if number else ""
        return f"It was cancelled{kept}."
    if run.is_over:
        return f"It made version {number}." if number else "It is over."
    return "It is going on." if run.started_at else "It waits for a worker."


def headline(run: Run, steps: Sequence[Told]) -> str:
    """The verdict; of a failure only the step, whose own place says why."""
    failed = [told.step.name for told in steps if told.step.state == Step.State.FAILED]
    if run.state == Run.State.FAILED and failed:
        return f"It failed at the step {failed[0]}."
    return verdict_of(run)


def tested(run: Run) -> list[dict[str, Any]]:
    """The primary metric on the sealed test: candidate, live and baseline by side."""
    if not run.is_over or run.verdict == Run.Verdict.NONE:
        return []
    version = run.versions.filter(kind="trained").first()
    card = (version.card if version else {}).get("test") or {}
    metric = run.project.primary_metric
    return [
        {"role": role, "version": found["version"], **found["metrics"][metric]}
        for role in ("candidate", "live", "baseline")
        if (found := card.get(role)) and metric in found["metrics"]
    ]


def leaderboard(run: Run) -> dict[str, Any]:
    """Trials, the best first; the running and failed ones apart."""
    trials = list(run.trials.all())
    key = str(run.params.get("metric") or run.project.primary_metric)
    metric = METRICS.get(key)
    better = bool(metric and metric.larger_is_better)
    done = [trial for trial in trials if trial.score is not None]
    done.sort(
        key=lambda trial: ((-1 if better else 1) * (trial.score or 0.0), trial.number)
    )
    return {
        "metric": metric.label if metric else key,
        "better": "more is better" if better else "less is better",
        "done": done[:20],
        "hidden": max(len(done) - 20, 0),
        "running": [trial for trial in trials if trial.state == "running"],
        "failed": [trial for trial in trials if trial.state == "failed"],
        "tried": len(trials),
    }


def shown(run: Run, steps: Sequence[Told], board: Mapping[str, Any]) -> list[Any]:
    """What changes on the page of a run; equal answers need not be drawn again."""
    return [
        [run.state, run.verdict, run.error, run.report, len(run.reasons)],
        [
            [t.step.state, t.message, len(t.log), len(t.findings), t.lines]
            for t in steps
        ],
        [board["tried"], len(board["done"]), board["hidden"], len(board["failed"])],
    ]


def now_at(run: Run) -> str:
    """The step a run is at, in a word or two."""
    step = run.steps.filter(state=Step.State.RUNNING).select_related("job").first()
    if step is None:
        return "it waits for a worker"
    said = step.job.message if step.job else ""
    return f"{step.name}, {said}" if said else step.name


def running_of(project: Project) -> Run | None:
    """The run that goes on, if one does."""
    return project.runs.filter(
        kind=Run.Kind.PIPELINE, state__in=pipeline.UNFINISHED
    ).first()
