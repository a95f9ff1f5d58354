"""A model file is written whole, read only if it is ours, and answers as it did."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import mlsystem.examples
from mlsystem.builder.families import FAMILIES
from registry import artefact
from registry.artefact import check_golden, golden_rows, latency_us
from registry.catalogue import ALGORITHMS, BASELINES
from registry.errors import ArtifactError
from registry.estimators.base import Servable
from registry.estimators.baselines import make_baseline
from registry.estimators.boosting import Boosting
from registry.estimators.linear import Linear
from tests.small_tables import (
    CLASSES,
    FIELDS,
    TASKS,
    TEXT,
    as_dicts,
    make_rows,
    truth_of,
)
from tests.test_estimators_models import CASES, fitted


def linear(task: str = "binary") -> Servable:
    frame = make_rows(120)
    model = Linear(task=task, fields=[*FIELDS, TEXT], classes=CLASSES[task])
    return model.fit(frame, truth_of(frame, task))


@pytest.mark.parametrize(("name", "task"), CASES)
def test_every_model_answers_alike_after_it_was_stored(
    name: str, task: str, tmp_path: Path
) -> None:
    model, frame = fitted(name, task), make_rows(50, seed=5)
    golden = golden_rows(model, as_dicts(frame))

    saved = artefact.save(model, tmp_path / "model.skops")
    back = artefact.load(tmp_path / "model.skops", sha256=saved.sha256)

    np.testing.assert_array_equal(back.predict_raw(frame), model.predict_raw(frame))
    assert back.predict(frame).tolist() == model.predict(frame).tolist()
    assert back.name == model.name
    check_golden(back, json.loads(json.dumps(golden)))
    assert saved.size_bytes == (tmp_path / "model.skops").stat().st_size


# What each baseline is told, and for which task.
TOLD: dict[str, tuple[str, dict[str, Any]]] = {
    "majority": ("multiclass", {}),
    "mean": ("regression", {}),
    "group_mean": ("regression", {"keys": ["colour"]}),
    "recent_mean": ("regression", {"keys": ["colour"], "window": "week"}),
    "rule": ("binary", {"column": "size", "operator": ">", "value": 55, "then": "yes"}),
}
WINDOW = {"name": "week_mean", "kind": "numeric"}


def every_kind() -> Iterator[tuple[str, Servable]]:
    """A fitted model of each family, and of each baseline that is stored as a file."""
    rows = as_dicts(make_rows(120))
    for kind in sorted({*BASELINES} - {"function"}):
        task, params = TOLD[kind]
        fields = [*FIELDS, WINDOW]
        made: Servable = make_baseline(
            kind=kind, params=params, task=task, fields=fields, classes=CLASSES[task]
        )
        yield kind, made.fit(rows, truth_of(make_rows(120), task))
    for name in ALGORITHMS:
        family = FAMILIES[name]
        for task, metric in (("multiclass", "log_loss"), ("regression", "mae")):
            made = family.make(
                family.defaults(task, metric),
                task=task,
                fields=[*FIELDS, TEXT],
                classes=CLASSES[task],
                seed=0,
            )
            yield f"{name} {task}", made.fit(rows, truth_of(make_rows(120), task))


NOTHING_ABOVE = """
import json, sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

ABOVE = ("monitoring", "labelling", "serving", "django")
TRAINING = ("mlsystem.builder", "mlsystem.orchestrator", "mlsystem.demo")
sys.modules |= dict.fromkeys(("mlsystem", *ABOVE))
from registry import artefact
folder = Path(sys.argv[1])
for name, sha256 in json.loads((folder / "stored.json").read_text()).items():
    model = artefact.load(folder / name, sha256=sha256)
    print(name, model.predict([{"size": 1}])[0])

del sys.modules["mlsystem"]
sys.modules |= dict.fromkeys(TRAINING)
import mlsystem.examples
for module in iter_modules(mlsystem.examples.__path__):
    found = vars(import_module(f"mlsystem.examples.{module.name}")).values()
    print(module.name, *{type(one).__name__ for one in found} & {"Project"})
