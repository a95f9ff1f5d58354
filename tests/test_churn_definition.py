"""The churn example: the stack page's row, in under 100 lines."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlsystem.examples import churn
from registry import definition_sync, featurizer
from registry.models import LookupRow, Project
from tests.factories import make_user

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def project(db: None) -> Project:
    return definition_sync.install(slug="churn", by=make_user("Ada"))[0]


def test_the_module_stays_under_100_lines() -> None:
    assert len(Path(churn.__file__).read_text().splitlines()) < 100


def test_installing_it_makes_project_dataset_and_lookup(project: Project) -> None:
    assert project.task == "binary"
    assert project.classes == ["No", "Yes"]
    assert project.positive_class == "Yes"
    assert project.entity == ["customer"]
    assert project.horizon == timedelta(days=30)
    assert project.silence == "negative"
    assert project.primary_metric == "cost"
    assert len(project.fields) == 19
    dataset = project.datasets.get()
    assert dataset.split.kind == "group"
    assert 0.68 < dataset.rows / 7043 < 0.72
    assert 0.18 < dataset.split.counts["test"] / dataset.rows < 0.22
    assert LookupRow.objects.filter(project=project).count() == 7043
    assert project.sources.get().file == "data/churn.csv.gz"


def test_installing_it_again_changes_nothing(project: Project) -> None:
    again, dataset = definition_sync.install(slug="churn")
    assert again == project
    assert dataset.number == 1
    assert Project.objects.count() == 1


def test_a_customer_alone_is_enough_to_predict(project: Project) -> None:
    spec = featurizer.features_spec(project)
    [row] = featurizer.compute(
        project=project, features=spec, inputs=[{}], entities=["C1"], at=NOW
    )
    assert row["tenure"] == 1
    assert row["contract"] == "Month-to-month"
    assert "churn" not in row
    [given] = featurizer.compute(
        project=project,
        features=spec,
        inputs=[{"tenure": 50}],
        entities=["C1"],
        at=NOW,
    )
    assert given == {**row, "tenure": 50}
