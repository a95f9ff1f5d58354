"""A project in which every list has rows: what pages, the browser and the API's schema
are tried on. Made by the product's own doors, the work of a run excepted."""

from datetime import timedelta
from typing import Any

from labelling import feedback
from labelling.collector.truth import record_truth
from labelling.labeller.annotate import read_answer, submit
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import hand_out
from monitoring.evaluator import sealed
from monitoring.models import Alert, AlertRule, Note
from monitoring.monitor.folding import bring_up_to_date
from registry.clock import now
from registry.featurizer import plain_spec
from registry.models import Job, ModelVersion, Project, Run, Step, Trial
from serving import rollout
from serving.frontend import front
from tests.factories import (
    make_dataset,
    make_frame,
    make_key,
    make_project,
    make_rows,
    make_rule,
    make_user,
    make_version,
)

PEOPLE = {
    "Ada": "admin",
    "Owen": "owner",
    "Rosa": "reviewer",
    "Erin": "labeller",
    "Vera": "viewer",
}
STEPS: dict[str, dict[str, Any]] = {
    "extract": {
        "dataset": 1,
        "counts": {"training": 168, "validation": 24, "test": 48}
        | {"matched": 40, "from production": 30, "repeated": 10}
        | {"labelled": 5, "from labels": 5, "only train": 3},
    },
    "featurize": {"rows": 192, "spec": {"fields": [{"name": "tenure"}]}},
    "prepare": {"rows": 192, "kept": ["tenure"], "dropped": ["paperless"]},
    "build": {"version": 2},
    "evaluate": {"candidate": 2, "reasons": [{"passed": True}]},
    "decide": {"version": 2, "verdict": "accepted", "next": "It waits for traffic."},
}
EXAMPLES = 12


def make_people(project: Project) -> dict[str, Any]:
    """One person a role; who they are is known by their names."""
    return {
        name: make_user(name, project=project, role=role)
        for name, role in PEOPLE.items()
    }


def make_project_with_people(slug: str = "churn") -> Project:
    """Somebody of each role, and nothing else yet."""
    project = make_project(slug)
    make_people(project)
    return project


def make_full_project(slug: str = "churn", *, name: str = "Churn") -> Project:
    """Dataset, a run's model as canary, answers, truth, labels, alerts, notes, a key."""
    project = make_project(slug, name=name, entity=["customer"])
    people = make_people(project)
    dataset = make_dataset(project, frame=make_frame(240))
    run = make_run(project, dataset=dataset, by=people["Owen"])
    baseline = make_version(project, dataset=dataset, features=plain_spec(project))
    trained = make_trained(project, run=run, dataset=dataset)
    for version in (baseline, trained):
        sealed.evaluate_version(version=version, dataset=dataset)
    make_version(project, name="waits", state="waiting_approval", run=run)
    row = rollout.open_with_baseline(project=project, version=baseline)
    row = rollout.start(
        rollout=row,
        candidate=trained,
        mode="canary",
        percent=30,
        by=people["Ada"],
        revision=row.revision,
        reason="It earned it.",
    )
    row.salt = "t"  # the same users get the candidate in every run
    row.save(update_fields=["salt"])
    _traffic(project, actor=_actor(people["Owen"], "owner"))
    _labels(project, erin=people["Erin"])
    bring_up_to_date(project)
    _alerts(project, version=trained)
    Note.objects.create(
        project=project, at=now(), text="The winter offer.", author=people["Owen"]
    )
    make_key(project, "read")
    return project


def make_trained(project: Project, *, run: Run, dataset: Any) -> ModelVersion:
    """A fitted model, which explains itself, with the gate's reasons."""
    reason = {"rule": "margin", "passed": True, "text": "Better.", "numbers": {}}
    version = make_version(
        project,
        kind="trained",
        name="tenure < 40",
        model=make_rule(project, value=40),
        run=run,
        dataset=dataset,
        features=plain_spec(project),
    )
    ModelVersion.objects.filter(pk=version.pk).update(reasons=[reason])
    version.refresh_from_db()
    return version


