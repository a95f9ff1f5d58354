"""The monitor page of projects that predict numbers, or one of several classes: the same
frames, drawn of what there is."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from plotly.graph_objects import Figure

from labelling.collector.truth import record_truth
from monitoring.monitor.folding import bring_up_to_date
from monitoring.watch.pages import FRAMES
from registry.clock import now
from registry.models import Project
from serving.models import PredictionInbox
from serving.rollout import open_with_baseline
from tests.factories import (
    make_bare_version,
    make_prediction,
    make_project,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
BARE: dict[str, Any] = {
    "costs": {},
    "decision": {},
    "silence": "unknown",
    "positive_class": "",
    "gate": {"slices": ["contract"]},
}


def served(project: Project, answers: list[tuple[Any, Any]]) -> None:
    """(predicted, true) of a while ago, folded."""
    open_with_baseline(project=project, version=make_bare_version(project))
    moment, items = now() - timedelta(hours=2), []
    for predicted, true in answers:
        row = make_prediction(
            project,
            at=moment,
            output={"prediction": predicted},
            score=predicted if isinstance(predicted, float) else None,
        )
        PredictionInbox.objects.create(prediction_id=row.pk, project=project)
        items.append({"prediction": str(row.pk), "value": true})
    record_truth(project=project, items=items, actor=None, now=now())
    bring_up_to_date(project)


def charts_of(project: Project) -> dict[str, dict[str, Any]]:
    client = Client()
    client.force_login(make_user("Vera", project=project, role="viewer"))
    page = client.get(f"/p/{project.slug}/monitor").content.decode()
    found = {}
    for name in FRAMES:
        answer = client.get(f"/p/{project.slug}/monitor/charts/{name}")
        assert answer.status_code == 200, name
        found[name] = json.loads(answer.content)
        Figure(found[name]["figure"])
    assert ('id="threshold"' in page) == (project.task == "binary")
    return found


def test_numbers_have_errors_and_a_lean() -> None:
    project = make_project(
        "delay", task="regression", target="delay", classes=[], unit="min",
        primary_metric="mae", **BARE,
    )  # fmt: skip
    served(project, [(10.0 + i, 8.0 + i) for i in range(40)])

    found = charts_of(project)

    assert found["metric"]["title"].startswith(
        "Mean absolute error of version 1 is 2 min"
    )
    assert found["reliability"]["title"] == (
        "Predictions are 2 min too high on average (40 truths)."
    )
    assert found["mistakes"]["title"].startswith("Half of the errors are below")
    assert sum(row[1] for row in found["mistakes"]["rows"]) == 40
    assert found["slices"]["rows"][0][0] == "contract=Month-to-month"
    assert found["threshold"]["rows"] == []
    assert found["money"]["empty"].startswith("This project gives no costs")


def test_several_classes_have_a_confusion_and_shares_found() -> None:
    project = make_project(
        "birds", task="multiclass", target="effect", classes=["none", "stop", "return"],
        primary_metric="accuracy", **BARE,
    )  # fmt: skip
    served(project, [("none", "none")] * 30 + [("none", "stop")] * 6)

    found = charts_of(project)

    assert found["mistakes"]["title"] == "30 of 36 answers were right (83\xa0%)."
    assert found["reliability"]["title"] == "stop is found least: 0 of 6."
    assert found["threshold"]["empty"].startswith("A threshold divides two classes")
