"""Component 6, Orchestrator, step 2: every learning row through the Featurizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlsystem.orchestrator.learning import keep_aside, learning_rows
from mlsystem.orchestrator.work import Outputs, StepWork, cache_key, cached_outputs
from registry import featurizer
from registry.featurizer import tuning
from registry.models import Step

if TYPE_CHECKING:
    import pandas as pd


def featurize(work: StepWork) -> Outputs:
    """A table of features, target and part; cached by definition, parameters and data."""
    spec = featurizer.features_spec(work.project)
    if fields := work.run.params.get("fields"):
        spec = featurizer.only(spec, fields)
    rows = learning_rows(work)
    key = _key(work, spec, rows)
    Step.objects.filter(pk=work.step.pk).update(cache_key=key)
    if outputs := cached_outputs(work.project, key):
        work.log("Taken from an earlier run: same features, same data.")
        return outputs
    work.context.progress(0.2, f"{len(rows)} rows")
    work.log(f"{len(rows)} rows, {len(spec['fields'])} features.")
    return {**_tables(work, spec, rows), "spec": spec, "rows": len(rows)}


def _key(work: StepWork, spec: dict[str, Any], rows: pd.DataFrame) -> str:
    project, run = work.project, work.run
    learn = work.before.get("extract", {}).get("learn")
    until = None
    if spec.get("windows") and project.time_column in rows:
        until = tuning.newest(rows[project.time_column])
    return cache_key(
        "featurize",
        features=spec,
        data=learn["sha256"] if learn else work.dataset.sha256,
        validation=run.validation.sha256 if run.validation else "",
        columns=[project.target, project.time_column, project.group_column],
        entity=project.entity,
        facts=tuning.facts_of(project, spec, until),
    )


def _tables(work: StepWork, spec: dict[str, Any], rows: pd.DataFrame) -> Outputs:
    """The features, and where lengths are tuned what they can be computed anew from."""
    project = work.project
    aside = keep_aside(project, rows)
    outputs: Outputs = {"tuned": tuning.space(project, spec)}
    if not outputs["tuned"]:
        table = featurizer.compute_frame(project=project, features=spec, frame=rows)
    else:
        seen = tuning.prepared(project, spec, rows)
        outputs["kinds"] = dict(seen.kinds)
        outputs["seen"] = work.put_frame("seen", seen.table)
        tuning.retuned(project, spec, seen)
        table = seen.table[[field["name"] for field in spec["fields"]]]
    table = table.reset_index(drop=True).assign(**aside)
    return {**outputs, "table": work.put_frame("features", table)}
