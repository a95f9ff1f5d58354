"""A run over windows: their lengths are tuned with the model, kept with the version, and
what they bring is measured on the sealed rows."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from mlsystem import baselines, tasks  # noqa: F401  # registers the tasks
from mlsystem.builder import trials
from mlsystem.orchestrator import pipeline
from registry import clock, definition_sync
from registry.models import Project, Run
from tests.factories import make_user
from tests.test_orchestrator import work_all
from tests.test_window_truth import MODULE, T, trips

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
]


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Project:
    """Trips whose delay is mostly that of their line."""
    name = f"run_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "trips.csv").write_text(trips(1200))
    monkeypatch.syspath_prepend(tmp_path)
    settings.MLSYSTEM_DEFINITIONS = [name]
    with clock.moved_to(T):
        project, _ = definition_sync.install(slug="trips", by=make_user("Ada"))
        baselines.open_if_missing(project=project)
    return project


def finished(project: Project, **params: Any) -> Run:
    run = pipeline.start(
        project=project,
        now=clock.now(),
        budget=3600,  # a busy machine is slow; the number of trials ends it
        train=project.datasets.get(),
        params={"algorithms": ["linear"], "slots": 1, **params},
    )
    work_all(run)
    assert run.state == Run.State.SUCCEEDED, run.error
    return run


def test_a_run_tunes_the_window_and_the_version_keeps_what_it_chose(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "MOST_TRIALS", 1)
    plain = finished(project, fields=["size"])
    without = plain.versions.get()
    assert without.features["windows"] == {}
    assert [field["name"] for field in without.features["fields"]] == ["size"]
    monkeypatch.setattr(trials, "MOST_TRIALS", 4)
    run = finished(project, fields=["size", "line_delay_n", "line_delay_mean"])
    tried = {t.params["line_delay.hours"] for t in run.trials.filter(state="finished")}
    assert len(tried) > 1
    version = run.versions.get()
    chosen = version.features["windows"]["line_delay"]["microseconds"]
    assert chosen == round(version.params["line_delay.hours"] * 3600 * 10**6)
    replayed = next(r for r in run.reasons if r["rule"] == "same features")
    assert replayed["passed"]
    assert replayed["numbers"] == {"rows": 200, "differences": 0}
    brings = version.card["windows_bring"]
    assert (brings["with"], brings["without"]) == (version.number, without.number)
    assert brings["windows"] == ["line_delay"]
    assert brings["low"] <= brings["gain"] <= brings["high"]
    assert brings["n"] == project.datasets.get().split.counts["test"]
