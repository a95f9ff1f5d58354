"""`manage.py score`: a file in, a file out; logged once, and said early what is wrong."""

import errno
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from registry.models import Job, Project
from serving.models import Prediction
from serving.scorings import tables
from tests.calls import Rest
from tests.factories import make_key, make_rows, make_serving

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK", 50)


@pytest.fixture
def project() -> Project:
    return make_serving().project


def customers(n: int) -> pd.DataFrame:
    return pd.DataFrame(make_rows(n))


def score(path: Path, out: Path) -> str:
    return call_command("score", "churn", str(path), "--out", str(out))


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".jsonl"])
def test_a_file_is_scored_from_the_command_line(
    project: Project, tmp_path: Path, kind: str
) -> None:
    frame = customers(120)
    frame["reference"] = [f"r{i}" for i in range(120)]
    frame["at"] = "2026-03-01T12:00:00Z"
    path, out = tmp_path / "in.csv", tmp_path / f"out{kind}"
    frame.to_csv(path, index=False)
    said = score(path, out)
    assert "120 rows by churn/1" in said
    result = {
        ".parquet": pd.read_parquet,
        ".csv": pd.read_csv,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
    }[kind](out)
    assert result["reference"].tolist() == frame["reference"].tolist()
    assert result["prediction"].tolist() == [
        "Yes" if tenure < 12 else "No" for tenure in frame["tenure"]
    ]
    assert Prediction.objects.filter(at="2026-03-01T12:00:00Z").count() == 120


def test_a_table_for_a_spreadsheet_holds_no_formula(
    project: Project, tmp_path: Path
) -> None:
    frame = customers(20)
    frame["reference"] = ["=1+1", *(f"r{i}" for i in range(1, 20))]
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    frame.to_csv(path, index=False)
    score(path, out)
    result = pd.read_csv(out)
    assert result["reference"].tolist()[:2] == ["'=1+1", "r1"]
    assert result["score"].dtype == float


def test_a_bad_row_is_an_error_in_its_place(project: Project, tmp_path: Path) -> None:
    frame = customers(60).astype(object)
    frame.loc[3, "tenure"] = "three"
    frame.loc[7, "monthly_charges"] = None
    frame.loc[55, "tenure"] = -4
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    frame.to_csv(path, index=False)
    assert "3 of them could not" in score(path, out)
    result = pd.read_parquet(out).set_index("row")
    assert result["error"].dropna().to_dict() == {
        4: "input.tenure: 'three': write a whole number.",
        8: "input.monthly_charges: This field is required.",
        56: "input.tenure: -4: write a number of at least 0.",
    }
    assert result["prediction"].isna().sum() == 3
    assert Prediction.objects.count() == 57


def test_a_file_without_the_models_columns_is_refused(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    customers(30).drop(columns=["monthly_charges"]).to_csv(path, index=False)
    with pytest.raises(CommandError, match="lacks monthly_charges"):
        score(path, tmp_path / "out.csv")
    assert not Prediction.objects.exists()


def test_the_same_command_goes_on_with_what_was_stopped(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    customers(200).to_csv(path, index=False)
    put = tables.put_part

    def interrupted(*given: Any) -> Any:
        if Prediction.objects.count() > 100:
            raise KeyboardInterrupt
        return put(*given)

    monkeypatch.setattr(tables, "put_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        score(path, out)
    monkeypatch.setattr(tables, "put_part", put)
    Job.objects.update(lease_until="2020-01-01T00:00:00Z")  # a minute later
    assert "200 rows" in score(path, out)
    assert Job.objects.count() == 1
    assert Prediction.objects.count() == 200


@pytest.mark.parametrize(
    ("file", "out", "words"),
    [
        ("gone.csv", "out.csv", "no file"),
        ("in.csv", "out.xlsx", "ends in"),
        ("in.csv", "nowhere/out.csv", "no folder"),
        ("in.csv", "folder.csv", "is a folder"),
        ("in.csv", f"{'x' * 300}.csv", "name too long"),
    ],
)
def test_the_command_says_what_is_wrong_before_it_scores(
    project: Project, tmp_path: Path, file: str, out: str, words: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    customers(20).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(CommandError, match=words):
        score(tmp_path / file, tmp_path / out)
    assert not Prediction.objects.exists()


@pytest.mark.faults
def test_a_result_that_cannot_be_written_is_kept(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    customers(20).to_csv(path, index=False)
    out.write_text("of yesterday")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(out))

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(CommandError, match=r"No space left.*All is scored") as refusal:
        score(path, out)
    kept = re.search(r"/scorings/(.+/file)", str(refusal.value))
    assert kept
    answer = Rest(project, make_key(project)).get(f"scorings/{kept[1]}")
    assert b"".join(answer.streaming_content).startswith(b"PAR1")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]
    assert out.read_text() == "of yesterday"


def test_a_link_goes_on_leading_to_what_it_led_to(
    project: Project, tmp_path: Path
) -> None:
    path, target = tmp_path / "in.csv", tmp_path / "shared" / "scores.csv"
    target.parent.mkdir()
    customers(20).to_csv(path, index=False)
    link = tmp_path / "out.csv"
    link.symlink_to(target)
    for _ in range(2):  # there is nothing behind it yet, and there is
        score(path, link)
        assert link.readlink() == target
        assert len(pd.read_csv(target)) == 20
        assert [p.name for p in target.parent.iterdir()] == ["scores.csv"]


def test_who_may_read_a_file_is_as_it_was_when_it_is_written_anew(
    project: Project, tmp_path: Path
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    customers(20).to_csv(path, index=False)
    out.touch()
    for mode in (0o600, 0o664):
        out.chmod(mode)
        score(path, out)
        assert out.stat().st_mode & 0o777 == mode


@pytest.mark.usefixtures("project")
def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    customers(20).to_csv(path, index=False)
    os.mkfifo(tmp_path / "pipe")
    out.symlink_to(tmp_path / "pipe")

    with pytest.raises(CommandError, match="is no file"):
        score(path, out)
    assert (tmp_path / "pipe").is_fifo()
    assert not Prediction.objects.exists()
