"""Datasets are immutable, whole or not at all, and keep the truth of test rows."""

import numpy as np
import pandas as pd
import pytest

from registry import carry, datasets, facts, seal, storage
from registry.errors import InvalidInput
from registry.models import Dataset
from tests.factories import make_dataset, make_frame, make_project

pytestmark = pytest.mark.django_db


def test_a_dataset_knows_its_columns_parts_and_origin() -> None:
    dataset = make_dataset(make_project())
    roles = {column["name"]: column["role"] for column in dataset.columns}
    assert roles == {
        "tenure": "input",
        "monthly_charges": "input",
        "contract": "input",
        "paperless": "input",
        "customer": "entity",
        "churn": "target",
    }
    assert dataset.number == 1
    assert dataset.rows == 120 == sum(dataset.split.counts.values())
    assert all(dataset.split.counts.values())
    assert dataset.lineage == {"source": "test", "without_target": 0}


def test_rows_come_back_as_they_went_in() -> None:
    dataset = make_dataset(make_project())
    table = datasets.training_frame(dataset)
    original = make_frame().set_index("customer")
    again = table.set_index("customer")
    for column in ("tenure", "monthly_charges", "contract", "churn"):
        assert (again[column] == original.loc[again.index, column]).all()
    assert set(table["paperless"]) == {0.0, 1.0}
    assert str(table["contract"].dtype) == "str"


def test_test_rows_have_inputs_and_no_target_anywhere() -> None:
    dataset = make_dataset(make_project())
    inputs = datasets.test_inputs(dataset)
    counts = dataset.split.counts
    assert len(inputs) == counts["test"] > 0
    assert "churn" not in inputs
    table = datasets.training_frame(dataset)
    assert len(table) == counts["training"] + counts["validation"]
    assert set(inputs["customer"]).isdisjoint(table["customer"])
    main = pd.read_parquet(storage.local_copy(uri=dataset.uri, sha256=dataset.sha256))
    assert set(inputs["customer"]).isdisjoint(main["customer"])
    assert dataset.profile["churn"]["n"] == len(table)


def test_training_frame_refuses_the_test_part() -> None:
    dataset = make_dataset(make_project())
    with pytest.raises(ValueError, match="only training and validation"):
        datasets.training_frame(dataset, parts=("training", "test"))


def test_nobody_but_the_evaluator_reads_the_truth_of_test_rows() -> None:
    split = make_dataset(make_project()).split
    with pytest.raises(seal.SealBroken, match="only the Evaluator"):
        seal.read(split)
    with pytest.raises(storage.ArtifactError, match="sealed"):
        storage.local_copy(uri=split.test_truth_uri, sha256=split.test_truth_sha256)


def test_the_evaluators_door_reads_truth_in_the_order_of_the_inputs() -> None:
    dataset = make_dataset(make_project())
    door: dict[str, object] = {"__name__": "monitoring.evaluator.sealed"}
    exec("from registry.seal import read\ndef look(split): return read(split)", door)
    truth = door["look"](dataset.split)  # type: ignore[operator]
    expected = make_frame().set_index("customer")["churn"]
    customers = datasets.test_inputs(dataset)["customer"]
    assert truth.tolist() == expected[customers].tolist()


def test_the_next_version_counts_up_and_keeps_every_part() -> None:
    project = make_project()
    first = make_dataset(project)
    second = make_dataset(project, frame=make_frame(200))
    assert second.number == 2
    kept = set(datasets.training_frame(first, parts=("training",))["customer"])
    assert kept <= set(datasets.training_frame(second, ("training",))["customer"])


