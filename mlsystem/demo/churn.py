"""The churn project's story: twelve weeks of production, replayed through the real
front-end and collector with the clock as an argument.

Every stage looks at what is there and goes on from it, so a demo that was interrupted
is simply started again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from labelling.collector.silence import mature
from labelling.collector.truth import record_truth
from mlsystem import baselines
from mlsystem.demo import people
from mlsystem.demo.bar import Bar
from mlsystem.examples import churn as definition
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.foreground import work_through
from monitoring.models import Evaluation
from monitoring.monitor import alerts
from monitoring.monitor.folding import bring_up_to_date
from registry import clock, definition_sync
from registry.actors import Actor
from registry.models import ModelVersion, Project, Run, User
from serving import rollout as rollouts
from serving.frontend.front import predict_batch
from serving.models import Prediction, Rollout

SLUG = "churn"
STAGES = {
    "installing churn": 4.0,
    "training": 20.0,
    "replaying production": 20.0,
    "collecting truth": 8.0,
    "watching": 8.0,
}
BUDGET = 15  # seconds of building
AHEAD = timedelta(weeks=13)  # the project is a week older than its first request
CANARY, HALF, PROMOTE = (timedelta(weeks=weeks) for weeks in (9, 8, 7))  # ago
CHUNK = 100


def play(*, now: datetime, bar: Bar) -> Project:
    """Bring the demo to where it should be at `now`."""
    bar.begin("installing churn")
    project = _install(now)
    users = people.cast(project)
    bar.begin("training")
    _train(project, users["owner"], bar)
    bar.begin("replaying production")
    _replay(project, users["admin"], now=now, bar=bar)
    bar.begin("collecting truth")
    _collect(project, now=now)
    bar.begin("watching")
    while not bring_up_to_date(project):
        continue
    alerts.evaluate_rules(project, now=now)
    return project


def _install(now: datetime) -> Project:
    with clock.moved_to(now - AHEAD):
        project, _ = definition_sync.install(slug=SLUG)
        baselines.open_if_missing(project=project)
    return project


def _train(project: Project, owner: User, bar: Bar) -> None:
    """One run; where it found nothing better, the baseline goes on answering."""
    if project.runs.filter(state=Run.State.SUCCEEDED).exists():
        return
    run = project.runs.filter(state__in=pipeline.UNFINISHED).first()
    if run is None:
        run = pipeline.start(
            project=project, now=clock.now(), budget=BUDGET, by=owner, trigger="demo"
        )
    done = {"succeeded", "skipped"}
    work_through(
        run,
        tell=lambda _run, steps: bar.step(
            sum(step.state in done for step in steps) / len(steps),
            next((step.name for step in steps if step.state == "running"), ""),
        ),
    )


def _replay(project: Project, admin: User, *, now: datetime, bar: Bar) -> None:
    """Who was asked about when, in that order, with the rollout moving meanwhile."""
    candidate = (
        project.versions.filter(
            kind=ModelVersion.Kind.TRAINED, state=ModelVersion.State.ACCEPTED
        )
        .order_by("number")
        .first()
    )
    _backdate(project, candidate, now=now)
    asked = set(
        Prediction.objects.filter(project=project, source="online")
        .exclude(entity="")
        .values_list("entity", flat=True)
    )
    customers = sorted(
        definition.production_customers(_anchor(project, now)),
        key=lambda customer: customer.asked_at,
    )
    by = Actor(user=admin, role="admin")
    moves = _moves(candidate, now) if candidate else []
    for start in range(0, len(customers), CHUNK):
        part = customers[start : start + CHUNK]
        while moves and moves[0][0] <= part[0].asked_at:
            moment, action, given = moves.pop(0)
            with clock.moved_to(moment):
                _move(project, action, given, by=by)
        _ask(project, [c for c in part if c.name not in asked], by=by)
        bar.step(start / len(customers), f"{start} of {len(customers)} customers")


def _anchor(project: Project, now: datetime) -> datetime:
    """The moment the story was first told for: a later start goes on from there."""
    last = (
        Prediction.objects.filter(project=project).exclude(reference="").order_by("id")
    )
    told = last.values_list("received_at", "reference").first()
    if told is None:
        return now
    moment, reference = told
    return moment + definition.share(reference.removeprefix("demo-"), "asked") * (
        definition.WEEKS
    )


def _ask(project: Project, customers: Iterable[Any], *, by: Actor) -> None:
    """Each at its own moment, through the front-end; the clock is an argument."""
    for customer in customers:
        request = {"entity": customer.name, "reference": f"demo-{customer.name}"}
        with clock.moved_to(customer.asked_at):
            predict_batch(
                project=project, requests=[request], actor=by, now=customer.asked_at
            )


def _moves(candidate: ModelVersion, now: datetime) -> list[tuple[datetime, str, Any]]:
    words = "The gate passed it; a tenth of the customers first."
    return [
        (
            now - CANARY,
            "start",
            {"candidate": candidate, "percent": 10, "reason": words},
        ),
        (now - HALF, "percent", {"percent": 50, "reason": "No failures in a week."}),
        (now - PROMOTE, "promote", {"reason": "Cheaper than the rule."}),
    ]


def _move(project: Project, action: str, given: dict[str, Any], *, by: Actor) -> None:
    """One step of the rollout, unless an earlier start of the demo did it."""
    rollout = rollouts.of_project(project)
    done = project.rollout_events.filter(action=action).exists()
    if done:
        return
    edit = {"by": by, "revision": rollout.revision, "reason": given["reason"]}
    if action == "start":
        rollouts.start(
            rollout=rollout,
            candidate=given["candidate"],
            mode=Rollout.Mode.CANARY,
            percent=given["percent"],
            **edit,
        )
    elif action == "percent":
        rollouts.set_percent(rollout=rollout, percent=given["percent"], **edit)
    else:
        rollouts.promote(rollout=rollout, **edit)


def _backdate(
    project: Project, candidate: ModelVersion | None, *, now: datetime
) -> None:
    """What the story made before its first request was made before it."""
    first, trained = now - AHEAD, now - CANARY
    if project.created_at <= first + timedelta(days=1):
        return
    Project.objects.filter(pk=project.pk).update(created_at=first)
    project.datasets.update(created_at=first)
    project.versions.update(created_at=first)
    Evaluation.objects.filter(project=project).update(created_at=first)
    if candidate:
        project.versions.filter(pk=candidate.pk).update(created_at=trained)
        candidate.evaluations.update(created_at=trained)
        project.runs.update(created_at=trained, started_at=trained, finished_at=trained)


def _collect(project: Project, *, now: datetime) -> None:
    """Every Yes that is known by now; silence becomes No when the horizon is over."""
    anchor = _anchor(project, now)
    truths = [
        truth
        for customer in definition.production_customers(anchor)
        if (truth := definition.truth_known(customer, now))
    ]
    for start in range(0, len(truths), 500):
        record_truth(
            project=project, items=truths[start : start + 500], actor=None, now=now
        )
    mature(now=now, sweep=True)
