"""Baselines: what answers from the first dataset on, and what every model must beat."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitoring.evaluator import sealed
from registry import datasets, definition_store, featurizer, jobs
from registry.clock import now as clock_now
from registry.definition_parts import Baseline as Declared
from registry.errors import Conflict, InvalidInput
from registry.models import Dataset, Job, ModelVersion, Project, Run, User
from registry.versions import register_version
from serving import rollout as rollouts
from serving.models import Rollout

if TYPE_CHECKING:
    import pandas as pd

TASK = "mlsystem.open_with_baseline"
REST = timedelta(hours=1)
SAMPLE = 100  # rows that golden rows and latency are taken from
# Of a table that the quick lane makes a baseline for: 100 000 rows of 20 columns, in 2
# to 5 seconds. A larger one may wait behind builds, so that no guardrail waits for it.
QUICK_CELLS, QUICK_BYTES = 2_000_000, 32 * 2**20


@dataclass(frozen=True)
class Baseline:
    """What to say without a model: a kind of `registry.catalogue.BASELINES`."""

    kind: str
    params: dict[str, Any] = field(default_factory=dict)
    name: str = ""  # "" is the fitted baseline's own
    function: str = ""  # "module:slug/name", where `kind` is function

    @property
    def columns(self) -> list[str]:
        """What it reads by name."""
        return [
            *self.params.get("keys", []),
            *filter(None, [self.params.get("column")]),
        ]


def open_if_missing(
    *, project: Project, baseline: Baseline | None = None, by: User | None = None
) -> Rollout:
    """The project's rollout; where there is none, its baselines (or the one given) are
    made from the newest dataset, evaluated on its sealed test, and the first one answers
    at once."""
    found = Rollout.objects.filter(project=project).first()
    if found is not None:
        return found
    dataset = project.datasets.select_related("split").first()
    if dataset is None:
        raise Conflict(f"{project.slug} has no dataset yet: upload one first.")
    versions = _made_before(project) or [
        register(project=project, baseline=one, dataset=dataset, by=by)
        for one in ([baseline] if baseline else wanted(project))
    ]
    for version in versions:
        if not version.evaluations.exists():
            sealed.evaluate_version(version=version, dataset=dataset, by=by)
    try:
        return rollouts.open_with_baseline(project=project, version=versions[0], by=by)
    except Conflict:  # somebody else opened it just now
        return Rollout.objects.get(project=project)


def _made_before(project: Project) -> list[ModelVersion]:
    """Baselines that somebody registered before dying, the first one first."""
    made = project.versions.filter(
        kind=ModelVersion.Kind.BASELINE, state=ModelVersion.State.BUILT
    )
    return list(made.order_by("number"))


def wanted(project: Project) -> list[Baseline]:
    """What the project's definition declares, else the default of its task."""
    definition = definition_store.definition_of(project)
    if definition is None or not definition.baselines:
        return [default(project)]
    return [_declared(project, definition, one) for one in definition.baselines]


def default(project: Project) -> Baseline:
    """The mean, or the class shares."""
    regression = project.task == Project.Task.REGRESSION
    return Baseline("mean" if regression else "majority")


def _declared(project: Project, definition: Any, declared: Declared) -> Baseline:
    params = dict(declared.params)
    if declared.kind == "rule":
        params.setdefault("then", project.positive_class)
    function = ""
    if declared.kind == "function":
        function = definition_store.function_path(definition, declared.name)
    return Baseline(declared.kind, params, declared.name, function)


def register(
    *,
    project: Project,
    baseline: Baseline,
    dataset: Dataset,
    rows: pd.DataFrame | None = None,
    run: Run | None = None,
    state: str = ModelVersion.State.BUILT,
    by: User | None = None,
) -> ModelVersion:
    """A baseline version, fitted on `rows` with their target (the dataset's)."""
    rows = datasets.training_frame(dataset) if rows is None else rows
    features = _spec(project, baseline)
    table = featurizer.compute_frame(project=project, features=features, frame=rows)
    model = None
    if not baseline.function:
        model = _fitted(project, baseline, features, table, rows[project.target])
    sample = table.sample(min(SAMPLE, len(table)), random_state=0)
    return register_version(
        project=project,
        kind=ModelVersion.Kind.BASELINE,
        name=baseline.name or model.name,  # type: ignore[union-attr]
        algorithm=baseline.kind,
        params=baseline.params,
        model=model,
        function=baseline.function,
        fields=project.fields,
        features=features,
        decision=default_decision(project),
        costs=project.costs,
        classes=ordered_classes(project),
        sample_rows=sample.to_dict("records"),
        run=run,
        dataset=dataset,
        by=by,
        state=state,
    )


