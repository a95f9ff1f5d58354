"""Windows: one definition, the same numbers for a request and for a table, and nothing
that was not known at the moment."""

import math
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import definition_store, featurizer, frames
from registry.aggregates import AGGREGATES
from registry.definitions import (
    Count,
    Days,
    DefinitionError,
    Events,
    Global,
    Hours,
    Last,
    Max,
    Mean,
    Min,
    Minutes,
    NUnique,
    Project,
    Quantile,
    Std,
    Sum,
)
from registry.errors import InvalidInput, Unavailable
from registry.models import Event
from registry.models import Project as Record
from tests.factories import make_project

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIELDS = [
    {"name": "carrier", "kind": "categorical"},
    {"name": "stop", "kind": "integer"},
    {"name": "paid", "kind": "boolean"},
]


def a_definition() -> Project:
    project = Project("p", task="regression", target="delay")

    @project.window
    class Recent:
        key = ["stop", "carrier"]
        events = Events("arrivals", known_at="arrived_at", value="delay")
        window = Minutes(60, tune=(10, 600, "log"))
        n, total, mean, spread = Count(), Sum(), Mean(), Std()
        least, most, last, kinds = Min(), Max(), Last(), NUnique()
        median, tail = Quantile(0.5), Quantile(0.9)

    @project.feature
    def doubled(row: dict[str, Any]) -> float:
        return row["recent_mean"] * 2

    @project.window
    class Wide:
        key = ["paid"]
        events = Events("payments")
        window = Hours(2)
        mean, last = Mean(default=Global()), Last(default=-1)
        spread = Std(default=Global())

    return project


@pytest.fixture
def record(db: None, monkeypatch: pytest.MonkeyPatch) -> Record:
    definition = a_definition()
    monkeypatch.setattr(definition_store, "definition_of", lambda _: definition)
    return make_project(
        "p", task="regression", target="delay", fields=FIELDS, entity=[],
        costs={}, decision={}, classes=[], positive_class="", primary_metric="mae",
        silence="unknown", time_column="at",
    )  # fmt: skip


def happened(
    record: Record, key: str, *facts: tuple[float, float | None], stream: str = ""
) -> None:
    """Facts of a key: minutes after T at which each became known, and its value."""
    count = Event.objects.count()
    Event.objects.bulk_create(
        Event(
            project=record,
            stream=stream or "arrivals",
            event_id=str(count + number),
            key=key,
            known_at=T + timedelta(minutes=minutes),
            value=value,
        )
        for number, (minutes, value) in enumerate(facts)
    )


def asked(record: Record, minutes: float = 0.0, **row: Any) -> dict[str, Any]:
    given = {"carrier": "UA", "stop": 1} | row
    (found,) = featurizer.compute(
        project=record,
        features=featurizer.features_spec(record),
        inputs=[given],
        at=T + timedelta(minutes=minutes),
    )
    return found


def test_every_aggregate_says_what_its_name_says(record: Record) -> None:
    happened(record, '["UA","1"]', (-50, 5.0), (-40, None), (-30, -1.0), (-2, 2.5))
    found = asked(record)
    assert found["recent_n"] == 4
    assert found["recent_total"] == 6.5
    assert found["recent_mean"] == 6.5 / 3
    assert found["recent_spread"] == pytest.approx(statistics.stdev([5, -1, 2.5]))
    assert (found["recent_least"], found["recent_most"]) == (-1.0, 5.0)
    assert found["recent_last"] == 2.5
    assert found["recent_kinds"] == 3
    assert (found["recent_median"], found["recent_tail"]) == (2.5, 5.0)
    assert found["doubled"] == 13 / 3


def test_every_aggregate_there_is_is_replayed() -> None:
    (recent, _) = a_definition().windows
    assert {type(one) for one in recent.aggregates.values()} == set(AGGREGATES)


def test_both_ends_of_a_window_are_closed_to_the_microsecond(record: Record) -> None:
    step = 1 / 60_000_000
    edges = [(-60 - step, 1.0), (-60, 2.0), (0, 4.0), (step, 8.0)]
    happened(record, '["UA","1"]', *edges)
    assert asked(record)["recent_total"] == 6.0


