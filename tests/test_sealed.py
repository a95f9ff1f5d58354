"""The truth of test rows has one reader, who counts each look and lets no row out."""

import json
from typing import Any

import pandas as pd
import pytest
from django.test import Client

from mlsystem import baselines
from monitoring.evaluator import sealed
from monitoring.models import Evaluation
from registry import datasets, seal, storage
from registry.models import Dataset, Project
from tests.factories import make_dataset, make_frame, make_project, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]
EVALUATE = "/api/v1/projects/churn/evaluate"


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset(make_project(), frame=make_frame(300))


def looks(dataset: Dataset) -> int:
    dataset.split.refresh_from_db()
    return int(dataset.split.looks)


def as_owner(project: Project) -> Client:
    client = Client()
    client.force_login(make_user("Owen", project=project, role="owner"))
    return client


def evaluate(client: Client, body: dict[str, Any], **more: Any) -> Any:
    return client.post(
        EVALUATE, json.dumps(body), content_type="application/json", **more
    )


def longest_list(report: Any) -> int:
    inner = list(report.values()) if isinstance(report, dict) else report
    if not isinstance(inner, list):
        return 0
    own = len(inner) if isinstance(report, list) else 0
    return max([own, *(longest_list(part) for part in inner)])


def test_nobody_else_reads_the_truth(dataset: Dataset) -> None:
    split = dataset.split
    with pytest.raises(seal.SealBroken):
        seal.read(split)
    with pytest.raises(storage.ArtifactError, match="sealed"):
        storage.local_copy(uri=split.test_truth_uri, sha256=split.test_truth_sha256)
    with pytest.raises(ValueError, match="only training and validation"):
        datasets.training_frame(dataset, ("test",))
    assert looks(dataset) == 0


def test_the_truth_is_in_no_row_file_or_profile(dataset: Dataset) -> None:
    counts = dataset.split.counts
    inputs = datasets.test_inputs(dataset)
    assert len(inputs) == counts["test"]
    assert "churn" not in inputs
    stored = pd.read_parquet(storage.local_copy(uri=dataset.uri, sha256=dataset.sha256))
    assert len(stored) == counts["training"] + counts["validation"]
    assert dataset.profile["churn"]["n"] == len(stored)


def test_a_baseline_is_judged_first_and_the_look_is_counted(dataset: Dataset) -> None:
    rollout = baselines.open_if_missing(project=dataset.project)
    evaluation = rollout.baseline.evaluations.get()
    assert (evaluation.kind, evaluation.n) == ("test", dataset.split.counts["test"])
    assert evaluation.report["metrics"]["roc_auc"]["value"] == 0.5
    assert looks(dataset) == 1
    assert baselines.open_if_missing(project=dataset.project) == rollout
    assert looks(dataset) == 1


def test_the_same_versions_get_the_same_report_twice(dataset: Dataset) -> None:
    version = baselines.open_if_missing(project=dataset.project).baseline
    again = sealed.evaluate_version(version=version, dataset=dataset)
    assert again.report == version.evaluations.order_by("pk").first().report


def test_predictions_from_elsewhere_get_metrics_and_no_rows(dataset: Dataset) -> None:
    owen = as_owner(dataset.project)
    n = dataset.split.counts["test"]
    said = [{"score": 0.2 + 0.6 * (i % 2)} for i in range(n)]
    answer = evaluate(owen, {"test_set": 1, "predictions": said})
    assert answer.status_code == 200, answer.content
    report = answer.json()
    metric = report["metrics"]["roc_auc"]
    assert metric["low"] <= metric["value"] <= metric["high"]
    assert report["error_distribution"]["confusion"]
    assert report["slices"][0]["n"] <= n
    assert (report["test_set"], report["n"], report["looks"]) == (1, n, 1)
    assert longest_list(report) < n  # nothing is told row by row
    assert (
        evaluate(owen, {"test_set": 1, "predictions": ["No"] * n}).json()["looks"] == 2
    )


def test_a_retry_with_its_key_is_no_second_look(dataset: Dataset) -> None:
    owen = as_owner(dataset.project)
    said = {"test_set": 1, "predictions": ["No"] * dataset.split.counts["test"]}
    first, again = (
        evaluate(owen, said, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert first.json() == again.json()
    assert (again.headers["Idempotency-Replayed"], looks(dataset)) == ("true", 1)
    assert Evaluation.objects.count() == 1
    other = evaluate(owen, {**said, "test_set": 2}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("predictions", "field"),
    [
        (["No"], "predictions"),
        ("wrong class", "predictions[0]"),
        ({"score": 1.5}, "predictions[0].score"),
        ({"probabilities": {"No": 0.5}}, "predictions[0].probabilities"),
        ({"probabilities": {"Maybe": 1}}, "predictions[0].probabilities"),
        ({"prediction": "No", "truth": "No"}, "predictions[0].truth"),
        ({}, "predictions[0].prediction"),
    ],
)
def test_predictions_that_cannot_be_are_named(
    dataset: Dataset, predictions: Any, field: str
) -> None:
    if not isinstance(predictions, list):
        predictions = [predictions] * dataset.split.counts["test"]
    body = {"test_set": 1, "predictions": predictions}
    answer = evaluate(as_owner(dataset.project), body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert looks(dataset) == 0


def test_who_may_look(dataset: Dataset) -> None:
    project = dataset.project
    body = {"test_set": 1, "predictions": ["No"]}
    viewer, sam = Client(), Client()
    viewer.force_login(make_user("Vera", project=project, role="viewer"))
    sam.force_login(make_user("Sam"))
    assert evaluate(viewer, body).status_code == 403
    assert evaluate(sam, body).status_code == 404
    assert evaluate(Client(), body).status_code == 401
    unknown = evaluate(as_owner(project), body | {"test_set": 9})
    assert (unknown.status_code, looks(dataset)) == (400, 0)
