"""Component 6, Orchestrator: runs that nobody pressed a button for."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from labelling.models import GroundTruth
from mlsystem.orchestrator import pipeline
from monitoring.models import Alert
from registry import jobs
from registry.clock import now as clock_now
from registry.models import Project, Run

TASK = "mlsystem.scheduled_run"
# An alert that goes on firing asks for another run only after this long.
PAUSE = timedelta(hours=24)


def start_scheduled(context: jobs.JobContext) -> None:
    """The handler of a schedule's job: a run, unless one is going on."""
    assert context.project is not None
    budget = int(context.args.get("budget") or pipeline.DEFAULT_BUDGET)
    try:
        run = pipeline.start(
            project=context.project,
            budget=budget,
            trigger="schedule",
            now=clock_now(),
        )
    except pipeline.AlreadyRunning as already:
        context.log(already.detail)
    else:
        context.result({"run": run.number})


def answer_labels(now: datetime) -> int:
    """What the tick does: as many new labels as a project waits for start a run, where
    it lets the machine start one. Labels count from the last run on, however it ended."""
    waiting = Project.objects.exclude(autopilot=Project.Autopilot.MANUAL)
    started = 0
    for project in waiting.filter(
        retrain_after__gt=0, datasets__isnull=False
    ).distinct():
        wanted = project.retrain_after
        if new_labels(project, most=wanted) >= wanted:
            try:
                pipeline.start(project=project, trigger="labels", now=now)
            except pipeline.AlreadyRunning:
                continue
            started += 1
    return started


def new_labels(project: Project, *, most: int | None = None) -> int:
    """Things that experts labelled since the last run looked; counted up to `most`."""
    looked = (
        Run.objects.filter(project=project, kind=Run.Kind.PIPELINE, as_of=None)
        .order_by("-number")
        .values_list("created_at", flat=True)
        .first()
    )
    said = GroundTruth.objects.filter(project=project, source=GroundTruth.Source.EXPERT)
    if looked is not None:
        said = said.filter(received_at__gt=looked)
    newer = Q(observed_at__gt=OuterRef("observed_at")) | Q(
        observed_at=OuterRef("observed_at"), version__gt=OuterRef("version")
    )
    same = said.filter(newer, key_kind=OuterRef("key_kind"), key=OuterRef("key"))
    return said.filter(~Exists(same), retracted=False)[:most].count()


def answer_alerts(now: datetime) -> int:
    """What the tick does: an alert whose rule says retrain starts a run, where the
    project lets the machine start one."""
    firing = Alert.objects.filter(state=Alert.State.FIRING, rule__retrain=True).exclude(
        project__autopilot=Project.Autopilot.MANUAL
    )
    started = 0
    for alert in firing.select_related("project"):
        tried = Run.objects.filter(
            project=alert.project, kind=Run.Kind.PIPELINE, created_at__gt=now - PAUSE
        )
        if not tried.exists():
            try:
                pipeline.start(project=alert.project, trigger="alert", now=now)
            except pipeline.AlreadyRunning:
                continue
            started += 1
    return started
