"""Predictions made elsewhere, by a downloaded file, are stored over REST like ours."""

from typing import Any

import pytest

from registry.models import ModelVersion, Project
from serving.models import Prediction, PredictionInbox
from tests.calls import Rest
from tests.factories import (
    make_key,
    make_rows,
    make_serving,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def elsewhere() -> tuple[Rest, ModelVersion]:
    """A client with a copy of version 1, which serves."""
    rollout = make_serving()
    project = rollout.project
    return Rest(project, make_key(project, "truth")), rollout.live


def batch(version: ModelVersion, *items: Any, **changes: Any) -> dict[str, Any]:
    body = {"model": version.number, "sha256": version.sha256}
    return body | {"predictions": list(items)} | changes


def test_predictions_made_elsewhere_are_stored_like_ours(
    elsewhere: tuple[Rest, ModelVersion],
) -> None:
    rest, version = elsewhere
    row = make_rows(1)[0]
    item = {"input": row, "entity": "C1", "prediction": "Yes", "score": 0.9}
    answer = rest.post("predictions", batch(version, item | {"latency_ms": 2.5}))
    assert answer.status_code == 201
    stored = Prediction.objects.get(pk=answer.json()["responses"][0]["id"])
    assert (stored.version, stored.role, stored.source) == (version, "live", "external")
    assert stored.score == 0.9
    assert stored.output["probabilities"] == pytest.approx({"No": 0.1, "Yes": 0.9})
    assert stored.decision["action"] == "offer"  # 0.9 × 6 × 20 > 60
    assert stored.entity == "C1"
    assert stored.latency_ms == 2.5
    assert PredictionInbox.objects.get().prediction_id == stored.pk


def test_a_strict_project_refuses_what_it_does_not_know(
    elsewhere: tuple[Rest, ModelVersion],
) -> None:
    rest, version = elsewhere
    item = {"input": make_rows(1)[0] | {"colour": "red"}, "prediction": "Yes"}
    (taken,) = rest.post("predictions", batch(version, item)).json()["responses"]
    (warning,) = Prediction.objects.get(pk=taken["id"]).warnings
    assert warning["field"] == "colour"

    Project.objects.update(strict_inputs=True)
    (refused,) = rest.post("predictions", batch(version, item)).json()["responses"]
    assert refused["error"]["errors"][0]["field"] == "input.colour"
    assert Prediction.objects.count() == 1


def test_a_bad_one_is_an_error_in_its_place(
    elsewhere: tuple[Rest, ModelVersion],
) -> None:
    rest, version = elsewhere
    good = {"input": make_rows(1)[0], "prediction": "Yes"}
    bad: list[Any] = [
        good | {"prediction": "maybe"},
        good | {"prediction": None},
        good | {"score": 1.5},
        good | {"probabilities": {"Yes": 0.5, "No": 0.6}},
        good | {"probabilities": {"Yes": 1.0}},
        good | {"input": {"tenure": "long"}},
        good | {"colour": "red"},
        good | {"at": "2026-01-01T00:00:00"},
        {"prediction": "Yes"},
        "Yes",
    ]
    answer = rest.post("predictions", batch(version, good, *bad))
    assert answer.status_code == 201
    first, *others = answer.json()["responses"]
    assert set(first) == {"id"}
    assert [reply["error"]["status"] for reply in others] == [400] * len(bad)
    assert Prediction.objects.count() == 1


def test_the_file_must_be_that_models(elsewhere: tuple[Rest, ModelVersion]) -> None:
    rest, version = elsewhere
    item = {"input": make_rows(1)[0], "prediction": "Yes"}
    for changes, status in (
        ({"sha256": "0" * 64}, 400),
        ({"sha256": "0"}, 400),
        ({"model": 99}, 404),
        ({"predictions": []}, 400),
        ({"predictions": None}, 400),
        ({"colour": "red"}, 400),
    ):
        answer = rest.post("predictions", batch(version, item, **changes))
        assert answer.status_code == status, changes
    assert not Prediction.objects.exists()


def test_a_retry_stores_nothing_twice(elsewhere: tuple[Rest, ModelVersion]) -> None:
    rest, version = elsewhere
    body = batch(version, {"input": make_rows(1)[0], "prediction": "Yes"})
    first = rest.post("predictions", body, Idempotency_Key="p1")
    again = rest.post("predictions", body, Idempotency_Key="p1")
    assert again.json() == first.json()
    assert Prediction.objects.count() == 1
