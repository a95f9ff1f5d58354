"""Django's admin, for staff: every kind of row is there to be looked at."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labelling.models import (
    Flag,
    Guideline,
    Maturity,
    Outcome,
    QueueEntry,
    TruthInbox,
)
from monitoring.models import RolloutDecision, Standing, Target
from registry.clock import now
from registry.identifiers import uuid7
from registry.models import Event, LookupRow, Project, User, Webhook
from serving.models import Prediction
from tests.every_row import make_every_row
from tests.factories import make_key, make_prediction, make_project, make_user

pytestmark = pytest.mark.django_db
OURS = ("registry", "serving", "labelling", "monitoring", "mlsystem")
LEFT_OUT = {
    "Membership": "stands with its person",
    "Invitation": "is made by an action of the person, and is a way in",
    "IdempotencyRecord": "holds what others were answered",
    "Draft": "is somebody's unfinished project",
    "ExamplePayload": "belongs to its example",
    "ExampleVector": "belongs to its example",
    "Glance": "is when somebody looked last",
}
MOST_QUERIES = 12
SECRET = "only-the-two-of-us"


def ours() -> list[type[Model]]:
    return [
        model for label in OURS for model in apps.get_app_config(label).get_models()
    ]


def staff() -> Client:
    sam = make_user("Sam")
    User.objects.filter(pk=sam.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=sam.pk))
    return client


def place(model: type[Model], page: str, *args: Any) -> str:
    about = model._meta
    return reverse(f"admin:{about.app_label}_{about.model_name}_{page}", args=args)


def test_every_model_is_registered_or_named_as_left_out() -> None:
    missing = {
        model.__name__ for model in ours() if not admin.site.is_registered(model)
    }

    assert missing == set(LEFT_OUT)


def test_each_list_opens_and_so_does_a_row_of_it() -> None:
    make_the_rest(make_every_row().project)
    client = staff()
    for model in ours():
        if model.__name__ in LEFT_OUT:
            continue
        with CaptureQueriesContext(connection) as asked:
            page = client.get(place(model, "changelist"))
        assert page.status_code == 200, model
        assert page.context["cl"].result_list, f"There is no {model.__name__} to see."
        assert len(asked) <= MOST_QUERIES, (model, len(asked))
        row = model._default_manager.first()
        assert client.get(place(model, "change", row.pk)).status_code == 200, model


def test_of_a_long_list_the_first_pages_are_counted_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("registry.admin.MOST_ROWS", 2)
    project = make_project()
    for number in range(5):
        make_prediction(project, reference=f"r{number}")
    with CaptureQueriesContext(connection) as asked:
        page = staff().get(place(Prediction, "changelist"))
    assert page.context["cl"].result_count == 2
    counts = [
        q["sql"]
        for q in asked
        if "COUNT(*)" in q["sql"] and "serving_prediction" in q["sql"]
    ]
    assert counts
    assert all("LIMIT 2" in sql for sql in counts)


def make_the_rest(project: Project) -> None:
    """Of what no answer over REST shows."""
    moment, example = now(), project.examples.first()
    erin, given = User.objects.get(username="Erin"), {"project": project}
    Event.objects.create(stream="scan", event_id="1", key="a", known_at=moment, **given)
    LookupRow.objects.create(lookup="shop", key="a", values={}, **given)
    Webhook.objects.create(url="https://a.example", secret=SECRET, **given)
    QueueEntry.objects.create(
        version=1, position=1, example=example, reason="", **given
    )
    Guideline.objects.create(version=1, text="Look.", created_at=moment, **given)
    Flag.objects.create(example=example, user=erin, comment="?", created_at=moment)
    TruthInbox.objects.create(prediction_id=uuid7(moment), **given)
    Maturity.objects.update_or_create(**given)
    Outcome.objects.create(
        unit="a", metric="orders", value=1, at=moment, received_at=moment, **given
    )
    RolloutDecision.objects.create(
        candidate=project.versions.first(), verdict="hold", text="Wait.", **given
    )
    Standing.objects.create(at=moment, revision=1, summary={}, **given)
    Target.objects.create(metric="cost", value=1, **given)


def test_a_secret_is_on_no_page() -> None:
    project = make_project()
    make_key(project)
    hook = Webhook.objects.create(
        project=project, url="https://a.example", secret=SECRET
    )
    key, client = project.keys.get(), staff()

    for row, secret in ((hook, SECRET), (key, key.digest)):
        page = client.get(place(type(row), "change", row.pk))
        assert page.status_code == 200
        assert secret not in page.content.decode(), row
