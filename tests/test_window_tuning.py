"""Lengths of windows are parameters of a build, beside the models' own."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pytest_django import Settings

from mlsystem import baselines
from mlsystem.builder.families import families
from mlsystem.builder.lengths import Lengths
from mlsystem.builder.plan import Plan, TrialRow, TrialSpec
from mlsystem.builder.search import Study
from mlsystem.builder.trial import make
from registry import clock, datasets, definition_sync, featurizer, storage
from registry.featurizer import tuning
from registry.models import Project, Run, Step
from tests.factories import make_user
from tests.small_tables import FIELDS
from tests.test_window_truth import MODULE, T, trips

HOURS = {"line_delay.hours": {"low": 1, "high": 72, "log": True, "start": 6}}


def a_study(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "families": families(fields=FIELDS),
        "task": "regression",
        "metric": "mae",
        "fields": FIELDS,
        "lengths": HOURS,
    }
    return Study(**given | changes)


def told(study: Study, n: int) -> list[TrialRow]:
    """Trials whose error is the distance of the length from 30 hours."""
    rows: list[TrialRow] = []
    for _ in range(n):
        spec = study.next(rows)
        assert spec is not None
        hours = spec.params.get("line_delay.hours", 1)
        rows.append(
            TrialRow(
                number=spec.number,
                family=spec.family,
                params=spec.params,
                state="finished",
                score=abs(hours - 30) + 1,
                seconds=1.0,
            )
        )
    return rows


def test_a_build_starts_from_the_declared_length() -> None:
    first = told(a_study(), 3)
    assert [row.family for row in first] == ["dummy", "linear", "lightgbm"]
    assert "line_delay.hours" not in first[0].params
    assert [row.params["line_delay.hours"] for row in first[1:]] == [6, 6]


def test_the_study_finds_the_length_that_is_better() -> None:
    rows = told(a_study(patience=100), 40)
    hours = [row.params["line_delay.hours"] for row in rows[3:]]
    assert all(1 <= one <= 72 for one in hours)
    assert len(set(hours)) > 10
    assert min(rows, key=lambda row: row.score or 0).params[
        "line_delay.hours"
    ] == pytest.approx(30, abs=6)
    near = [abs(one - 30) < 15 for one in hours]
    assert sum(near[20:]) > sum(near[:10])


def test_lengths_have_two_digits_so_that_they_come_again() -> None:
    for row in told(a_study(), 12)[3:]:
        hours = row.params["line_delay.hours"]
        assert hours == float(f"{hours:.2g}")


def test_models_are_not_told_of_lengths() -> None:
    spec = TrialSpec(
        number=1, family="linear", params={"C": 2.0, "line_delay.hours": 7.0}, seed=0
    )
    plan = Plan(train="", target="y", task="regression", fields=FIELDS, metric="mae")
    family = families(names=["linear"], fields=FIELDS)["linear"]
    model = make(spec=spec, plan=plan, family=family)
    assert "line_delay.hours" not in model.params  # type: ignore[attr-defined]


@pytest.fixture
def project(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Project:
    """Trips whose delay is that of their line over the last day and a half."""
    name = f"tuned_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "trips.csv").write_text(trips(600))
    monkeypatch.syspath_prepend(tmp_path)
    settings.MLSYSTEM_DEFINITIONS = [name]
    with clock.moved_to(T):
        project, _ = definition_sync.install(slug="trips", by=make_user("Ada"))
        baselines.open_if_missing(project=project)
    return project


def a_step(project: Project) -> tuple[Step, pd.DataFrame, dict[str, Any]]:
    """A build's step, as the featurize and prepare steps leave it."""
    spec = featurizer.features_spec(project)
    rows = datasets.training_frame(project.datasets.get())
    seen = tuning.prepared(project, spec, rows)
    buffer = BytesIO()
    seen.table.to_parquet(buffer, index=False)
    stored = storage.put_bytes(path="test/seen.parquet", data=buffer.getvalue())
    run = Run.objects.create(project=project, number=1, budget_seconds=5)
    given = {"spec": spec, "seen": vars(stored), "kinds": seen.kinds}
    step = Step.objects.create(
        run=run, name="build", position=3, inputs={"windows": given}
    )
    return step, rows, spec


def test_a_trials_features_are_those_of_its_lengths(
    project: Project, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    step, rows, spec = a_step(project)
    lengths = Lengths(step)
    usual = TrialSpec(number=1, family="linear", params={"line_delay.hours": 6}, seed=0)
    assert lengths(usual) == ""
    longer = TrialSpec(
        number=2, family="linear", params={"line_delay.hours": 36}, seed=0
    )
    found = pd.read_parquet(lengths(longer))
    changed = featurizer.with_lengths(spec, {"line_delay": 36 * 3600 * 10**6})
    whole = featurizer.compute_frame(project=project, features=changed, frame=rows)
    assert list(found) == ["line_delay_n", "line_delay_mean"]
    pd.testing.assert_frame_equal(found, whole[list(found)])


def test_a_table_of_features_is_computed_once(
    project: Project,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DATA_DIR = tmp_path
    step, _, _ = a_step(project)
    spec = TrialSpec(number=2, family="linear", params={"line_delay.hours": 12}, seed=0)
    first = Lengths(step)(spec)
    monkeypatch.setattr(tuning, "retuned", None)
    assert Lengths(step)(spec) == first
