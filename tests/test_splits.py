"""A row's part is fixed for ever: nothing moves from training to validation or test."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import datasets, splits
from registry.models import Dataset, Split
from registry.splits import Cuts
from tests.factories import make_dataset, make_frame, make_project

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = {"training": 0, "validation": 1, "test": 2}
hours = st.lists(st.integers(0, 400), max_size=60)


def moments(numbers: list[int]) -> pd.Series:
    found = [START + timedelta(hours=number) for number in numbers]
    return pd.Series(found, dtype="datetime64[us, UTC]")


def test_hashing_gives_seventy_ten_and_twenty_percent() -> None:
    keys = pd.Series([f"C{i}" for i in range(20_000)], dtype="str")
    shares = splits.by_hash("churn", keys).value_counts(normalize=True)
    assert shares["training"] == pytest.approx(0.7, abs=0.01)
    assert shares["validation"] == pytest.approx(0.1, abs=0.01)
    assert shares["test"] == pytest.approx(0.2, abs=0.01)


def test_a_part_does_not_depend_on_process_or_version() -> None:
    # Written down once: whoever changes the hash moves every project's rows.
    found = [splits.part_of("churn", f"C{i}") for i in range(1, 11)]
    assert "".join(part[0] for part in found) == "tttvtttttv"


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_other_rows_do_not_change_a_part(ours: list[str], theirs: list[str]) -> None:
    alone = splits.by_hash("p", pd.Series(ours, dtype="str"))
    together = splits.by_hash("p", pd.Series([*ours, *theirs], dtype="str"))
    assert alone.tolist() == together[: len(ours)].tolist()


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.text(max_size=4),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_content_is_spelt_alike_whatever_stands_beside_it(
    rows: list[tuple[float | None, str | None]],
) -> None:
    frame = pd.DataFrame(rows, columns=["number", "word"]).astype(
        {"number": "float64", "word": "str"}
    )
    plain = splits.content_keys(frame)
    swapped = splits.content_keys(frame[["word", "number"]])
    wider = splits.content_keys(frame.assign(added=None))
    assert plain.tolist() == swapped.tolist() == wider.tolist()
    for i, ours in enumerate(rows):
        for j, theirs in enumerate(rows):
            assert (plain[i] == plain[j]) == (ours == theirs)


@given(hours, hours, hours)
def test_in_time_nothing_leaves_training(
    first: list[int], second: list[int], third: list[int]
) -> None:
    known: list[int] = []
    cuts: Cuts | None = None
    before = pd.Series(dtype="str")
    for more in (first, second, third):
        known += more
        parts, cuts = splits.by_time(moments(known), earlier=cuts)
        for place, old in enumerate(before):
            assert ORDER[parts[place]] <= ORDER[old]
        before = parts


@given(hours)
def test_in_time_the_parts_are_in_order(numbers: list[int]) -> None:
    times = moments(numbers)
    parts, cuts = splits.by_time(times)
    ranks = parts.map(ORDER)[times.sort_values().index]
    assert ranks.is_monotonic_increasing
    if len(set(numbers)) > 1:  # something to learn from, something to test on
        assert {"training", "test"} <= set(parts)
    elif numbers:
        assert set(parts) == {"training"}
    assert Cuts.from_json(cuts.as_json()) == cuts


def test_rows_of_one_moment_share_a_part() -> None:
    parts, _ = splits.by_time(moments([1] * 50 + [2] * 50 + [3] * 100))
    assert parts.groupby(moments([1] * 50 + [2] * 50 + [3] * 100)).nunique().max() == 1


def test_a_row_without_a_time_trains() -> None:
    times = moments(list(range(10)))
    times[3] = pd.NaT
    parts, _ = splits.by_time(times)
    assert parts[3] == "training"


@pytest.mark.django_db
def test_rows_of_one_group_share_a_part() -> None:
    project = make_project(group_column="household")
    households = [f"H{i // 4}" for i in range(120)]
    make_dataset(project, frame=make_frame(household=households))
    assert Split.objects.get().kind == "group"
    dataset = Dataset.objects.get()
    learnt = {
        part: set(datasets.training_frame(dataset, (part,))["household"])
        for part in ("training", "validation")
    }
    tested = set(datasets.test_inputs(dataset)["household"])
    assert learnt["training"].isdisjoint(learnt["validation"] | tested)
    assert learnt["validation"].isdisjoint(tested)


@pytest.mark.django_db
def test_a_changed_schema_moves_no_row() -> None:
    """What the rows were hashed by stays what it was in the first dataset."""
    project = make_project(entity=[])
    first = make_dataset(project)
    project.fields = project.fields[1:]
    project.save()
    second = make_dataset(project)
    assert first.split.kind == second.split.kind == "hash"
    for part in ("training", "validation"):
        before = datasets.training_frame(first, (part,))["customer"]
        after = datasets.training_frame(second, (part,))["customer"]
        assert before.tolist() == after.tolist()


@pytest.mark.django_db
def test_a_part_without_a_class_is_a_finding() -> None:
    frame = make_frame(40)
    frame["churn"] = ["Yes"] + ["No"] * 39
    dataset = make_dataset(make_project(), frame=frame)
    rules = {finding["rule"] for finding in dataset.findings}
    assert {"part_lacks_class", "rare_class"} <= rules