"""


def test_whatever_serves_is_read_where_nothing_that_trains_or_judges_is_there(
    tmp_path: Path,
) -> None:
    """Stored models, by the registry alone; definitions, without the floors beside."""
    stored = {
        name: artefact.save(model, tmp_path / name).sha256
        for name, model in every_kind()
    }
    (tmp_path / "stored.json").write_text(json.dumps(stored), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", NOTHING_ABOVE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    read = {line.rpartition(" ")[0] for line in done.stdout.splitlines()}
    examples = {one.stem for one in Path(mlsystem.examples.__path__[0]).glob("*.py")}
    assert read == {*stored, *examples} - {"__init__"}


@pytest.mark.faults
def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    saved = artefact.save(linear(), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(ArtifactError, match="was changed") as refused:
        artefact.load(path, sha256=saved.sha256)
    assert refused.value.permanent


@pytest.mark.faults
def test_a_missing_file_is_refused_for_good(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is missing") as refused:
        artefact.load(tmp_path / "gone.skops", sha256="0" * 64)
    assert refused.value.permanent


@pytest.mark.faults
def test_a_failing_disk_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read now") as refused:
        artefact.load(tmp_path, sha256="0" * 64)  # a directory
    assert not refused.value.permanent


def _loads(data: bytes, **options: Any) -> Any:
    from hashlib import sha256

    return artefact.loads(data, sha256=sha256(data).hexdigest(), **options)


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18],
    ids=["empty", "text", "no files"],
)
def test_what_is_no_skops_file_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="damaged"):
        _loads(data)


@pytest.mark.faults
def test_half_a_file_is_refused() -> None:
    data = artefact.dumps(linear())

    with pytest.raises(ArtifactError, match="damaged"):
        _loads(data[: len(data) // 2])


def skops_bytes(thing: Any) -> bytes:
    buffer = io.BytesIO()
    skops.io.dump(thing, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "thing",
    [
        os.system,
        partial(os.system, "true"),
        FunctionTransformer(os.system),
        "text".join,
        {"model": [OrderedDict, (os.getcwd,)]},
        LogisticRegression(),  # trusted by skops, not by us
    ],
    ids=["function", "partial", "transformer", "method", "hidden", "stranger"],
)
def test_a_file_that_holds_anything_but_our_types_is_refused(thing: Any) -> None:
    with pytest.raises(ArtifactError, match=r"refused|not allowed") as refused:
        _loads(skops_bytes(thing))
    assert refused.value.permanent


def forged(change: Any) -> bytes:
    """A good model file whose schema somebody edited."""
    source, target = io.BytesIO(artefact.dumps(linear())), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename == "schema.json":
                schema = json.loads(data)
                change(schema)
                data = json.dumps(schema).encode()
            new.writestr(entry, data)
    return target.getvalue()


def test_a_forged_type_in_a_good_file_is_refused_before_it_is_imported() -> None:
    def forge(schema: dict[str, Any]) -> None:
        schema["content"]["content"]["threshold_"] = {
            "__class__": "reached",
            "__module__": "tests.bomb",
            "__loader__": "ObjectNode",
            "__id__": 1,
        }

    with pytest.raises(ArtifactError, match=r"tests\.bomb\.reached: not allowed"):
        _loads(forged(forge))
    assert "tests.bomb" not in sys.modules


def test_an_older_protocol_is_refused() -> None:
    def forge(schema: dict[str, Any]) -> None:
        schema["protocol"] = 0

    with pytest.raises(ArtifactError, match="protocol"):
        _loads(forged(forge))


def test_a_schema_nested_without_end_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", '{"a":' * 5000 + "1" + "}" * 5000)

    with pytest.raises(ArtifactError, match="nested too deeply"):
        _loads(buffer.getvalue())


def test_a_file_that_unpacks_to_more_than_allowed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = artefact.dumps(linear())
    monkeypatch.setattr(artefact, "LARGEST_FILE", 1000)

    with pytest.raises(ArtifactError, match="unpacks to"):
        _loads(data)


def test_a_type_that_a_definition_names_may_be_stored_and_read() -> None:
    model = linear()
    model.helper_ = LogisticRegression()  # type: ignore[attr-defined]
    name = "sklearn.linear_model._logistic.LogisticRegression"

    with pytest.raises(ArtifactError, match="not allowed"):
        artefact.dumps(model)
    data = artefact.dumps(model, extra_types=[name])
    assert _loads(data, extra_types=[name]).helper_.C == 1.0


@pytest.mark.faults
def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(b"the old one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        artefact.save(linear(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.skops"]
    assert path.read_bytes() == b"the old one"


@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_answers_differently_fails_its_golden_rows(task: str) -> None:
    frame, model = make_rows(60), linear(task)
    golden = golden_rows(model, as_dicts(frame), limit=10)
    assert len(golden) == 10

    model.intercept_ = model.intercept_ + 1e-4  # type: ignore[attr-defined]

    with pytest.raises(ArtifactError, match="Golden row 0") as refused:
        check_golden(model, golden)
    assert refused.value.permanent


def test_a_flipped_label_fails_even_where_the_odds_are_equal() -> None:
    model = linear()
    golden = golden_rows(model, as_dicts(make_rows(60)))

    model.threshold_ = 0.9

    with pytest.raises(ArtifactError, match="answered differently"):
        check_golden(model, golden)


def test_the_time_of_a_row_is_measured_on_rows_that_may_be_few() -> None:
    frame = make_rows(60)
    model = Boosting(task="regression", fields=FIELDS, params={"n_estimators": 5})
    model.fit(frame, truth_of(frame, "regression"))

    assert 1 < latency_us(model, as_dicts(frame)[:1], repeats=5) < 1e6
