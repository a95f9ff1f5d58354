"""Truth as facts for windows: past rows of the source, and what the Collector is told."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from labelling.collector.truth import record_truth
from mlsystem import baselines
from mlsystem.orchestrator import backtest
from registry import (
    clock,
    datasets,
    definition_store,
    definition_sync,
    facts,
    featurizer,
    sources,
)
from registry.actors import Actor
from registry.models import Event, LookupRow, ModelVersion, Project
from serving.frontend.front import predict
from tests.calls import Rest
from tests.factories import make_key, make_user

T = datetime(2026, 3, 10, 12, tzinfo=UTC)
ACTOR = Actor(label="the tests", role="admin")
MANY = re.compile(r"(\d+) times: INSERT")
MODULE = """
from datetime import timedelta
from registry.definitions import *

trips = Project(
    "trips", task="regression", target="late", entity="trip", time="left",
    horizon=hours(30), silence="unknown",
)
trips.source("trips", file="trips.csv", watermark="left")
trips.derive("landed", lambda row: row["left"] + timedelta(minutes=60 + row["late"]))
trips.exclude("landed")
trips.lookup("trips", key="trip", columns="inputs")


@trips.window
class LineDelay:
    key = ["line"]
    events = Events.from_truth(known_at="landed", value="late")
    window = Hours(6, tune=(1, 72, "log"))
    n, mean = Count(), Mean()


