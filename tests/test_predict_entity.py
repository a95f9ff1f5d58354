"""Predict by entity: look-ups and features, the same as in training."""

from typing import Any

import pytest
from django.db.models import F
from pytest_django import Settings

from mlsystem import baselines
from registry import datasets, definition_sync, jobs, sending
from registry.models import Project
from serving import tasks  # noqa: F401  # registers the task
from serving.model_server import states
from serving.models import Prediction
from tests.calls import Rest
from tests.factories import make_key, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def parcels(db: None, settings: Settings) -> Project:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    project = definition_sync.install(slug="parcels", by=make_user("Ada"))[0]
    baselines.open_if_missing(project=project)
    return project


@pytest.fixture
def rest(parcels: Project) -> Rest:
    return Rest(parcels, make_key(parcels))


def known_parcel(project: Project) -> dict[str, Any]:
    frame = datasets.training_frame(project.datasets.get())
    row = frame[frame["weight"].notna() & (frame["stops"] > 0)].iloc[0]
    return {"depot": row["depot"], "parcel": row["parcel"]}


def test_an_entity_alone_is_looked_up(rest: Rest, parcels: Project) -> None:
    entity = known_parcel(parcels)
    body = rest.post("predict", {"entity": entity}).json()
    assert body["prediction"] in {"yes", "no"}
    assert body["decision"]["action"] in {"call", "wait"}
    row = Prediction.objects.get(pk=body["id"])
    assert row.entity == f'["{entity["depot"]}","{entity["parcel"]}"]'
    assert row.features["weight"] > 0


@pytest.mark.parametrize("change", ["another kind", "gone"])
def test_a_change_of_the_fields_leaves_what_live_looks_up(
    rest: Rest, parcels: Project, change: str
) -> None:
    """Fields are for the next version; the live one reads what it was made with."""
    entity = known_parcel(parcels)
    before = rest.post("predict", {"entity": entity}).json()
    if change == "gone":
        fields = [f for f in parcels.fields if f["kind"] not in {"numeric", "integer"}]
    else:
        kinds = {"numeric": "text", "integer": "text"}
        fields = [
            {"name": f["name"], "kind": kinds.get(f["kind"], f["kind"])}
            for f in parcels.fields
        ]
    assert fields != parcels.fields
    Project.objects.update(fields=fields, revision=F("revision") + 1)
    definition_sync.refresh_lookups(project=Project.objects.get())
    states.forget()

    after = rest.post("predict", {"entity": entity})
    assert after.status_code == 200, after.content
    for name in ("prediction", "decision"):
        assert after.json()[name] == before[name]
    one, other = (Prediction.objects.get(pk=b["id"]) for b in (before, after.json()))
    assert one.features == other.features


def test_what_is_sent_beside_the_entity_counts_more_than_what_is_stored(
    rest: Rest, parcels: Project
) -> None:
    entity = known_parcel(parcels)
    asked = {"entity": entity, "input": {"weight": 1000.0}}
    heavy = rest.post("predict", asked).json()
    row = Prediction.objects.get(pk=heavy["id"])
    assert row.input == {"weight": 1000.0}
    assert "weight" not in row.features
    assert heavy["decision"]["action"] == "call"


def test_an_entity_nobody_knows_is_told(rest: Rest) -> None:
    entity = {"depot": "D1", "parcel": "P999999"}
    response = rest.post("predict", {"entity": entity})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "entity"
    assert not Prediction.objects.exists()


def test_an_entity_names_its_columns(rest: Rest) -> None:
    response = rest.post("predict", {"entity": "P1"})
    assert response.status_code == 400
    assert "depot, parcel" in response.json()["errors"][0]["message"]


def test_a_source_is_scored_as_its_entities_would_be_predicted(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.models import Job

    monkeypatch.setattr(sending.current_app, "send_task", lambda *a, **k: None)
    response = rest.post("scorings", {"source": "parcels"})
    job = jobs.work_here(Job.objects.get(pk=response.json()["id"]))
    assert job.state == "succeeded", job.error
    scored = list(Prediction.objects.filter(source="scoring"))
    assert len(scored) == job.result["rows"] - job.result["errors"] > 50
    for row in scored[:10]:
        depot, parcel = row.entity.strip('[]"').split('","')
        asked = {
            "entity": {"depot": depot, "parcel": parcel},
            "at": row.at.isoformat(),
        }
        body = rest.post("predict", asked).json()
        assert body["prediction"] == row.output["prediction"]
        assert body.get("score") == row.score


def test_without_its_definition_nothing_is_guessed(
    rest: Rest, settings: Settings
) -> None:
    settings.MLSYSTEM_DEFINITIONS = ["mlsystem.examples.churn"]
    response = rest.post("predict", {"input": {"weight": 3.0, "stops": 2}})
    assert response.status_code == 503
    assert "definition" in response.json()["detail"]