def test_what_is_not_known_yet_changes_nothing(record: Record) -> None:
    happened(record, '["UA","1"]', (-5, 1.0))
    before = asked(record)
    happened(record, '["UA","1"]', (0.001, 99.0), (30, 99.0))
    assert asked(record) == before
    assert asked(record, minutes=30)["recent_most"] == 99.0


def test_an_empty_window_counts_nothing_and_says_nothing(record: Record) -> None:
    found = asked(record)
    assert (found["recent_n"], found["recent_total"], found["recent_kinds"]) == (
        0,
        0,
        0,
    )
    assert found["recent_mean"] is None
    assert found["recent_last"] is None


def test_without_its_key_there_is_no_window(record: Record) -> None:
    found = asked(record, carrier=None)
    assert found["recent_n"] is None
    assert found["wide_last"] is None


def test_an_empty_window_falls_back_as_declared(record: Record) -> None:
    happened(record, "true", (-10, 4.0), (-5, 6.0), stream="payments")
    found = asked(record, paid=False)
    assert found["wide_mean"] == 5.0
    assert found["wide_spread"] == pytest.approx(math.sqrt(2))
    assert found["wide_last"] == -1
    assert asked(record, paid=True)["wide_last"] == 6.0


floats = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(
    lambda value: abs(value) <= 1e300
)
values = st.none() | st.integers(-20, 20).map(float) | st.floats(-1e4, 1e4) | floats
moments = st.sampled_from([-121, -120, -60, -59.5, -1, 0, 1 / 60_000_000, 1, 59, 60])
facts = st.lists(
    st.tuples(
        st.sampled_from(['["UA","1"]', '["UA","2"]', '["é","1"]']), moments, values
    ),
    max_size=12,
)
paid = st.lists(
    st.tuples(st.sampled_from(["true", "false"]), moments, values), max_size=5
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "carrier": st.sampled_from(["UA", "é", "XX", None]),
            "stop": st.sampled_from([1, 2, None]),
            "paid": st.sampled_from([True, False, None]),
            "at": st.sampled_from([-60, 0, 1, 60, None]).map(
                lambda m: m if m is None else T + timedelta(minutes=m)
            ),
        }
    ),
    min_size=1,
    max_size=5,
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(facts=facts, paid=paid, table=rows)
def test_both_paths_agree_on_any_facts(
    record: Record, facts: list[Any], paid: list[Any], table: list[dict[str, Any]]
) -> None:
    """Ties, facts without value, facts of one moment, and the edges of windows."""
    Event.objects.all().delete()
    for stream, found in (("arrivals", facts), ("payments", paid)):
        for key, minutes, value in found:
            happened(record, key, (minutes, value), stream=stream)
    frame = frames.frame_of([*FIELDS, {"name": "at", "kind": "datetime"}], table)
    spec = featurizer.features_spec(record)
    parity = featurizer.check_parity(project=record, features=spec, frame=frame)
    assert parity.differences == []


@pytest.mark.parametrize("size", [0.1, 1e9 + 0.1, 1e-300, 2.0**40])
def test_sums_are_exact_whatever_the_size_of_values(
    record: Record, size: float
) -> None:
    happened(record, '["UA","1"]', *[(-n / 7, size * (1 + n % 5)) for n in range(400)])
    table = [
        {"carrier": "UA", "stop": 1, "at": T - timedelta(minutes=n)} for n in range(50)
    ]
    frame = frames.frame_of([*FIELDS, {"name": "at", "kind": "datetime"}], table)
    spec = featurizer.features_spec(record)
    assert featurizer.check_parity(project=record, features=spec, frame=frame).holds


def test_a_request_reads_an_index_and_no_row_of_the_table(record: Record) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("EXPLAIN QUERY PLAN is SQLite's.")
    from registry.featurizer import windows

    for statement, index in (
        (windows._OF_KEY, "event_window ("),
        (windows._OF_ALL, "event_window_of_all ("),
    ):
        where = [record.pk, "arrivals", "k"][: statement.count("%s") - 2]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, [*where, T, T])
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert f"USING COVERING INDEX {index}" in plan


def test_a_window_is_one_statement(
    record: Record, django_assert_num_queries: Any
) -> None:
    happened(record, '["UA","1"]', (-1, 3.0))
    with django_assert_num_queries(1):
        asked(record)


