"""The flights project: when things are known, by what they are found, and that both paths
of the Featurizer agree on every flight of the file."""

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlsystem import baselines
from mlsystem.examples import flights as module
from registry import definition_sync, featurizer, replays, sources
from registry.models import Event, LookupRow, Project
from tests.calls import Rest
from tests.factories import make_key, make_user

SOME = 12_000  # flights: the first two weeks


def test_the_definition_is_short_and_imports_nothing_of_ours_but_definitions() -> None:
    text = Path(module.__file__).read_text()
    assert len(text.splitlines()) < 100
    imported = [
        node.module or ""
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
    ]
    imported += [
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    ours = [name for name in imported if name.split(".")[0] in {"registry", "mlsystem"}]
    assert ours == ["registry.definitions"]


@pytest.fixture(scope="module")
def rows() -> sources.Rows:
    return sources.Reading(module.flights).first()


def test_a_delay_is_known_at_landing_and_never_for_the_cancelled(
    rows: sources.Rows,
) -> None:
    frame = rows.frame
    assert len(frame) == 51_955
    first = frame.iloc[0]  # UA 1545, 05:15 in New York, two minutes late
    assert first["left_at"] == datetime(2013, 1, 1, 10, 17, tzinfo=UTC)
    assert first["observed_at"] == first["left_at"] + timedelta(minutes=227)
    lands = frame["observed_at"].notna()
    assert (lands == frame["arr_delay"].notna()).all()
    assert (~lands).sum() == 1_946
    assert (frame.loc[lands, "observed_at"] > frame.loc[lands, "left_at"]).all()
    assert not frame.duplicated(["date", "carrier", "flight"]).any()


def test_times_are_moved_by_weeks_of_the_clocks_on_the_wall() -> None:
    winter = pd.Series([datetime(2013, 1, 1, 13, 15, tzinfo=UTC)]).astype(
        "datetime64[us, UTC]"
    )
    moved = replays.later(winter, 718, "America/New_York").iloc[0]
    assert moved == datetime(
        2026, 10, 6, 12, 15, tzinfo=UTC
    )  # summer time, 08:15 still
    assert moved.weekday() == winter.iloc[0].weekday()


def test_the_last_weeks_of_sources_are_told_again_when_they_run_out() -> None:
    early = datetime(2013, 3, 7, tzinfo=UTC)
    replay = {"weeks": 1, "every": 8}
    given = {"replay": replay, "now": early}
    once = sources.Reading(module.flights, **given).first().frame
    assert once["left_at"].min() == datetime(2013, 1, 8, 10, 17, tzinfo=UTC)
    later = {"replay": replay, "now": early + timedelta(days=3)}
    reading = sources.Reading(module.flights, **later)
    twice = reading.first().frame
    assert len(once) < 51_955 < len(twice)
    assert not twice.duplicated(["date", "carrier", "flight"]).any()
    days = sorted(set(twice["date"]))
    assert days[-3:] == ["2013-03-07", "2013-03-08", "2013-03-09"]
    assert len(days) == 61  # the file's 59, and two more without a day between
    weather = reading.rows("weather").frame
    assert "2013-05-02" in set(weather["date"])  # as a forecast: all of the telling


def install(monkeypatch: pytest.MonkeyPatch, rows: int | None) -> Project:
    read = sources.read

    def some(source: Any, *, folder: Path) -> Any:
        frame, lineage = read(source, folder=folder)
        return (frame.head(rows) if source.name == "flights" else frame), lineage

    if rows is not None:
        monkeypatch.setattr(sources, "read", some)
    return definition_sync.install(slug="flights", by=make_user("Ada"))[0]


def parity_over(project: Project, rows: int) -> featurizer.Parity:
    frame = sources.Reading(module.flights).first().frame
    return featurizer.check_parity(
        project=project, features=featurizer.features_spec(project), frame=frame, n=rows
    )


def test_flights_are_predicted_by_entity_with_weather_plane_and_windows(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And both paths agree on thousands of them."""
    project = install(monkeypatch, SOME)
    baselines.open_if_missing(project=project)
    assert (
        Event.objects.filter(project=project).count() == 3 * project.datasets.get().rows
    )
    rest = Rest(project, make_key(project))
    stored = LookupRow.objects.filter(lookup="flights", key__startswith='["2013-01-10"')
    names = ("date", "carrier", "flight")
    pairs = stored.order_by("key").values_list("key", "values")
    known = [
        json.loads(key)
        for key, row in pairs
        if row["dep_delay"] is not None and row["dest"] == "ATL"
    ]
    flight = dict(zip(names, known[0], strict=True))
    at = "2013-01-10T18:00:00Z"
    answer = rest.post("predict", {"entity": flight, "at": at})
    assert answer.status_code == 200, answer.content
    seen = rest.post("features", {"entities": [flight], "at": at}).json()["features"][0]
    assert seen["origin"] in {"EWR", "LGA", "JFK"}
    assert seen["temp"] is not None
    assert seen["lat"] is not None
    assert seen["route_delay_mean"] is not None
    assert answer.json()["prediction"] == seen["dep_delay"]  # the rule answers
    nobody = rest.post("predict", {"entity": flight | {"flight": 99999}, "at": at})
    assert nobody.status_code == 400
    assert nobody.json()["errors"][0]["field"] == "entity"
    parity = parity_over(project, 3_000)
    assert (parity.rows, parity.differences) == (3_000, [])


@pytest.mark.slow
@pytest.mark.django_db
def test_both_paths_agree_on_every_flight_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = install(monkeypatch, None)
    parity = parity_over(project, 51_955)
    assert (parity.rows, parity.differences) == (51_955, [])
