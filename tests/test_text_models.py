"""Models read text: any script, empty or never heard of, with context beside it; and
every word that spoke for an answer is named with what it adds, exactly."""

import json
from typing import Any

import numpy as np
import pytest

from registry import artefact
from registry.answering import ranked
from registry.estimators.linear import Linear
from registry.estimators.table import category

NOTE = {"name": "remarks", "kind": "text"}
PHASE = {"name": "phase", "kind": "categorical"}
ODD = [
    {},
    {"remarks": ""},
    {"remarks": "   \n\t"},
    {"remarks": "!!! ??? ..."},
    {"remarks": "Wörter, die niemand kennt: ☂ 🦅 鳥が衝突した"},
    {"remarks": "ENGINE " * 10_000},
    {"remarks": "\u202eengine\u0000", "phase": "Climb"},
]


def reports(n: int = 300) -> tuple[list[dict[str, Any]], list[str]]:
    rng = np.random.default_rng(0)
    rows, names = [], []
    for _ in range(n):
        name = str(rng.choice(["none", "landing", "aborted"], p=[0.6, 0.25, 0.15]))
        words = {"none": "no damage found", "landing": "returned and landed engine vibration",
                 "aborted": "rejected takeoff engine"}[name].split()  # fmt: skip
        said = [str(w) for w in rng.choice(words, 3)] + [
            str(rng.choice(["bird", "gull"]))
        ]
        rows.append({"remarks": " ".join(said) if rng.random() > 0.1 else None,
                     "phase": "Take-off" if name == "aborted" else "Climb"})  # fmt: skip
        names.append(name)
    return rows, names


@pytest.fixture(scope="module")
def model() -> Linear:
    made = Linear(task="multiclass", fields=[NOTE, PHASE],
                  classes=["none", "landing", "aborted"])  # fmt: skip
    return made.fit(*reports())


def test_text_and_context_are_learned_together(model: Linear) -> None:
    said = model.predict(
        [
            {"remarks": "engine vibration, returned", "phase": "Climb"},
            {"remarks": "no damage", "phase": "Climb"},
            {"remarks": "engine", "phase": "Take-off"},
        ]
    )
    assert said.tolist() == ["landing", "none", "aborted"]


@pytest.mark.parametrize("row", ODD)
def test_odd_text_is_answered(model: Linear, row: dict[str, Any]) -> None:
    assert np.isfinite(model.predict_raw([row])).all()
    assert model.predict_proba([row]).sum() == pytest.approx(1)


def test_every_word_has_its_share_and_they_add_up(model: Linear) -> None:
    rows = [{"remarks": "No DAMAGE, gull; engine vibration", "phase": "Climb"}, *ODD]
    base, parts = model.explained(rows)
    raw = model.predict_raw(rows)
    for row in range(len(rows)):
        total = base[row] + sum(part.adds for part in parts[row])
        np.testing.assert_allclose(total, raw[row], atol=1e-9)
    words = {part.what for part in parts[0] if part.field == "remarks"}
    assert words == {"no", "damage", "gull", "engine", "vibration"}
    assert [p.what for p in parts[1]] == [None, None]  # an empty text says nothing


def test_a_word_that_is_not_there_adds_nothing(model: Linear) -> None:
    base, parts = model.explained([{"remarks": "", "phase": "Climb"}])
    (empty,) = [part for part in parts[0] if part.field == "remarks"]
    np.testing.assert_allclose(empty.adds, 0, atol=1e-12)
    assert np.isfinite(base).all()


def test_a_long_text_lists_its_loudest_words_and_sums_up_the_rest() -> None:
    parts: list[tuple[str, str | None, float]] = [
        ("remarks", f"w{i}", float(-i)) for i in range(50)
    ]
    shown = ranked([*parts, ("phase", None, 0.5)])
    assert shown[1] == ("remarks", "w49", -49.0)
    assert ("remarks", "30 more words", -435.0) in shown
    assert sum(adds for _, _, adds in shown) == pytest.approx(-1225 + 0.5)


def test_twelve_classes_keep_their_columns_also_where_one_has_no_row() -> None:
    names = [f"c{i}" for i in range(12)]
    rows = [{"remarks": f"word{i % 11} and bird"} for i in range(220)]
    model = Linear(task="multiclass", fields=[NOTE], classes=names)
    model.fit(rows, [names[i % 11] for i in range(220)])
    proba = model.predict_proba([{"remarks": "word7"}])
    assert proba.shape == (1, 12)
    assert proba.argmax() == 7
    assert proba[0, 11] < 1e-6


def test_a_stored_model_of_text_answers_alike(model: Linear, tmp_path: Any) -> None:
    saved = artefact.save(model, tmp_path / "m.skops")
    back = artefact.load(tmp_path / "m.skops", sha256=saved.sha256)
    np.testing.assert_array_equal(back.predict_raw(ODD), model.predict_raw(ODD))
    golden = json.loads(json.dumps(artefact.golden_rows(model, ODD)))
    artefact.check_golden(back, golden)
    assert len(golden) == len(ODD)


def test_missing_and_empty_remarks_are_the_same() -> None:
    assert category(None) == category("") == category(float("nan")) == ""
