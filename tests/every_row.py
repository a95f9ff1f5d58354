"""A project with a row of each kind that REST shows, and what its addresses and bodies
may name: only answers that hold something show whether their schema is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from labelling.labeller import annotate
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import Card, hand_out
from mlsystem.orchestrator import triggers
from monitoring.models import Alert, AlertRule, Note
from registry import audit, intake, jobs, keys, people
from registry.actors import Actor
from registry.catalogue import SCOPES
from registry.clock import now
from registry.models import Job, Project, Run, Source, Step, Trial, User
from registry.web import etag
from serving import tasks  # noqa: F401  # registers what scores
from serving.models import Prediction
from serving.rollout import of_project
from serving.scorings import verbs
from tests.factories import make_key, make_prediction, make_rows, make_user
from tests.full_project import make_full_project

Body = dict[str, Any]


@dataclass(frozen=True)
class EveryRow:
    """The project, a key that may everything, what stands in addresses behind which
    noun, and what may be sent: bodies that are taken, by operation, and properties."""

    project: Project
    key: str
    revision: str  # of the rollout, as If-Match names it
    named: dict[str, list[Any]]
    bodies: dict[str, Body]
    properties: dict[str, Body]


def make_every_row(slug: str = "shop") -> EveryRow:
    project = make_full_project(slug, name="Shop")
    made, plain = keys.create_key(project=project, scopes=SCOPES, name="tries it all")
    own = made.user
    examples, lease = _labels(project, own)
    answers = _predictions(project)
    named = {
        "alerts": _alerts(project),
        "builds": _builds(project),
        "datasets": [1],
        "examples": examples,
        "imports": _imports(project),
        "keys": _keys(project),
        "members": ["Erin"],
        "models": [1, 2, 3],
        "versions": [1, 2],
        "predictions": answers,
        "runs": [1, 2],
        "scorings": _scorings(project, own),
    }
    _house(project, own)
    test_rows = project.datasets.get().split.counts["test"]
    return EveryRow(
        project,
        plain,
        etag.of(of_project(project).revision),
        named,
        bodies={
            "POST /builds": {"train": 1, "metric": "cost", "max_training_time": 5},
            "POST /evaluate": {"test_set": 1, "predictions": ["No"] * test_rows},
            "POST /feedback": {"prediction": answers[0], "correct": True},
            "POST /infer": {"inputs": _tensors()},
            "POST /members": {"user": "Sam", "role": "viewer"},
            "POST /models/{number}/predict": {"inputs": [_row()]},
            "POST /predict": {"input": _row(), "explain": True},
            "POST /predictions": {
                "model": 1,
                "sha256": project.versions.get(number=1).sha256,
                "predictions": [{"input": _row(), "prediction": "Yes"}],
            },
            "PATCH /rollout": {"percent": 40},
            "POST /runs": {},
            "PUT /schedule": {"cron": "0 3 * * *"},
            "POST /scorings": {"dataset": 1},
            "POST /versions/{number}/infer": {"inputs": _tensors()},
        },
        properties={
            "AnnotationsInputRequest": {"lease": {"const": lease}},
            "SkipInputRequest": {"lease": {"const": lease}},
            "LeasesInputRequest": {
                "leases": {"type": "array", "items": {"const": lease}, "minItems": 1}
            },
        },
    )


def _row() -> Body:
    return make_rows(1)[0]


def _tensors() -> list[Body]:
    """The row, as the V2 protocol sends it."""
    kinds = zip(_row().items(), ("INT64", "FP64", "BYTES", "BOOL"), strict=True)
    return [
        {"name": name, "datatype": kind, "shape": [1, 1], "data": [value]}
        for (name, value), kind in kinds
    ]


def _labels(project: Project, own: User) -> tuple[list[int], str]:
    """Skipped, not to be told, taken back, disputed; and a card that `own` holds."""
    moment = now()
    item = {"payload": {"tenure": 999}, "key": "two look", "overlap": 2}
    first = item | {"priority": 1000}
    import_examples(project=project, items=[(0, first)], now=moment)
    erin = User.objects.get(username="Erin")
    omar = make_user("Omar", project=project, role="labeller")
    _answer(project, erin, _cards(project, erin, 1)[0], value="Yes")
    _answer(project, omar, _cards(project, omar, 1)[0], value="No")
    unsure, skipped, undone = _cards(project, erin, 3)
    _answer(project, erin, unsure, value=None)
    annotate.skip(
        project=project,
        example_id=skipped.example.pk,
        user=erin,
        token=skipped.lease.token,
        reason="",
        now=moment,
    )
    _answer(project, erin, undone, value="No")
    annotate.undo(project=project, user=erin, now=moment)
    answered, held = _cards(project, own, 2)
    _answer(project, own, answered, value="Yes")
    return [held.example.pk], str(held.lease.token)


def _cards(project: Project, user: User, count: int) -> Sequence[Card]:
    return hand_out(
        project=project, user=user, reviews=False, count=count, now=now()
    ).cards


def _answer(project: Project, user: User, card: Card, *, value: str | None) -> None:
    annotate.submit(
        project=project,
        example_id=card.example.pk,
        user=user,
        reviews=False,
        token=card.lease.token,
        answer=annotate.read_answer(
            project=project, value=value, cannot_tell=value is None
        ),
        client_key=f"{user} on {card.example.pk}",
        count=0,
        now=now(),
    )


def _predictions(project: Project) -> list[str]:
    """Known, waiting; by another one in place; and a candidate's failure beside it."""
    trained = project.versions.get(number=2)
    answered = list(Prediction.objects.filter(project=project).order_by("pk"))
    instead = make_prediction(
        project,
        version=project.versions.get(number=1),
        role="fallback",
        fallback="version 2 ended with ValueError",
        warnings=[{"field": "colour", "message": "It is not known here."}],
    )
    failed = make_prediction(
        project,
        version=trained,
        role="canary",
        output={},
        score=None,
        shadow_of=instead.pk,
        error="ValueError",
    )
    shown = [answered[0], answered[-1], instead, failed]
    return [str(row.pk) for row in shown]


