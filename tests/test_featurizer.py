"""One definition, two paths: a request and a table get the same features."""

import math
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import definition_store, featurizer, frames, lookups
from registry.definitions import (
    Column,
    Hour,
    Log,
    Project,
    Ratio,
    TextLength,
    Weekday,
)
from registry.errors import Unavailable
from registry.featurizer.context import as_kind
from registry.models import LookupRow
from registry.models import Project as Record
from tests.factories import make_project

FIELDS = [
    {"name": "number", "kind": "numeric"},
    {"name": "count", "kind": "integer"},
    {"name": "flag", "kind": "boolean"},
    {"name": "kind", "kind": "categorical"},
    {"name": "story", "kind": "text"},
    {"name": "seen", "kind": "datetime"},
]


def a_definition() -> Project:
    project = Project("p", task="regression", target="y")
    project.features(
        hour=Hour("seen"),
        weekday=Weekday("at"),
        log=Log("number"),
        ratio=Ratio("number", "count"),
        length=TextLength("story"),
    )

    @project.feature(kind="text")
    def everything(row: dict[str, Any]) -> str:
        return repr(sorted(row.items(), key=lambda item: item[0]))

    @project.feature
    def fails_often(row: dict[str, Any]) -> float:
        return 1 / row["count"] + row["ratio"]

    @project.feature(kind="boolean")
    def big(row: dict[str, Any]) -> bool:
        return row["number"] > 10

    @project.feature(kind="integer")
    def sometimes_no_integer(row: dict[str, Any]) -> Any:
        return row["number"] if row["flag"] else math.nan

    return project


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Record:
    definition = a_definition()
    monkeypatch.setattr(definition_store, "definition_of", lambda _: definition)
    return Record(
        slug="p",
        task="regression",
        target="y",
        fields=FIELDS,
        entity=["who"],
        time_column="when",
        zone="America/New_York",
    )


moments = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
rows = st.fixed_dictionaries(
    {
        "number": st.none() | st.floats(-1e300, 1e300),
        "count": st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.just(0),
        "flag": st.none() | st.booleans(),
        "kind": st.none() | st.sampled_from(["a", "b", "é"]),
        "story": st.none() | st.text(st.characters(codec="utf-8"), max_size=6),
        "seen": st.none() | moments,
        "who": st.none() | st.sampled_from(["C1", "C2"]),
        "when": moments,
    }
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(rows, min_size=1, max_size=5))
def test_both_paths_agree_on_any_row(
    record: Record, table: list[dict[str, Any]]
) -> None:
    apart = [
        {"name": "who", "kind": "categorical"},
        {"name": "when", "kind": "datetime"},
    ]
    frame = frames.frame_of([*FIELDS, *apart], table)
    parity = featurizer.check_parity(
        project=record, features=featurizer.features_spec(record), frame=frame
    )
    assert parity.differences == []


def test_a_difference_between_the_paths_is_found(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Log, "of_row", lambda self, row, zone: row[self.column])
    frame = frames.frame_of(FIELDS, [{"number": 3.0}])
    spec = featurizer.features_spec(record)
    parity = featurizer.check_parity(project=record, features=spec, frame=frame)
    assert not parity.holds
    difference = parity.differences[0]
    assert (difference.feature, difference.realtime) == ("log", 3.0)
    assert difference.batch == math.log1p(3.0)


def test_a_version_reads_hours_in_the_zone_it_was_made_with(record: Record) -> None:
    """Another zone would shift what it has learnt of hours and weekdays."""
    made_with = featurizer.features_spec(record)
    row = {"seen": datetime(2026, 1, 31, 23, 30, tzinfo=UTC)}
    record.zone = "Asia/Tokyo"

    for spec, hour in ((made_with, 18), (featurizer.features_spec(record), 8)):
        (found,) = featurizer.compute(project=record, features=spec, inputs=[row])
        table = featurizer.compute_frame(
            project=record, features=spec, frame=frames.frame_of(FIELDS, [row])
        )
        assert found["hour"] == table["hour"].iloc[0] == hour


def test_features_have_the_values_they_promise(record: Record) -> None:
    [row] = featurizer.compute(
        project=record,
        features=featurizer.features_spec(record),
        inputs=[
            {
                "number": 9.0,
                "count": 4,
                "story": "hit a gull",
                "seen": datetime(2026, 7, 1, 3, tzinfo=UTC),
            }
        ],
        at=datetime(2026, 7, 6, 3, tzinfo=UTC),
    )
    assert row["hour"] == 23  # of the day before, in New York
    assert row["weekday"] == 6  # still Sunday there
    assert row["log"] == math.log1p(9)
    assert row["ratio"] == 2.25
    assert row["length"] == 10
    assert row["fails_often"] == 2.5
    assert row["big"] is False
    assert row["sometimes_no_integer"] is None


def test_the_spec_lists_every_field_a_model_reads(record: Record) -> None:
    spec = featurizer.features_spec(record)
    assert spec["row"][:2] == ["hour", "weekday"]
    assert spec["lookups"] == []
    kinds = {field["name"]: field["kind"] for field in spec["fields"]}
    assert kinds["big"] == "boolean"
    assert list(kinds)[:6] == [field["name"] for field in FIELDS]
    plain = featurizer.plain_spec(record)
    assert plain == {"row": [], "lookups": [], "fields": FIELDS}


