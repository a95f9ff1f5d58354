"""Component 6, Orchestrator, step 4: begin a build's slots, and register what came out."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlsystem.builder import slots, trials
from mlsystem.builder.build import Slot
from mlsystem.builder.lengths import Lengths
from mlsystem.builder.plan import BuildError, BuildResult, TrialResult, TrialSpec
from mlsystem.orchestrator.learning import GROUP, TIME
from mlsystem.orchestrator.work import Outputs, StepRefused, StepWork, get_frame
from registry.clock import now as clock_now
from registry.featurizer import tuning
from registry.models import ModelVersion, Run, Step
from registry.versions import register_version
from registry.written import latency

SAMPLE = 200  # rows that golden rows and latency are taken from


def begin_build(work: StepWork) -> None:
    """Write the slots; the job that they leave behind ends this step."""
    if work.step.inputs.get("begun_by") == str(work.context.job.pk):
        return  # the worker died after it had written them
    ready = work.before["prepare"]
    files = {name: ready[name] for name in ("train", "validation") if name in ready}
    params = work.run.params
    slots.begin(
        step=work.step,
        plan=_plan(work, get_frame(ready["train"]).columns.tolist()),
        files=files,  # type: ignore[arg-type]
        windows=_windows(work),
        count=int(
            params.get("slots") or slots.slots_by_default(work.run.budget_seconds)
        ),
        begun_by=str(work.context.job.pk),
        now=clock_now(),
    )


def _windows(work: StepWork) -> dict[str, Any]:
    """What the features over other lengths are computed from."""
    left, ready = work.before["featurize"], work.before["prepare"]
    if "seen" not in ready:
        return {}
    return {"spec": left["spec"], "seen": ready["seen"], "kinds": left["kinds"]}


def _plan(work: StepWork, columns: list[str]) -> dict[str, Any]:
    project, params = work.project, work.run.params
    kept = set(work.before["prepare"]["kept"])
    fields = work.before["featurize"]["spec"]["fields"]
    return {
        "target": project.target,
        "task": project.task,
        "fields": [field for field in fields if field["name"] in kept],
        "metric": params.get("metric") or project.primary_metric,
        "classes": project.classes,
        "positive": project.positive_class,
        "costs": project.costs,
        "decision": project.decision,
        "group": GROUP if GROUP in columns else "",
        "time": TIME if TIME in columns else "",
        "families": params.get("algorithms") or [],
        "seed": work.run.number,
        "lengths": work.before["featurize"].get("tuned", {}),
    }


def end_build(work: StepWork, slot: Slot | None = None) -> Outputs | None:
    """Refit the best trial in the time left and register it; cancelled: as it is.

    `slot` is the one that stopped last, where it ends the build itself.
    """
    run, step = work.run, work.step
    jobs_of_build = [step.inputs.get("finish"), *step.inputs.get("slots", [])]
    if str(work.context.job.pk) not in jobs_of_build:
        return None  # a retry of the run wrote other slots
    if step.state == Step.State.SUCCEEDED:
        return None
    cancelled = run.state == Run.State.CANCELLED
    trials.give_up(run=run, why="The build ended.")
    version = _registered_before(work)
    if version is None:
        results = trials.results_of(run)
        if not results and cancelled:
            return {}
        if not results:
            raise StepRefused(_nothing_finished(run))
        results = fast_enough(work, results)
        version = _finish(work, results, slot, refit=not cancelled)
    work.log(f"{version}: {version.name}.")
    return {"version": version.number}


def _registered_before(work: StepWork) -> ModelVersion | None:
    """The version of an earlier try of this build, whose worker died behind it."""
    made = ModelVersion.objects.filter(run=work.run, kind=ModelVersion.Kind.TRAINED)
    return made.filter(card__build=work.step.inputs["begun_by"]).first()


def _nothing_finished(run: Run) -> str:
    failed = run.trials.exclude(error="").order_by("number").last()
    if failed is None:
        return f"No trial finished in {run.budget_seconds} s: give the run more time."
    return f"No trial finished. The last one: {failed.error.strip().splitlines()[-1]}"


def fast_enough(work: StepWork, results: list[TrialResult]) -> list[TrialResult]:
    """The trials whose model answers one row within the limit that was asked for."""
    limit = work.run.params.get("max_latency_us")
    if limit is None:
        return results
    rows = _sample(work)[:50]
    measured = {r.spec.number: _latency(Path(r.model), rows) for r in results}
    kept = [r for r in results if measured[r.spec.number] <= limit]
    if not kept:
        raise StepRefused(
            f"No model answers a row within {latency(limit)}; the fastest "
            f"takes {latency(min(measured.values()))}."
        )
    return kept


def _latency(path: Path, rows: list[dict[str, Any]]) -> float:
    from registry import artefact

    data = path.read_bytes()
    model = artefact.loads(data, sha256=hashlib.sha256(data).hexdigest())
    return artefact.latency_us(model, rows, repeats=50)


def _sample(work: StepWork, spec: TrialSpec | None = None) -> list[dict[str, Any]]:
    """Rows of features as the model reads them, over the lengths of a trial."""
    import pandas as pd

    ready = work.before["prepare"]
    table = get_frame(ready.get("validation") or ready["train"])[ready["kept"]]
    if spec and (path := Lengths(work.step)(spec)):
        changed = pd.read_parquet(path).tail(len(table)).set_axis(table.index)
        names = [name for name in changed if name in table]
        table = table.assign(**{name: changed[name] for name in names})
    rows = table.sample(min(SAMPLE, len(table)), random_state=work.run.number)
    found: list[dict[str, Any]] = rows.to_dict("records")
    return found


def _finish(
    work: StepWork, results: list[TrialResult], slot: Slot | None, *, refit: bool
) -> ModelVersion:
    work.context.progress(0.95, "refit of the best")
    if slot is not None:
        return _register(work, _refitted(slot, results, refit=refit))
    assert work.run.build_deadline is not None
    deadline = work.run.build_deadline.timestamp()
    with (
        TemporaryDirectory(prefix="mlsystem-build-") as folder,
        Slot(
            plan=slots.local_plan(work.step),
            workdir=Path(folder),
            deadline=deadline,
            poll=work.context.cancelled,
            columns=Lengths(work.step),
        ) as fresh,
    ):
        refit = refit and time.time() < deadline
        return _register(work, _refitted(fresh, results, refit=refit))


def _refitted(slot: Slot, results: list[TrialResult], *, refit: bool) -> BuildResult:
    try:
        return slot.finish(results, refit=refit)
    except BuildError as error:
        raise StepRefused(str(error)) from error


def _register(work: StepWork, result: BuildResult) -> ModelVersion:
    work.context.guard()
    project, best = work.project, result.best
    ready, spec = work.before["prepare"], work.before["featurize"]["spec"]
    return register_version(
        project=project,
        kind=ModelVersion.Kind.TRAINED,
        name=best.name or best.spec.family,
        algorithm=best.spec.family,
        model=Path(result.model),
        params=best.spec.params,
        fields=project.fields,
        features=tuning.pruned(
            project, tuning.at_lengths(project, spec, best.spec.params), ready["kept"]
        ),
        decision=result.decision,
        costs=project.costs,
        classes=project.classes,
        sample_rows=_sample(work, best.spec),
        run=work.run,
        dataset=work.dataset,
        by=work.run.requested_by,
        card={
            "build": work.step.inputs["begun_by"],
            "trial": best.spec.number,
            "metric": work.step.inputs["plan"]["metric"],
            "score": best.score,
            "out_of_fold": best.metrics,
            "refitted": result.refitted,
            "stopped": result.stopped,
            "trials": work.run.trials.count(),
        },
    )
