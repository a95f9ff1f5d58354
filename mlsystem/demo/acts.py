"""Acts that several stories share: a run with its real verdict, its dates, the replay."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from mlsystem import baselines
from mlsystem.demo import replay
from mlsystem.demo.story import Act, Story, Telling
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.foreground import work_through
from monitoring.models import Evaluation
from registry import clock, definition_sync
from registry.models import Job, ModelVersion, Project, Run, Step

UNFINISHED = pipeline.UNFINISHED
DONE = (Step.State.SUCCEEDED, Step.State.SKIPPED)
REPLAY = Act(name="replaying production", weight=15.0, do=replay.replay)


def install(story: Story, *, now: datetime) -> Project:
    """The declared project with its data and its baseline live, made `ahead` ago."""
    with clock.moved_to(now - story.ahead):
        moved: Any = {"replay": story.moved(now)} if story.moved else {}
        project, _ = definition_sync.install(slug=story.slug, **moved)
        baselines.open_if_missing(project=project)
    return project


def date_the_start(project: Project, *, first: datetime) -> None:
    """What the installation made was made then."""
    Project.objects.filter(pk=project.pk).update(created_at=first)
    project.datasets.update(created_at=first)
    project.versions.update(created_at=first)
    Evaluation.objects.filter(project=project).update(created_at=first)


def train(
    name: str = "first",
    *,
    ago: timedelta,
    budget: int = 15,
    weight: float = 20.0,
    params: dict[str, Any] | Callable[[Telling], dict[str, Any]] | None = None,
    dataset: int | None = None,
) -> Act:
    """One run of the pipeline, worked here, and dated `ago` before the story began. It
    learns from the dataset of that number, else from all there is by now."""

    def do(telling: Telling) -> None:
        if telling.memory.played:
            return
        for seconds in (budget, 4 * budget):  # a busy machine gets more time
            if run_named(telling.project, name, over=True):
                break
            chosen = params(telling) if callable(params) else params
            given: dict[str, Any] = {"budget": seconds, "params": chosen}
            if dataset is not None:
                given["train"] = telling.project.datasets.get(number=dataset)
            _work(_run(telling, name, **given), telling)
        if run := run_named(telling.project, name):
            date_run(run, finished=telling.began - ago)
        failed = {"trigger": _trigger(name), "state": Run.State.FAILED}
        for tried in telling.project.runs.filter(**failed):
            date_run(tried, finished=telling.began - ago - timedelta(hours=1))

    called = "training" if name == "first" else f"training from the {name}"
    return Act(name=called, weight=weight, do=do)


def _run(telling: Telling, name: str, **given: Any) -> Run:
    """The run of that name that goes on, or a new one."""
    return run_named(telling.project, name) or pipeline.start(
        project=telling.project,
        now=clock.now(),
        by=telling.people["owner"],
        trigger=_trigger(name),
        **given,
    )


def run_named(
    project: Project, name: str = "first", *, over: bool = False
) -> Run | None:
    """The story's run of that name, unless it failed; `over`: only if it ended well."""
    states = [Run.State.SUCCEEDED] if over else [Run.State.SUCCEEDED, *UNFINISHED]
    found = project.runs.filter(trigger=_trigger(name), state__in=states)
    return found.order_by("number").first()


def version_of(project: Project, name: str = "first") -> ModelVersion | None:
    """What the story's run found, if the gate accepted it."""
    run = run_named(project, name)
    accepted = ModelVersion.objects.filter(run=run, state=ModelVersion.State.ACCEPTED)
    return accepted.first() if run else None


def date_run(run: Run, *, finished: datetime) -> None:
    """Move a run and all it made so that it ended at `finished`; durations stay."""
    run.refresh_from_db()
    if run.finished_at is None or run.finished_at <= finished:
        return
    back = finished - run.finished_at
    for found, names in (
        (Run.objects.filter(pk=run.pk), ("created_at", "started_at", "finished_at")),
        (run.steps.all(), ("started_at", "finished_at")),
        (run.trials.all(), ("created_at",)),
        (_jobs(run), ("created_at", "started_at", "finished_at")),
        (run.versions.all(), ("created_at", "decided_at")),
        (Evaluation.objects.filter(version__run=run), ("created_at",)),
    ):
        found.update(**{name: F(name) + back for name in names})


def _jobs(run: Run) -> Any:
    """The jobs of its steps, and those that its build asked for."""
    ids = set()
    for step in run.steps.all():
        ids |= {step.job_id, *step.inputs.get("slots", ()), step.inputs.get("finish")}
    return Job.objects.filter(pk__in=ids - {None})


def _trigger(name: str) -> str:
    return f"demo: {name}"[:40]


def _work(run: Run, telling: Telling) -> None:
    work_through(
        run,
        tell=lambda _run, steps: telling.bar.step(
            sum(step.state in DONE for step in steps) / len(steps),
            next((step.name for step in steps if step.state == Step.State.RUNNING), ""),
        ),
    )