@pytest.mark.parametrize("said", ["booleans", "TRUE", "1", "1.0"])
def test_later_rows_may_spell_the_classes_of_the_first_otherwise(said: str) -> None:
    """CSV from pandas says True, a Parquet file has booleans, a database 1."""
    project = make_project(classes=["False", "True"], positive_class="True", costs={})
    frame = make_frame()
    left = frame["churn"] == "Yes"
    spelt = {"TRUE": ("FALSE", "TRUE"), "1": (0, 1), "1.0": ("0.0", "1.0")}
    make_dataset(project, frame=frame.assign(churn=left.map(str)))
    no, yes = spelt.get(said, (False, True))
    later = frame.assign(churn=left.map({False: no, True: yes}))
    dataset = make_dataset(project, frame=later)
    table = datasets.training_frame(dataset)
    assert set(table["churn"]) == {"False", "True"}
    assert facts.number_of(project, True) == facts.number_of(project, "TRUE") == 1
    assert facts.number_of(project, np.bool_(0)) == 0


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    frame = make_frame()
    frame.loc[:9, "churn"] = None
    dataset = make_dataset(make_project(), frame=frame)
    assert dataset.rows == 110
    assert dataset.lineage["without_target"] == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tenure": "many"}, "values are not integer"),
        ({"churn": "Perhaps"}, "Known: No, Yes"),
        ({"churn": "Yes"}, "two different values"),
        ({"churn": None}, "Too few rows"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_whole(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make_dataset(make_project(), frame=make_frame(**changes))
    assert message in refusal.value.errors[0].message
    assert not Dataset.objects.exists()


def test_a_table_without_a_column_of_the_schema_names_it() -> None:
    frame = make_frame().drop(columns="contract")
    with pytest.raises(InvalidInput, match="no column contract"):
        make_dataset(make_project(), frame=frame)


def test_columns_beyond_the_schema_are_kept_and_excluded() -> None:
    dataset = make_dataset(make_project(), frame=make_frame(colour="red"))
    column = next(c for c in dataset.columns if c["name"] == "colour")
    assert column["role"] == "excluded"
    assert set(datasets.training_frame(dataset)["colour"]) == {"red"}


def test_with_a_time_the_newest_rows_test_and_the_cuts_are_stored() -> None:
    days = pd.date_range("2026-01-01", periods=120, freq="D", tz="UTC")
    project = make_project(time_column="seen_at")
    dataset = make_dataset(project, frame=make_frame(seen_at=days))
    assert dataset.split.kind == "time"
    assert dataset.split.counts == {"training": 84, "validation": 12, "test": 24}
    newest = datasets.training_frame(dataset)["seen_at"].max()
    assert newest < datasets.test_inputs(dataset)["seen_at"].min()
    assert dataset.split.cuts["test_from"] == days[96].isoformat()


def test_extending_takes_every_row_over_and_seals_the_truth_again() -> None:
    project = make_project()
    first = make_dataset(project)
    more = make_frame(200)[120:]
    second = carry.extend(dataset=first, frame=more, lineage={"source": "production"})
    assert second.rows == 200
    assert second.lineage["extends"] == 1
    assert second.lineage["rows_added"] == 80
    fresh = make_dataset(project, frame=make_frame(200))
    assert second.split.counts == fresh.split.counts
    for part in ("training", "validation"):
        ours = datasets.training_frame(second, (part,)).sort_values("customer")
        whole = datasets.training_frame(fresh, (part,)).sort_values("customer")
        pd.testing.assert_frame_equal(
            ours.reset_index(drop=True), whole.reset_index(drop=True)
        )


def test_extending_in_time_retires_old_test_rows_into_training() -> None:
    days = pd.date_range("2026-01-01", periods=200, freq="D", tz="UTC")
    project = make_project(time_column="seen_at")
    frame = make_frame(200, seen_at=days)
    first = make_dataset(project, frame=frame[:100])
    second = carry.extend(dataset=first, frame=frame[100:])
    assert second.split.counts == {"training": 140, "validation": 20, "test": 40}
    learnt = datasets.training_frame(second, ("training",))
    retired = set(datasets.test_inputs(first)["customer"])
    assert retired <= set(learnt["customer"])
    original = frame.set_index("customer")["churn"]
    assert learnt["churn"].tolist() == original[learnt["customer"]].tolist()


def test_a_field_added_to_the_schema_is_missing_in_old_rows() -> None:
    project = make_project()
    first = make_dataset(project)
    project.fields = [*project.fields, {"name": "age", "kind": "integer"}]
    project.save()
    second = carry.extend(dataset=first, frame=make_frame(130)[120:].assign(age=40))
    ages = datasets.training_frame(second).set_index("customer")["age"]
    assert ages.isna().sum() > 80
    assert set(ages.dropna()) <= {40.0}
