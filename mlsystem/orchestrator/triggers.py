"""Component 6, Orchestrator: runs that nobody pressed a button for."""

from datetime import datetime, timedelta

from django.db import transaction

from labelling.labeller import fresh
from mlsystem.orchestrator import pipeline
from monitoring.models import Alert
from registry import audit, jobs, schedules
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.models import Job, Project, Run, Schedule

TASK = "mlsystem.scheduled_run"
# An alert that goes on firing asks for another run only after this long.
PAUSE = timedelta(hours=24)


@transaction.atomic
def set_schedule(
    *,
    project: Project,
    cron: str,
    zone: str,
    budget: int,
    enabled: bool,
    by: Actor,
    now: datetime,
) -> Schedule:
    """When runs start by themselves, and how long each may build."""
    pipeline.check_budget(budget)
    schedule = schedules.set_schedule(
        project=project,
        task=TASK,
        cron=cron,
        zone=zone or project.zone,
        lane=Job.Lane.QUICK,
        enabled=enabled,
        args={"budget": budget},
        now=now,
    )
    audit.record(
        project=project,
        actor=by,
        action="schedule.set",
        detail={"cron": schedule.cron, "enabled": schedule.enabled},
    )
    return schedule


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
        if fresh.new_labels(project, most=wanted) >= wanted:
            try:
                pipeline.start(project=project, trigger=fresh.BY_LABELS, now=now)
            except pipeline.AlreadyRunning:
                continue
            started += 1
    return started


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