def _spec(project: Project, baseline: Baseline) -> dict[str, Any]:
    """The inputs alone, so that it answers whatever else fails; features where it
    asks for them."""
    if window := baseline.params.get("window"):
        return featurizer.window_spec(project, window)
    inputs = {known["name"] for known in project.fields}
    if not baseline.function and inputs.issuperset(baseline.columns):
        return featurizer.plain_spec(project)
    return featurizer.features_spec(project)


def check(*, project: Project, baseline: Baseline) -> None:
    """Refuse a baseline that cannot be, before anything is made for it."""
    _make(project, baseline, project.fields)


def _make(project: Project, baseline: Baseline, fields: list[dict[str, Any]]) -> Any:
    from registry.estimators.baselines import make_baseline

    try:
        return make_baseline(
            kind=baseline.kind,
            params=baseline.params,
            task=project.task,
            fields=fields,
            classes=ordered_classes(project),
        )
    except ValueError as error:
        raise InvalidInput(f"This baseline cannot be: {error}") from error


def _fitted(
    project: Project,
    baseline: Baseline,
    features: dict[str, Any],
    table: pd.DataFrame,
    truth: pd.Series,
) -> Any:
    model = _make(project, baseline, features["fields"])
    try:
        return model.fit(table, truth)
    except ValueError as error:
        raise InvalidInput(f"This baseline cannot be: {error}") from error


def ordered_classes(project: Project) -> list[str]:
    """Classes in the order of probabilities: the positive one last."""
    others = [name for name in project.classes if name != project.positive_class]
    positive = [project.positive_class] if project.positive_class else []
    return [*others, *positive]


def default_decision(project: Project) -> dict[str, Any]:
    """The project's own, else the cheapest action where it has a cost matrix."""
    if project.decision:
        return dict(project.decision)
    return {"kind": "cost"} if project.costs.get("matrix") else {}


def open_missing(now: datetime) -> int:
    """What the tick does: a project with data and no live model gets its baseline. One
    that could not be made rests, until somebody changes what it is made of."""
    waiting = Project.objects.filter(datasets__isnull=False, rollout__isnull=True)
    projects = list(waiting.distinct())
    failed = Job.objects.filter(
        project__in=projects,
        created_at__gt=now - timedelta(days=1),  # by the index: there are many jobs
        task=TASK,
        state=Job.State.FAILED,
        finished_at__gt=now - REST,
    )
    resting = [
        (pk, args.get("of")) for pk, args in failed.values_list("project", "args")
    ]
    due = [p for p in projects if (p.pk, _made_of(p)) not in resting]
    for project in due:
        later(project=project)
    return len(due)


def _made_of(project: Project) -> list[Any]:
    """What a baseline depends on, as it stands."""
    newest = project.datasets.values_list("number", flat=True).first()
    return [project.revision, project.definition_hash, newest]


def _lane(project: Project) -> str:
    """The quick one, where no build is waited for, unless the table is huge."""
    table = project.datasets.only("rows", "columns", "size_bytes").first()
    huge = table is not None and (
        table.rows * len(table.columns) > QUICK_CELLS or table.size_bytes > QUICK_BYTES
    )
    return Job.Lane.LONG if huge else Job.Lane.QUICK


def later(
    *,
    project: Project,
    baseline: Baseline | None = None,
    after: timedelta = timedelta(),
) -> Job:
    """The job that opens a project. Whoever opens one by hand has until it is due; should
    they die it does their work."""
    chosen = {"baseline": asdict(baseline)} if baseline else {}
    return jobs.enqueue(
        task=TASK,
        lane=_lane(project),
        project=project,
        key=f"baseline:{project.pk}",
        args={"of": _made_of(project), **chosen},
        due_at=clock_now() + after,
    )


def work(context: jobs.JobContext) -> None:
    """The handler of that job."""
    if context.project is not None:
        chosen = context.args.get("baseline")
        open_if_missing(
            project=context.project, baseline=Baseline(**chosen) if chosen else None
        )
