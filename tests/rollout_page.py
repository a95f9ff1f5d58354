"""A canary of churn at 30 %, some hours of its traffic, and the buttons of its page."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from labelling.collector.truth import record_truth
from monitoring.monitor.folding import bring_up_to_date
from registry.actors import COMMAND_LINE
from registry.clock import moved_to, now
from registry.models import Project
from serving import rollout
from serving.frontend import front
from serving.models import Rollout
from tests.factories import make_canary, make_project, make_rows, make_serving
from tests.full_project import make_people

STEP = {"step-0-percent": "50", "step-0-hours": "1"}


def make_churn() -> Project:
    """A canary at 30 %, whose truth is known as it comes."""
    project = make_project(silence="unknown")
    make_people(project)
    make_serving(project)
    make_canary(project, percent=30)
    return project


def live_through(project: Project, *, hours: int, users: int) -> datetime:
    """Some hours of traffic with its truth, the last one just over; when it began."""
    began = now() - timedelta(hours=hours + 1)
    Rollout.objects.update(started_at=began, step_since=began)
    for hour in range(hours):
        moment = began + timedelta(hours=hour, minutes=30)
        asked = [
            {"input": row, "user": f"u{hour}-{i}", "reference": f"r{hour}-{i}"}
            for i, row in enumerate(make_rows(users))
        ]
        with moved_to(moment):
            front.predict_batch(
                project=project, requests=asked, actor=COMMAND_LINE, now=moment
            )
            record_truth(
                project=project,
                items=[
                    {"reference": ask["reference"], "value": "Yes" if i % 3 else "No"}
                    for i, ask in enumerate(asked)
                ],
                actor=COMMAND_LINE,
                now=moment,
            )
    bring_up_to_date(project)
    return began


def press(client: Client, verb: str, **form: Any) -> HttpResponse:
    """A button, as the page shown just now holds it."""
    revision = rollout.of_project(Project.objects.get()).revision
    given = {"verb": verb, "revision": revision} | form
    return client.post("/p/churn/rollout", given, follow=True)