def test_a_feature_that_code_forgot_is_no_silent_gap(record: Record) -> None:
    spec = {"row": ["gone"], "lookups": [], "fields": FIELDS}
    with pytest.raises(Unavailable, match="no longer declares the feature gone"):
        featurizer.compute(project=record, features=spec, inputs=[{}])
    with pytest.raises(Unavailable, match="no longer declares the look-up gone"):
        featurizer.compute(
            project=record,
            features={"row": [], "lookups": ["gone"], "fields": FIELDS},
            inputs=[{}],
        )


def test_a_version_keeps_to_the_fields_it_was_trained_on(record: Record) -> None:
    spec = {"row": ["log"], "lookups": [], "fields": [{"name": "log", "kind": "x"}]}
    found = featurizer.compute(project=record, features=spec, inputs=[{"number": 0.0}])
    assert found == [{"log": 0.0}]


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        ("numeric", True, 1.0),
        ("integer", 3.0, 3),
        ("boolean", 1, True),
        ("text", 5, "5"),
        ("numeric", math.nan, None),
        ("numeric", pd.Series([1.5])[0], 1.5),
    ],
)
def test_an_answer_is_made_of_the_features_kind(
    kind: str, answer: object, value: object
) -> None:
    assert as_kind(kind, answer) == value


@pytest.mark.django_db
class TestLookups:
    @pytest.fixture
    def project(self, monkeypatch: pytest.MonkeyPatch) -> Record:
        definition = Project("planes", task="regression", target="y", entity="flight")
        definition.source("flights", file="f.csv")
        definition.source("planes", file="p.csv")

        @definition.lookup("flights", key="flight")
        class Flight:
            tail = Column(kind="categorical")

        @definition.lookup("planes", key="tail")
        class Plane:
            seats = Column("n_seats", kind="integer")

        monkeypatch.setattr(definition_store, "definition_of", lambda _: definition)
        fields = [{"name": "tail", "kind": "categorical"}]
        project = make_project(
            "planes", task="regression", target="y", entity=["flight"], fields=fields
        )
        lookups.store(
            project=project,
            lookup="flights",
            key=["flight"],
            columns={"tail": ("tail", "categorical")},
            frame=pd.DataFrame({"flight": [1.0, 2.0], "tail": ["N1", "N2"]}),
        )
        lookups.store(
            project=project,
            lookup="planes",
            key=["tail"],
            columns={"seats": ("n_seats", "integer")},
            frame=pd.DataFrame({"tail": ["N1", "N2"], "n_seats": [100.0, None]}),
        )
        return project

    def test_one_look_up_may_give_the_key_of_the_next(self, project: Record) -> None:
        found = featurizer.compute(
            project=project,
            features=featurizer.features_spec(project),
            inputs=[{}, {"tail": "N1"}, {}, {}],
            entities=["1", 2, "2", "unknown"],
        )
        assert found == [
            {"tail": "N1", "seats": 100},
            {"tail": "N1", "seats": 100},
            {"tail": "N2", "seats": None},
            {"tail": None, "seats": None},
        ]

    def test_tables_are_filled_alike(self, project: Record) -> None:
        frame = pd.DataFrame(
            {
                "flight": pd.Series(["1", "2", "3", None], dtype="str"),
                "tail": pd.Series([None, "N1", None, "N2"], dtype="str"),
            }
        )
        spec = featurizer.features_spec(project)
        parity = featurizer.check_parity(project=project, features=spec, frame=frame)
        assert parity.holds
        table = featurizer.compute_frame(project=project, features=spec, frame=frame)
        assert table["seats"].fillna(-1).tolist() == [100, 100, -1, -1]

    def test_an_input_that_is_there_is_not_looked_up(
        self, project: Record, django_assert_num_queries: Any
    ) -> None:
        plain = featurizer.plain_spec(project) | {"lookups": ["flights"]}
        with django_assert_num_queries(0):
            featurizer.compute(
                project=project, features=plain, inputs=[{"tail": "N9"}], entities=["1"]
            )
        with django_assert_num_queries(1):
            filled = featurizer.fill(
                project=project,
                features=plain,
                inputs=[{}, {}, {"other": 1}],
                entities=["1", "2", None],
            )
        assert filled == [{"tail": "N1"}, {"tail": "N2"}, {"other": 1}]

    def test_storing_again_writes_what_changed_and_forgets_what_left(
        self, project: Record
    ) -> None:
        before = dict(LookupRow.objects.values_list("key", "pk"))
        count = lookups.store(
            project=project,
            lookup="flights",
            key=["flight"],
            columns={"tail": ("tail", "categorical")},
            frame=pd.DataFrame(
                {"flight": [1, 3, 3, None], "tail": ["N1", "a", "b", "c"]}
            ),
        )
        assert count == 2
        rows = LookupRow.objects.filter(lookup="flights")
        assert dict(rows.values_list("key", "values")) == {
            "1": {"tail": "N1"},
            "3": {"tail": "b"},
        }
        assert rows.get(key="1").pk == before["1"]