def _builds(project: Project) -> list[int]:
    """One that is over, with a trial of each kind, and one that goes on."""
    given: Body = {"project": project, "kind": "build", "budget_seconds": 60}
    done = Run.objects.create(
        number=3,
        state="succeeded",
        params={"metric": "cost"},
        train=project.datasets.get(),
        report={"version": 2},
        started_at=now(),
        finished_at=now(),
        **given,
    )
    Step.objects.create(run=done, name="build", position=0, state="succeeded")
    kinds: list[Body] = [
        {"state": "finished", "score": 40.0, "seconds": 0.5},
        {"state": "failed", "error": "Traceback\nValueError: no."},
        {"state": "running"},
    ]
    for number, kind in enumerate(kinds):
        Trial.objects.create(run=done, number=number, family="linear", **kind)
    going = Run.objects.create(number=4, state="running", **given)
    Step.objects.create(run=going, name="build", position=0, state="running")
    return [done.number, going.number]


def _scorings(project: Project, own: User) -> list[str]:
    by = Actor(user=own, role="owner")
    done, waiting = (verbs.start(project=project, by=by, dataset=1) for _ in range(2))
    jobs.work_here(done)
    return [str(done.pk), str(waiting.pk)]


def _imports(project: Project) -> list[str]:
    given: Body = {"project": project, "task": intake.TASK, "lane": "long"}
    wrong = {"detail": "It is wrong.", "errors": [{"field": "a", "message": "no"}]}
    kinds: list[Body] = [
        {"state": "succeeded", "result": {"dataset": 1}, "finished_at": now()},
        {"state": "failed", "result": wrong, "finished_at": now()},
        {"state": "queued"},
    ]
    rows = [Job.objects.create(due_at=now(), **given, **kind) for kind in kinds]
    return [str(row.pk) for row in rows]


def _keys(project: Project) -> list[int]:
    make_key(project, "predict", name="fresh")
    old, _ = keys.create_key(
        project=project,
        scopes=["read"],
        name="old",
        expires_at=now() + timedelta(days=1),
    )
    keys.revoke(key=old, by=None)
    return [project.keys.get(name="fresh").pk]


def _alerts(project: Project) -> list[int]:
    """One whose rule has no number; the others are of `make_full_project`."""
    rule = AlertRule.objects.create(project=project, kind="freshness")
    bare = Alert.objects.create(
        rule=rule, project=project, state="firing", message="Nothing came in.",
        opened_at=now(), updated_at=now(), fired_at=now(),
    )  # fmt: skip
    return [bare.pk, project.alerts.get(rule__kind="performance").pk]


def _house(project: Project, own: User) -> None:
    """A note of nobody, a refusal, an invitation, sources, a schedule."""
    Note.objects.create(project=project, at=now(), text="By the machine.")
    audit.record(project=project, actor=None, action="key.create", allowed=False)
    make_user("Sam")
    people.invite(user=make_user("Nina", project=project, role="viewer"))
    Source.objects.create(project=project, name="shop", setting="shop", table="orders")
    Source.objects.create(project=project, name="file", file="orders.csv")
    triggers.set_schedule(
        project=project,
        cron="0 3 * * *",
        zone="UTC",
        budget=60,
        enabled=True,
        by=Actor(user=own, role="owner"),
        now=now(),
    )