trips.baseline("usual", "mean")
trips.baseline("lately", GroupMean(["line"], over=days(1)))
"""


def trips(n: int = 200) -> str:
    """A trip an hour up to T, on two lines; of the last ones nobody knows yet."""
    lines = ["trip,line,left,size,late"]
    for i in range(n):
        left = T - timedelta(hours=n - 1 - i)
        late = (i * 7) % 30 + (0 if i % 2 else 20)
        lines.append(f"t{i},{'AB'[i % 2]},{left:%Y-%m-%dT%H:%M:%SZ},{i % 5},{late}")
    return "\n".join(lines)


@pytest.fixture
def project(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Project:
    name = f"trips_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "trips.csv").write_text(trips())
    monkeypatch.syspath_prepend(tmp_path)
    settings.MLSYSTEM_DEFINITIONS = [name]
    with clock.moved_to(T):
        project, _ = definition_sync.install(slug="trips", by=make_user("Ada"))
        baselines.open_if_missing(project=project)
    return project


def seen(project: Project, at: datetime, **given: Any) -> dict[str, Any]:
    (row,) = featurizer.compute(
        project=project,
        features=featurizer.features_spec(project),
        inputs=[{"line": "A"} | given],
        at=at,
    )
    return row


def say(project: Project, now: datetime, **item: Any) -> Any:
    return record_truth(project=project, items=[item], actor=None, now=now)


def test_past_rows_are_facts_from_the_moment_they_were_known(project: Project) -> None:
    known = Event.objects.filter(project=project, stream="truth:line")
    dataset = project.datasets.get()
    assert known.count() == dataset.rows < 200  # the last trips are still under way
    last = known.order_by("-known_at").first()
    assert last is not None
    assert last.known_at <= T
    number = int(last.event_id.split("@")[0].removeprefix("t"))
    left = T - timedelta(hours=199 - number)
    assert last.known_at == left + timedelta(minutes=60 + last.value)
    assert dataset.lineage["truth_not_known_yet"] > 0


def test_a_back_test_sees_trips_that_had_arrived_and_of_others_their_horizon(
    project: Project,
) -> None:
    rows = datasets.training_frame(project.datasets.get())
    at = T - timedelta(hours=150)
    known = rows[backtest.truth_moments(project, rows) <= at]
    under_way = rows[(rows["left"] <= at) & (rows["landed"] > at)]
    assert set(under_way["trip"]) == {"t48", "t49"}  # they take an hour and more
    assert set(known["trip"]) == {f"t{i}" for i in range(48)}
    untold = rows.assign(landed=None)
    known = untold[backtest.truth_moments(project, untold) <= at]
    assert known["left"].max() == at - timedelta(hours=30)  # the horizon


def test_a_few_days_of_a_source_are_read_as_those_of_all(project: Project) -> None:
    definition = definition_store.definition_of(project)
    assert definition is not None
    reading = sources.Reading(definition, now=T)

    some = reading.between(T - timedelta(hours=9), T - timedelta(hours=5)).frame

    assert list(some["trip"]) == [f"t{number}" for number in range(190, 195)]
    rows = reading.first().frame
    same = rows[rows["trip"].isin(some["trip"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, same)


def test_reading_the_source_again_adds_what_became_known(project: Project) -> None:
    before = Event.objects.filter(project=project).count()
    with clock.moved_to(T):
        assert definition_sync.refresh(project=project) is None
    assert Event.objects.filter(project=project).count() == before
    with clock.moved_to(T + timedelta(days=1)):
        dataset = definition_sync.refresh(project=project)
    assert dataset is not None
    assert Event.objects.filter(project=project).count() == dataset.rows == 200


def test_the_past_is_written_in_short_transactions(
    project: Project, tmp_path: Path
) -> None:
    """SQLite has one writer: whoever asks meanwhile must not wait for all of it."""
    (tmp_path / "trips.csv").write_text(trips(1400))

    with CaptureQueriesContext(connection) as asked:
        definition_sync.keep_read(project=project, now=T)

    written = [q["sql"] for q in asked if "registry_event" in q["sql"]]
    rows = [int(found[1]) for sql in written if (found := MANY.match(sql))]
    assert sum(rows) > 1100
    assert max(rows) <= 500


def test_a_truth_is_seen_by_the_next_prediction_and_not_before(
    project: Project,
) -> None:
    later = T + timedelta(days=2)  # everything of the source is out of the window
    asked = predict(
        project=project,
        request={"entity": "new", "input": {"line": "A", "size": 1}},
        actor=ACTOR,
        now=later,
    )
    landed = later + timedelta(hours=2)
    say(project, landed, prediction=asked["id"], value=44.0)
    assert seen(project, landed - timedelta(microseconds=1))["line_delay_n"] == 0
    assert seen(project, landed)["line_delay_mean"] == 44.0
    assert seen(project, landed, line="B")["line_delay_n"] == 0


def test_a_truth_told_late_is_known_late(project: Project) -> None:
    """What served could not see, training must not see either."""
    observed, told = T + timedelta(days=2), T + timedelta(days=2, hours=3)
    moment = observed.isoformat()
    say(project, told, entity="t5", value=9.0, observed_at=moment)
    assert seen(project, told - timedelta(hours=1), line="B")["line_delay_n"] == 0
    assert seen(project, told, line="B")["line_delay_n"] == 1


def test_an_entity_nobody_predicted_is_looked_up(project: Project) -> None:
    later = T + timedelta(days=2)
    say(project, later, entity="t5", value=12.0)
    assert seen(project, later, line="B")["line_delay_mean"] == 12.0
    say(project, later, entity="stranger", value=12.0)  # on a line nobody knows
    assert Event.objects.filter(event_id__startswith="stranger").count() == 0


def test_many_entities_are_looked_up_with_one_question(project: Project) -> None:
    later = T + timedelta(days=2)
    items = [{"entity": f"t{n}", "value": 12.0} for n in range(20)]
    with CaptureQueriesContext(connection) as asked:
        record_truth(project=project, items=items, actor=None, now=later)
    assert sum("registry_lookuprow" in one["sql"] for one in asked) == 1
    assert seen(project, later, line="A")["line_delay_n"] == 10


def test_a_truth_that_waited_for_its_prediction_is_a_fact_then(
    project: Project,
) -> None:
    from labelling.collector.waiting import match_waiting

    later = T + timedelta(days=2)
    say(project, later, reference="order-1", value=12.0)
    assert seen(project, later)["line_delay_n"] == 0
    predict(
        project=project,
        request={"input": {"line": "A", "size": 1}, "reference": "order-1"},
        actor=ACTOR,
        now=later,
    )
    match_waiting(now=later, project=project)
    assert seen(project, later)["line_delay_n"] == 1


def test_the_same_truth_twice_is_one_fact_and_another_value_corrects_it(
    project: Project,
) -> None:
    later = T + timedelta(days=2)
    moment = later.isoformat()
    for value in (12.0, 12.0, 15.0):
        say(project, later, entity="t5", value=value, observed_at=moment)
    found = seen(project, later, line="B")
    assert (found["line_delay_n"], found["line_delay_mean"]) == (1, 15.0)


def test_the_source_and_the_collector_do_not_count_a_truth_twice(
    project: Project,
) -> None:
    known = Event.objects.filter(project=project).order_by("-known_at").first()
    assert known is not None
    before = Event.objects.filter(project=project).count()
    trip = known.event_id.split("@")[0]
    moment = known.known_at.isoformat()
    say(project, T, entity=trip, value=known.value, observed_at=moment)
    assert Event.objects.filter(project=project).count() == before


def test_a_truth_that_is_rolled_back_leaves_no_fact(project: Project) -> None:
    before = Event.objects.filter(project=project).count()
    with transaction.atomic():
        say(project, T + timedelta(days=2), entity="t5", value=12.0)
        transaction.set_rollback(True)
    assert Event.objects.filter(project=project).count() == before


def test_both_paths_agree_on_every_row_of_the_dataset(project: Project) -> None:
    from registry import datasets

    frame = datasets.training_frame(project.datasets.get())
    spec = featurizer.features_spec(project)
    parity = featurizer.check_parity(
        project=project, features=spec, frame=frame, n=len(frame)
    )
    assert (parity.rows, parity.differences) == (len(frame), [])


def test_a_mean_of_late_is_a_baseline_that_serves(project: Project) -> None:
    version = ModelVersion.objects.get(project=project, name="lately")
    assert version.features["windows"]["lately"]["microseconds"] == 86400 * 10**6
    assert version.evaluations.get().report["metrics"]["mae"]["value"] is not None
    from serving.model_server import raw

    later = T + timedelta(days=2)
    (before,) = raw.predict(version=version, inputs=[{"line": "B"}], now=later)
    say(project, later, entity="t5", value=77.0)
    (after,) = raw.predict(version=version, inputs=[{"line": "B"}], now=later)
    assert before["prediction"] != 77.0
    assert after["prediction"] == 77.0


def test_features_are_asked_over_another_length(project: Project) -> None:
    rest = Rest(project, make_key(project))
    body = {"entities": ["t100"], "at": T.isoformat()}
    usual = rest.post("features", body).json()["features"][0]
    longer = rest.post("features", body | {"params": {"line_delay": 48}}).json()
    assert longer["features"][0]["line_delay_n"] > usual["line_delay_n"] > 0
    wrong = rest.post("features", body | {"params": {"nonsense": 48}})
    assert wrong.status_code == 400
    assert "line_delay" in wrong.json()["errors"][0]["message"]
    early = body | {"at": "1900-01-01T00:00:00Z"}
    assert rest.post("features", early).status_code == 200
    assert (
        rest.post("features", body | {"at": "0001-01-01T00:00:00Z"}).status_code == 400
    )
    endless = rest.post("features", body | {"params": {"line_delay": 1e300}})
    assert endless.status_code == 400
    assert endless.json()["errors"][0]["field"] == "params.line_delay"


def test_an_entity_is_predicted_with_its_windows(project: Project) -> None:
    rest = Rest(project, make_key(project))
    body = {"entity": "t100", "at": T.isoformat()}
    assert rest.post("predict", body).status_code == 200


def test_what_is_stored_of_an_entity_names_the_keys(project: Project) -> None:
    assert LookupRow.objects.filter(project=project).count() == 200
    assert facts.columns_by_lookup(project, ["t5"])["t5"]["line"] == "B"