def test_a_version_keeps_the_length_it_was_trained_with(record: Record) -> None:
    happened(record, '["UA","1"]', (-300, 3.0), (-1, 5.0))
    spec = featurizer.features_spec(record)
    assert spec["windows"]["recent"]["microseconds"] == 3600 * 10**6
    longer = featurizer.with_lengths(spec, {"recent": 6 * 3600 * 10**6})
    given = [{"carrier": "UA", "stop": 1}]
    short, long = (
        featurizer.compute(project=record, features=one, inputs=given, at=T)[0]
        for one in (spec, longer)
    )
    assert (short["recent_n"], long["recent_n"]) == (1, 2)
    assert featurizer.features_spec(record) == spec
    with pytest.raises(InvalidInput, match="no window gone"):
        featurizer.with_lengths(spec, {"gone": 1})


def test_a_window_that_code_changed_is_no_silent_change(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = featurizer.features_spec(record)
    other = Project("p", task="regression", target="delay")

    @other.window
    class Recent:
        key = ["carrier"]
        events = Events("arrivals")
        window = Hours(1)
        n = Count()

    monkeypatch.setattr(definition_store, "definition_of", lambda _: other)
    only = featurizer.only(spec | {"row": []}, ["recent_n"])
    with pytest.raises(Unavailable, match="with another key, features than this"):
        featurizer.compute(project=record, features=only, inputs=[{}], at=T)


def test_a_feature_left_out_takes_its_window_along(record: Record) -> None:
    spec = featurizer.features_spec(record)
    assert featurizer.only(spec, ["carrier", "stop"])["windows"] == {}
    assert list(featurizer.only(spec, ["wide_mean"])["windows"]) == ["wide"]
    with pytest.raises(InvalidInput, match="no feature nonsense"):
        featurizer.only(spec, ["nonsense"])


def refusals() -> Iterator[tuple[dict[str, Any], str]]:
    truth = Events.from_truth(known_at="seen", value="y")
    good = {"key": ["a"], "events": truth, "window": Days(1), "n": Count()}
    yield {k: v for k, v in good.items() if k != "n"}, "give it aggregates such as"
    yield good | {"key": "a"}, "give a list of columns"
    yield good | {"events": "truth"}, "Events.from_truth"
    yield good | {"window": 3}, "give window = Minutes"
    yield good | {"window": Hours(100, tune=(1, 72, "log"))}, "around 100"
    yield good | {"window": Hours(6, tune=(1, 72, "cubic"))}, "write tune="
    yield good | {"window": Hours(0)}, "more than 0"
    yield good | {"events": Events.from_truth(known_at="seen", value="z")}, 'value="y"'
    yield good | {"events": Events("truth")}, "name the events by"
    yield good | {"key": ["a" * 60]}, "shorter columns"


@pytest.mark.parametrize(("given", "told"), list(refusals()))
def test_a_mistake_is_told_with_its_line(given: dict[str, Any], told: str) -> None:
    project = Project("p", task="regression", target="y")
    with pytest.raises(DefinitionError, match="line ") as error:
        project.window(type("Delays", (), given))
    assert told in str(error.value)


def test_one_stream_has_one_key() -> None:
    project = Project("p", task="regression", target="y")
    given = {"events": Events("arrivals"), "window": Days(1), "n": Count()}
    project.window(type("One", (), {"key": ["a", "b"], **given}))
    project.window(type("Same", (), {"key": ["b", "a"], **given}))
    with pytest.raises(DefinitionError, match="another key"):
        project.window(type("Other", (), {"key": ["a"], **given}))


def test_tables_of_pandas_agree_with_a_plain_rolling_mean(record: Record) -> None:
    """The oracle: what somebody would write by hand."""
    happened(record, '["UA","1"]', *[(n * 7 % 180 - 90, float(n)) for n in range(60)])
    table = [
        {"carrier": "UA", "stop": 1, "at": T + timedelta(minutes=n)} for n in range(90)
    ]
    frame = frames.frame_of([*FIELDS, {"name": "at", "kind": "datetime"}], table)
    found = featurizer.compute_frame(
        project=record, features=featurizer.features_spec(record), frame=frame
    )
    events = pd.DataFrame(Event.objects.values("known_at", "value"))
    for at, mean in zip(frame["at"], found["recent_mean"], strict=True):
        since = at - timedelta(hours=1)
        inside = events[(events["known_at"] >= since) & (events["known_at"] <= at)]
        assert mean == pytest.approx(inside["value"].mean())
