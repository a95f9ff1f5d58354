"""Models read images: they learn what is to be seen, answer it at any size, and tell
which part of an image spoke for it."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlsystem.builder.families import families
from registry import artefact
from registry.estimators.base import Servable
from registry.estimators.kernel import Kernel
from registry.estimators.linear import Linear
from tests.small_images import IMAGE, bars, encoded, of_pixels

KINDS = pytest.mark.parametrize("make", [Linear, Kernel])
CLASSES = ["lying", "standing"]


def fitted(make: Any, *, fields: Any = (IMAGE,), n: int = 240) -> Servable:
    texts, names = bars(n)
    rows = [{"photo": text, "weight": i % 7} for i, text in enumerate(texts)]
    return make(task="binary", fields=fields, classes=CLASSES).fit(rows, names)


def test_the_kernel_learns_what_single_pixels_do_not_tell() -> None:
    texts, names = bars(100, seed=1)
    rows = [{"photo": text} for text in texts]
    assert np.mean(fitted(Kernel).predict(rows) == np.array(names)) > 0.95


@KINDS
def test_an_image_in_another_size_or_format_is_answered_nearly_alike(make: Any) -> None:
    model = fitted(make)
    pixels = np.full((8, 8), 30)
    pixels[3] = 220
    large = Image.fromarray(pixels.astype(np.uint8)).resize((512, 512), 0)
    same = [of_pixels(pixels), encoded(large), encoded(large, "WEBP", lossless=True)]
    answers = model.predict_raw([{"photo": text} for text in same])
    assert np.ptp(answers) < 0.2 * np.abs(answers).max() + 0.2


@KINDS
def test_rows_without_an_image_or_in_colour_are_answered(make: Any) -> None:
    model = fitted(make)
    odd = [{}, {"photo": None}, {"photo": encoded(Image.new("RGB", (90, 3), "red"))}]
    assert np.isfinite(model.predict_raw(odd)).all()


@KINDS
def test_an_image_and_other_fields_are_read_together(make: Any) -> None:
    fields = [IMAGE, {"name": "weight", "kind": "numeric"}]
    model = fitted(make, fields=fields)
    text = bars(1)[0][0]
    rows = [{"photo": text, "weight": 1}, {"photo": text, "weight": 6}]
    assert np.ptp(model.predict_raw(rows)) > 0


@KINDS
def test_regions_of_an_image_add_up_to_the_answer(make: Any) -> None:
    model = fitted(make, fields=[IMAGE, {"name": "weight", "kind": "numeric"}])
    rows = [{"photo": t, "weight": 2} for t in bars(5, seed=2)[0]] + [{"weight": 2}]
    base, parts = model.explained(rows)
    raw = model.predict_raw(rows)
    for row in range(len(rows)):
        assert base[row] + sum(p.adds for p in parts[row]) == pytest.approx(raw[row])
    regions = [p.what for p in parts[0] if p.field == "photo"]
    assert len(regions) == 16
    assert regions[0] == "row 1 of 4, column 1 of 4"
    assert model.approximate is (make is Kernel)


def test_the_region_where_the_bar_is_speaks_loudest() -> None:
    pixels = np.full((8, 8), 30)
    pixels[6] = 220
    (parts,) = fitted(Kernel).explained([{"photo": of_pixels(pixels)}])[1]
    by_row = {
        down: sum(
            abs(p.adds) for p in parts if p.what and p.what.startswith(f"row {down}")
        )
        for down in range(1, 5)
    }
    assert max(by_row, key=by_row.__getitem__) == 4


@KINDS
def test_a_stored_model_of_images_answers_alike_and_keeps_its_golden_rows(
    make: Any, tmp_path: Any
) -> None:
    model = fitted(make)
    rows = [{"photo": text} for text in bars(30, seed=3)[0]]
    saved = artefact.save(model, tmp_path / "model.skops")
    back = artefact.load(tmp_path / "model.skops", sha256=saved.sha256)
    np.testing.assert_array_equal(back.predict_raw(rows), model.predict_raw(rows))
    golden = json.loads(json.dumps(artefact.golden_rows(model, rows)))
    assert len(golden) == 30
    artefact.check_golden(back, golden)


def test_golden_rows_of_large_images_stay_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(artefact, "LARGEST_GOLDEN", 1000)
    rows = [{"photo": text} for text in bars(30, side=24)[0]]
    assert 1 <= len(artefact.golden_rows(fitted(Linear), rows)) < 5


def test_only_what_reads_images_is_tried_on_them() -> None:
    assert list(families(fields=[IMAGE])) == ["dummy", "linear", "kernel"]
    number = {"name": "weight", "kind": "numeric"}
    assert list(families(fields=[number])) == ["dummy", "linear", "lightgbm"]
    text = {"name": "note", "kind": "text"}
    assert list(families(fields=[text])) == ["dummy", "linear"]
    everything = families(fields=[number, text, IMAGE])
    assert list(everything) == ["dummy", "linear", "lightgbm", "kernel"]
