"""Acts that several stories share: a run with its real verdict, its dates, the replay."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from mlsystem import baselines
from mlsystem.demo import reading, replay
from mlsystem.demo.story import Act, Story, Telling
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.foreground import work_through
from monitoring.models import Evaluation
from registry import clock, definition_sync, demo_feed
from registry.errors import Conflict
from registry.models import Job, ModelVersion, Project, Run, Step, Trial

UNFINISHED = pipeline.UNFINISHED
DONE = (Step.State.SUCCEEDED, Step.State.SKIPPED)
READ = Act(name="reading the sources", weight=4.0, do=reading.read_sources)
REPLAY = Act(name="replaying production", weight=15.0, do=replay.replay)


def install(story: Story, *, now: datetime) -> Project:
    """The declared project with its data and its baseline live, made `ahead` ago."""
    with clock.moved_to(now - story.ahead):
        moved: Any = {"replay": story.moved(now)} if story.moved else {}
        project, _ = definition_sync.install(slug=story.slug, **moved)
        if not demo_feed.is_example(project):
            raise Conflict(
                f"{story.slug} is a project of your own: the demo leaves it alone. Load "
                "another demo project with --only, or give DATA_DIR another folder."
            )
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

    called = "training" if name == "first" else f"training from the {name}"

    def do(telling: Telling) -> None:
        if telling.memory.played:
            return
        more = 4 * budget  # for a busy machine
        for seconds, then in (
            (budget, f"once more, with {more} s"),
            (more, "the story goes on without it"),
        ):
            if run_named(telling.project, name, over=True):
                break
            chosen = params(telling) if callable(params) else params
            given: dict[str, Any] = {"budget": seconds, "params": chosen}
            if dataset is not None:
                given["train"] = telling.project.datasets.get(number=dataset)
            tried = _work(_run(telling, name, **given), telling)
            if tried.is_over and not run_named(telling.project, name):
                why = tried.error or "Time was enough for a mere guess alone."
                telling.bar.say(f"{telling.story.slug}, {called}: {why} ({then})")
        run = run_named(telling.project, name)
        if run:
            date_run(run, finished=telling.began - ago)
        for tried in telling.project.runs.filter(trigger=_trigger(name)):
            if tried != run and tried.is_over:
                date_run(tried, finished=telling.began - ago - timedelta(hours=1))

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
    """The story's run of that name, unless it failed, or had time for a mere guess
    alone; `over`: only if it ended well."""
    learnt = Trial.objects.filter(run=OuterRef("pk"), state=Trial.State.FINISHED)
    wanted = Q(Exists(learnt.exclude(family="dummy")), state=Run.State.SUCCEEDED)
    if not over:
        wanted |= Q(state__in=UNFINISHED)
    found = project.runs.filter(wanted, trigger=_trigger(name))
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


def _work(run: Run, telling: Telling) -> Run:
    return work_through(
        run,
        tell=lambda _run, steps: telling.bar.step(
            sum(step.state in DONE for step in steps) / len(steps),
            next((step.name for step in steps if step.state == Step.State.RUNNING), ""),
        ),
    )
