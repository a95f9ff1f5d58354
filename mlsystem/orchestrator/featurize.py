"""Component 6, Orchestrator, step 2: every learning row through the Featurizer."""

from __future__ import annotations

from mlsystem.orchestrator.learning import keep_aside, learning_rows
from mlsystem.orchestrator.work import Outputs, StepWork, cache_key, cached_outputs
from registry import featurizer
from registry.models import Step


def featurize(work: StepWork) -> Outputs:
    """A table of features, target and part; cached by definition, parameters and data."""
    project, run = work.project, work.run
    spec = featurizer.features_spec(project)
    learn = work.before.get("extract", {}).get("learn")
    key = cache_key(
        "featurize",
        features=spec,
        data=learn["sha256"] if learn else work.dataset.sha256,
        validation=run.validation.sha256 if run.validation else "",
        columns=[project.target, project.time_column, project.group_column],
        entity=project.entity,
    )
    Step.objects.filter(pk=work.step.pk).update(cache_key=key)
    if outputs := cached_outputs(project, key):
        work.log("Taken from an earlier run: same features, same data.")
        return outputs
    rows = learning_rows(work)
    work.context.progress(0.2, f"{len(rows)} rows")
    features = featurizer.compute_frame(project=project, features=spec, frame=rows)
    table = features.reset_index(drop=True).assign(**keep_aside(project, rows))
    work.log(f"{len(rows)} rows, {len(spec['fields'])} features.")
    return {
        "table": work.put_frame("features", table),
        "spec": spec,
        "rows": len(table),
    }
