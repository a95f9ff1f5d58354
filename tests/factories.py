"""Small things tests are made of: people, projects, keys, rows, model versions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.test import Client

from registry.clock import now
from registry.identifiers import uuid7
from registry.models import Membership, ModelVersion, Project, User
from serving.models import Prediction

FIELDS: list[dict[str, Any]] = [
    {"name": "tenure", "kind": "integer", "minimum": 0},
    {"name": "monthly_charges", "kind": "numeric", "required": True},
    {
        "name": "contract",
        "kind": "categorical",
        "categories": ["Month-to-month", "One year", "Two year"],
    },
    {"name": "paperless", "kind": "boolean"},
]
COSTS = {
    "currency": "USD",
    "matrix": {
        "wait": {"Yes": {"field": "monthly_charges", "times": 6}, "No": 0},
        "offer": {"Yes": 60, "No": 60},
    },
}


def make_user(
    name: str = "Erin", *, project: Project | None = None, role: str = ""
) -> User:
    """A person, and what they are in a project."""
    user, _ = User.objects.get_or_create(username=name)
    if project:
        Membership.objects.update_or_create(
            user=user, project=project, defaults={"role": role or "viewer"}
        )
    return user


def sign_in(name: str) -> Client:
    """A browser in which somebody is signed in."""
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def make_project(slug: str = "churn", **changes: Any) -> Project:
    """A tiny churn: binary, with costs that multiply by a field of the row."""
    given: dict[str, Any] = {
        "name": slug.title(),
        "task": "binary",
        "fields": FIELDS,
        "target": "churn",
        "classes": ["No", "Yes"],
        "positive_class": "Yes",
        "entity": ["customer"],
        "horizon": timedelta(days=30),
        "silence": "negative",
        "primary_metric": "cost",
        "costs": COSTS,
        "decision": {"kind": "cost"},
    }
    return Project.objects.create(slug=slug, **(given | changes))


def make_key(project: Project, *scopes: str, name: str = "shop") -> str:
    """The plain text of a new key."""
    from registry.keys import create_key

    return create_key(project=project, scopes=scopes or ("predict",), name=name)[1]


def make_rows(n: int = 120) -> list[dict[str, Any]]:
    """Customers, the same ones every time; short tenures leave more often."""
    kinds = FIELDS[2]["categories"]
    return [
        {
            "tenure": (i * 7) % 72,
            "monthly_charges": 20.0 + (i * 13) % 90,
            "contract": kinds[i % 3],
            "paperless": i % 2 == 0,
        }
        for i in range(n)
    ]


def make_truth(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [
        "Yes" if row["tenure"] < 12 or i % 9 == 0 else "No"
        for i, row in enumerate(rows)
    ]


def make_rule(project: Project, *, value: float = 12, then: str = "Yes") -> Any:
    """A fitted baseline: tenure < value."""
    from registry.estimators.baselines import make_baseline

    rule = make_baseline(
        kind="rule",
        params={"column": "tenure", "operator": "<", "value": value, "then": then},
        task=project.task,
        fields=project.fields,
        classes=project.classes,
    )
    return rule.fit(make_rows(), make_truth(make_rows()))


def make_version(
    project: Project, *, model: Any = None, **changes: Any
) -> ModelVersion:
    """A registered version of a project; without `model` the rule tenure < 12."""
    from registry.versions import register_version

    given: dict[str, Any] = {
        "kind": "baseline",
        "name": "tenure < 12",
        "algorithm": "rule",
        "params": {},
        "fields": project.fields,
        "features": {},
        "decision": project.decision,
        "costs": project.costs,
        "classes": project.classes,
        "sample_rows": make_rows(20),
        "state": "accepted",
    }
    fitted = None if "function" in changes else model or make_rule(project)
    return register_version(project=project, model=fitted, **(given | changes))


def make_frame(n: int = 120, **columns: Any) -> Any:
    """The table of `make_project`: inputs, a customer each, and who left."""
    import pandas as pd

    rows = make_rows(n)
    customers = [f"C{i + 1}" for i in range(n)]
    frame = pd.DataFrame(rows).assign(customer=customers, churn=make_truth(rows))
    return frame.assign(**columns)


def make_dataset(project: Project, *, frame: Any = None, **changes: Any) -> Any:
    """A registered dataset of a project, with its parts and its sealed truth."""
    from registry.datasets import register_dataset

    frame = make_frame() if frame is None else frame
    given: dict[str, Any] = {"name": "customers", "lineage": {"source": "test"}}
    return register_dataset(project=project, frame=frame, **(given | changes))


def make_bare_version(project: Project, number: int = 1) -> ModelVersion:
    """A version as a row alone, for what never asks it: it cannot be loaded."""
    found, _ = ModelVersion.objects.get_or_create(
        project=project,
        number=number,
        defaults={
            "kind": "baseline",
            "state": "accepted",
            "name": f"version {number}",
            "algorithm": "function",
            "function": "tests.factories:nothing",
            "fields": project.fields,
            "classes": project.classes,
        },
    )
    return found


def make_prediction(project: Project, **changes: Any) -> Prediction:
    """A stored answer, of version 1 and with score .7 if nothing else is said."""
    at = changes.get("at") or now()
    given: dict[str, Any] = {
        "id": uuid7(at),
        "version": changes.get("version") or make_bare_version(project),
        "role": "live",
        "at": at,
        "received_at": at,
        "input": make_rows(1)[0],
        "output": {"prediction": "Yes", "score": 0.7},
        "score": 0.7,
        "latency_ms": 3.0,
    }
    return Prediction.objects.create(project=project, **(given | changes))


def make_serving(project: Project | None = None, **changes: Any) -> Any:
    """A project whose baseline `tenure < 12` is live, as its rollout."""
    from serving import rollout

    project = project or make_project()
    version = make_version(project, **changes)
    return rollout.open_with_baseline(project=project, version=version)


def make_canary(
    project: Project, *, model: Any = None, mode: str = "canary", percent: Any = 100
) -> Any:
    """A candidate of a serving project on its way, as the rollout; who gets it is the
    same in every run."""
    from serving import rollout

    row = rollout.of_project(project)
    row = rollout.start(
        rollout=row,
        candidate=make_version(project, model=model or make_rule(project, value=40)),
        mode=mode,
        percent=None if mode == "shadow" else percent,
        by="a test",
        revision=row.revision,
    )
    row.salt = "t"
    row.save(update_fields=["salt"])
    return row
