"""A project as code: every part does what it says, and a mistake names its line."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.db import DatabaseError
from pytest_django import Settings

from mlsystem.examples.flights import flights
from registry import (
    clock,
    datasets,
    definition_store,
    definition_sync,
    featurizer,
    jobs,
    projects,
    sources,
)
from registry.definition_store import DefinitionBroken
from registry.definitions import Column, DefinitionError, Log, Project, Rule
from registry.errors import Conflict, NotFound
from registry.models import Job, LookupRow
from registry.models import Project as Record
from tests import every_part
from tests.factories import make_project, make_user

parcels = every_part.parcels


@pytest.fixture
def record(db: None, settings: Settings) -> Record:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    return definition_sync.install(slug="parcels", by=make_user("Ada"))[0]


def line_of(text: str) -> int:
    lines = Path(every_part.__file__).read_text().splitlines()
    return next(n for n, line in enumerate(lines, start=1) if text in line)


def test_what_is_declared_becomes_the_project(record: Record) -> None:
    assert record.definition == "tests.every_part"
    assert record.entity == ["depot", "parcel"]
    assert record.time_column == "sent_at"
    assert record.zone == "Europe/Zurich"
    assert record.horizon is not None
    assert record.horizon.total_seconds() == 36 * 3600
    assert record.positive_class == "yes"
    assert record.gate["slices"] == ["depot_kind"]
    assert record.truth_precedence == ["outcome", "expert"]
    assert float(record.control_share) == 2.5
    assert record.costs["matrix"]["wait"]["yes"] == {"times": 0.5, "field": "weight"}
    kinds = {field["name"]: field["kind"] for field in record.fields}
    assert kinds == {
        "depot_kind": "categorical",
        "distance": "numeric",
        "stops": "integer",
        "weight": "numeric",
        "note": "categorical",
        "insured": "boolean",
        "distance_class": "categorical",
        "speed": "numeric",
    }
    weight = next(field for field in record.fields if field["name"] == "weight")
    assert weight["unit"] == "kg"


def test_derived_columns_filters_and_times_are_in_the_data(record: Record) -> None:
    dataset = record.datasets.get()
    raw = pd.read_csv(Path(every_part.__file__).parent / "data" / "parcels.csv")
    assert dataset.split.kind == "time"
    assert dataset.rows == int((raw["distance"] >= 0).sum())
    assert dataset.lineage["filtered_out"] == int((raw["distance"] < 0).sum()) > 0
    assert dataset.lineage["failed"] == {"speed": int((raw["stops"] == 0).sum())}
    learnt = datasets.training_frame(dataset)
    assert learnt.loc[learnt["stops"] == 0, "speed"].isna().all()
    # A local time without an offset is of the project's zone: an hour ahead of UTC.
    first = pd.Timestamp(raw["sent_at"][0]).tz_localize("Europe/Zurich")
    assert learnt["sent_at"].min() == first.tz_convert("UTC")
    roles = {column["name"]: column["role"] for column in dataset.columns}
    assert roles["arrived_at"] == "excluded"
    assert roles["parcel"] == "entity"


def test_features_are_computed_alike_on_both_paths(record: Record) -> None:
    spec = featurizer.features_spec(record)
    frame = datasets.training_frame(record.datasets.get())
    parity = featurizer.check_parity(
        project=record, features=spec, frame=frame, n=len(frame)
    )
    assert parity.rows == len(frame) > 100
    assert parity.differences == []
    table = featurizer.compute_frame(project=record, features=spec, frame=frame)
    assert list(table) == [field["name"] for field in spec["fields"]]
    assert set(table["region"]) == {"north", "south"}
    assert set(table["built"].dropna()) == {1987.0, 2004.0}
    assert set(table["is_late_shift"]) == {0.0, 1.0}
    local = frame["sent_at"].dt.tz_convert("Europe/Zurich")
    assert table["hour"].tolist() == local.dt.hour.tolist()


def test_a_feature_that_fails_is_missing_and_told(
    record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    function = next(f.function for f in parcels.row_features if f.name == "fragile")
    assert function is not None
    function.failures = 0
    spec = featurizer.features_spec(record)
    with caplog.at_level(logging.ERROR):
        [row] = featurizer.compute(
            project=record, features=spec, inputs=[{"stops": 0}], at=None
        )
    assert row["fragile"] is None
    told = caplog.text
    assert f"tests.every_part, line {line_of('@parcels.feature') + 10}" in told
    assert "ZeroDivisionError" in told
    assert "the feature is missing" in told


def test_an_entity_alone_is_filled_from_the_look_ups(record: Record) -> None:
    assert LookupRow.objects.filter(lookup="parcels").count() == 240
    [row] = featurizer.compute(
        project=record,
        features=featurizer.features_spec(record),
        inputs=[{}],
        entities=[{"depot": "D1", "parcel": "P1"}],
    )
    raw = pd.read_csv(Path(every_part.__file__).parent / "data" / "parcels.csv")
    assert row["distance"] == raw["distance"][0]
    assert row["region"] == "north"
    assert row["built"] == 1987


def test_what_code_declares_is_changed_in_the_code(record: Record) -> None:
    with pytest.raises(Conflict) as refusal:
        projects.update_project(
            project=record, by=None, changes={"costs": {}, "name": "Parcels"}
        )
    told = {error.field: error.message for error in refusal.value.errors}
    place = f"tests.every_part, line {line_of('parcels.costs(')}"
    assert told["costs"] == f"Declared in {place}: change it there."
    assert "name" in told
    assert place in refusal.value.detail


def test_what_code_leaves_open_is_changed_anywhere(record: Record) -> None:
    projects.update_project(project=record, by=None, changes={"autopilot": "propose"})
    record.refresh_from_db()
    assert record.autopilot == "propose"
    assert record.revision == 2


def test_a_declared_field_is_read_only_the_others_are_not(record: Record) -> None:
    fields = [
        {**field, "unit": "lb"} if field["name"] == "weight" else field
        for field in record.fields
    ]
    with pytest.raises(Conflict, match="weight"):
        projects.update_project(project=record, by=None, changes={"fields": fields})
    back = [*record.fields, {"name": "arrived_at", "kind": "datetime"}]
    with pytest.raises(Conflict, match="arrived_at"):
        projects.update_project(project=record, by=None, changes={"fields": back})
    record.refresh_from_db()
    fields = [
        {**field, "unit": "km"} if field["name"] == "distance" else field
        for field in record.fields
    ]
    projects.update_project(project=record, by=None, changes={"fields": fields})


def test_new_code_is_synced_by_its_hash(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parcels.settings, "name", "Late parcels, again")
    assert definition_sync.sync() == []
    record.refresh_from_db()
    assert record.name == "Late parcels"  # the text of the module is what it was
    monkeypatch.setattr(definition_store, "content_hash", lambda _: "f" * 64)
    assert definition_sync.sync() == []
    record.refresh_from_db()
    assert record.name == "Late parcels, again"
    assert record.definition_hash == "f" * 64


def test_a_change_the_data_forbids_is_told_and_not_made(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parcels.settings, "time_column", "arrived_at")
    monkeypatch.setattr(definition_store, "content_hash", lambda _: "f" * 64)
    [problem] = definition_sync.sync()
    assert problem.startswith(
        f"parcels: tests.every_part, line {line_of('Project(')}: "
    )
    assert "time_column: fixed by the first data" in problem
    record.refresh_from_db()
    assert record.time_column == "sent_at"


@pytest.mark.django_db
def test_modules_that_are_named_make_their_projects(settings: Settings) -> None:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    assert definition_sync.sync() == []
    assert Record.objects.get().slug == "parcels"
    definition_sync.notice(clock.now())
    assert not Job.objects.filter(task=definition_sync.TASK).exists()


@pytest.mark.faults
@pytest.mark.django_db
def test_changed_code_is_asked_for_again_where_the_first_try_was_not_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    monkeypatch.setattr(definition_sync, "_noticed", set())

    def full(**job: Any) -> None:
        raise DatabaseError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "enqueue", full)
        with pytest.raises(DatabaseError):
            definition_sync.notice(clock.now())
    for _ in range(2):
        definition_sync.notice(clock.now())

    assert Job.objects.filter(task=definition_sync.TASK).count() == 1


@pytest.mark.django_db
def test_an_example_that_is_there_goes_on_beside_modules_that_are_named(
    settings: Settings,
) -> None:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    churn = make_project("churn", definition="mlsystem.examples.churn")

    definition = definition_store.definition_of(churn)

    assert definition is not None
    assert definition is definition_store.find("churn")
    function = definition_store.function_path(flights, "as_departed")
    assert definition_store.baseline_function(function)({"dep_delay": 3}) == 3


@pytest.mark.django_db
def test_examples_wait_until_somebody_installs_them() -> None:
    assert definition_sync.sync() == []
    assert not Record.objects.exists()


def test_baselines_are_what_the_builder_of_baselines_reads(settings: Settings) -> None:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    kinds = [baseline.kind for baseline in parcels.baselines]
    assert kinds == ["rule", "group_mean", "majority", "function"]
    path = definition_store.function_path(parcels, "far")
    function = definition_store.baseline_function(path)
    assert function({"distance": 100}) == "yes"
    with pytest.raises(NotFound, match="any more"):
        definition_store.baseline_function("tests.every_part:parcels/gone")
    with pytest.raises(NotFound, match="any more"):
        definition_store.baseline_function("os:system/x")


def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> str:
    """What is told of a module with this body after its imports."""
    name = f"broken_{abs(hash(body))}"
    text = "from registry.definitions import *\n" + body
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DefinitionBroken) as error:
        definition_store.load(name)
    return error.value.detail.replace(name, "module")


HEAD = 'p = Project("p", task="binary", target="y")\n'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("x = 1\ny = x.z", "module, line 3: AttributeError"),
        ("x = = 1", "module, line 2: SyntaxError"),
        (
            HEAD + 'p.source("a")',
            "line 3: source a: give one of table, sql, file and rows.",
        ),
        (HEAD + 'p.source("a", table="t")', "line 3: source a: say source="),
        (HEAD + 'p.source("a", file="../x")', "line 3: source a: name a file beside"),
        (HEAD + 'p.lookup("a", key="k")', "line 3: lookup a: declare this source"),
        (HEAD + 'p.derive("a", 3)', "line 3: derive a: give a function of a row."),
        (HEAD + "p.features(a=3)", "line 3: feature a: write one of Hour, Weekday"),
        (HEAD + 'p.features(\n  a=Log("x"))\np.features(a=Log("x"))', "line 5: feat"),
        (HEAD + 'p.baseline("b", Rule("x", "~", 1))', "line 3: baseline b: operator"),
        (HEAD + 'p.baseline("b", "best")', "line 3: baseline b: a Rule, GroupMean"),
        (HEAD + "p.gate(marging=1)", "line 3: gate: marging: write some of"),
        (HEAD + 'p.decision("random")', "line 3: decision random: write cost or"),
        (
            HEAD.replace('target="y"', 'target="y", truth_precedence=["rumour"]'),
            "truth_precedence: rumour: write some of expert, outcome",
        ),
        (
            HEAD.replace('target="y"', 'target="y", control_share=120'),
            "control_share 120: write a percentage from 0 to 100",
        ),
        (
            HEAD.replace('"binary"', '"binry"'),
            "line 2: task 'binry': write one of binary",
        ),
        (
            HEAD.replace('="y"', '="y", silence="maybe"'),
            "silence 'maybe': write one of",
        ),
        (
            HEAD.replace('="y"', '="y", metric="maee"'),
            "metric 'maee': write one of cost",
        ),
        (
            HEAD.replace('="y"', '="y", zone="Europe/Zurick"'),
            "zone 'Europe/Zurick': wr",
        ),
        (HEAD.replace('="y"', '="y", horizon=30'), "horizon 30: write a span of time"),
        (HEAD.replace('"p"', '"My P"'), "slug 'My P': write up to 50 of a-z"),
        (HEAD + 'p.gate(margin="2 %")', "line 3: gate: margin '2 %': write a number"),
        (HEAD + 'p.gate(slices="a")', "gate: slices 'a': write a list of names"),
        (HEAD + 'p.gate(max_latency_us="5")', "gate: max_latency_us '5': write a numb"),
        (HEAD + "p.gate(approval=1)", "line 3: gate: approval 1: write True or False"),
        (
            HEAD + 'p.decision("threshold", treshold=.3)',
            "line 3: decision: treshold: write some of abstain, actions",
        ),
        (
            HEAD + 'p.decision("threshold", threshold=3)',
            "threshold 3: write a number f",
        ),
        (
            HEAD + 'p.decision("cost", abstain=(.8, .2))',
            "abstain [0.8, 0.2]: write two",
        ),
        (
            HEAD + 'p.costs(a="60")',
            "line 3: costs: a='60': a cost is a number or times",
        ),
        (
            HEAD + 'p.costs(error_value="4")',
            "line 3: costs: error_value '4': write a n",
        ),
        (
            HEAD + 'p.plan({"percent": 0})',
            "line 3: plan: plan[0].percent: A step gives",
        ),
        (
            HEAD + 'p.field("x", minimum="0")',
            "line 3: field x: minimum '0': write a nu",
        ),
        (
            HEAD + 'p.field("x", minimum=3, maximum=2)',
            "its minimum is above its maximum",
        ),
        (
            HEAD + 'p.field("x", categories="ab")',
            "field x: categories 'ab': write a li",
        ),
        (
            HEAD + 'p.baseline("b", GroupMean([]))',
            "line 3: baseline b: give a list of co",
        ),
        (HEAD + 'p.field("x", kin="text")', "line 3: field x: kin: write some of"),
        (HEAD + 'p.field("x", kind="txt")', "line 3: field x: kind 'txt': write one"),
    ],
)
def test_a_mistake_names_module_line_and_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, told: str
) -> None:
    assert told in broken(tmp_path, monkeypatch, body)


def test_a_look_up_may_not_hold_the_target() -> None:
    project = Project("p", task="binary", target="y")
    project.source("a", file="a.csv")
    with pytest.raises(DefinitionError, match="leave the target out"):

        @project.lookup("a", key="k")
        class Stored:
            y = Column()


def test_two_definitions_do_not_mix() -> None:
    one = Project("one", task="binary", target="y")
    two = Project("two", task="binary", target="y")
    one.features(a=Log("x"))
    one.baseline("b", Rule("x", "<", 1))
    assert not two.row_features
    assert not two.baselines


def test_a_source_outside_the_modules_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    link = tmp_path / "inside"
    link.mkdir()
    (link / "link.csv").symlink_to(tmp_path / "secret.csv")
    project = Project("p", task="binary", target="y")
    project.source("a", file="link.csv")
    with pytest.raises(sources.SourceError, match="leads elsewhere"):
        sources.read(project.sources[0], folder=link)