def make_run(project: Project, *, dataset: Any = None, by: Any = None) -> Run:
    """A run that is over and one that failed, with their steps and trials as rows."""
    moment = now()
    done = Run.objects.create(
        project=project,
        number=1,
        kind="pipeline",
        state="succeeded",
        budget_seconds=60,
        verdict="accepted",
        train=dataset,
        reasons=[{"rule": "margin", "passed": True, "text": "Better.", "numbers": {}}],
        report={"version": 2, "next": "It waits for traffic."},
        requested_by=by,
        started_at=moment,
        finished_at=moment,
    )
    for place, (name, outputs) in enumerate(STEPS.items()):
        Step.objects.create(
            run=done,
            name=name,
            position=place,
            state="succeeded",
            outputs=outputs,
            log=f"10:00:00 {name} is done.\n",
            findings=[{"kind": "rows", "text": "240 rows.", "level": "info"}],
            started_at=moment,
            finished_at=moment,
        )
    for number in range(1, 5):
        Trial.objects.create(
            run=done,
            number=number,
            family="linear",
            state="finished",
            score=40.0 + number,
            metrics={"cost": 40.0 + number},
            seconds=0.5,
            outcome={"name": "logistic regression"},
        )
    Run.objects.create(
        project=project,
        number=2,
        kind="pipeline",
        state="failed",
        budget_seconds=60,
        error="Its worker died in the last attempt.",
        requested_by=by,
    )
    Job.objects.create(
        task="mlsystem.step",
        lane="long",
        project=project,
        state="failed",
        due_at=moment,
        finished_at=moment,
        error="Its worker died in the last attempt.",
    )
    return done


def _traffic(project: Project, *, actor: Any) -> None:
    """Answers to sixty customers; some turned out so, some otherwise, one is awaited."""
    requests = [
        {
            "input": row,
            "entity": f"C{i + 1}",
            "user": f"u{i}",
            "reference": f"order {i}",
            "explain": i % 10 == 0,
        }
        for i, row in enumerate(make_rows(60))
    ]
    moment = now() - timedelta(hours=1)
    answers: list[Any] = front.predict_batch(
        project=project, requests=requests, actor=actor, now=moment
    )
    items = [
        {"prediction": answer["id"], "value": "Yes" if i % 3 else "No"}
        for i, answer in enumerate(answers[:40])
    ]
    items.append({"reference": "order 1000", "value": "Yes"})
    record_truth(project=project, items=items, actor=actor, now=now())
    feedback.give(
        project=project,
        prediction_id=answers[50]["id"],
        correct=False,
        comment="She is still here.",
        by_token=True,
        now=now(),
    )


def _labels(project: Project, *, erin: Any) -> None:
    """Examples, the first of which Erin has answered."""
    items = [
        {"payload": row | {"tenure": 500 + i}, "key": f"card {i}"}
        for i, row in enumerate(make_rows(EXAMPLES))
    ]
    import_examples(project=project, items=enumerate(items), now=now())
    (card,) = hand_out(
        project=project, user=erin, reviews=False, count=1, now=now()
    ).cards
    submit(
        project=project,
        example_id=card.example.pk,
        user=erin,
        reviews=False,
        token=card.lease.token,
        answer=read_answer(project=project, value="Yes", cannot_tell=False),
        client_key=f"first of {project.slug}",
        count=0,
        now=now(),
    )


def _alerts(project: Project, *, version: ModelVersion) -> None:
    moment = now()
    states = {"performance": "firing", "drift": "pending", "failures": "resolved"}
    for kind, state in states.items():
        rule = AlertRule.objects.create(project=project, kind=kind)
        Alert.objects.create(
            rule=rule,
            project=project,
            version=version,
            state=state,
            message=f"{kind.title()}: it costs too much.",
            value=9.0,
            low=8.0,
            high=10.0,
            n=200,
            limit=5.0,
            opened_at=moment,
            updated_at=moment,
            fired_at=moment,
        )


def _actor(user: Any, role: str) -> Any:
    from registry.actors import Actor

    return Actor(user=user, role=role)
