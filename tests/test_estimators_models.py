"""Every model that can sit inside an artefact keeps the same promises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry.estimators.base import Servable, UntrainableError
from registry.estimators.baselines import (
    GroupMean,
    Majority,
    MeanBaseline,
    Rule,
)
from registry.estimators.boosting import Boosting
from registry.estimators.kernel import Kernel
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

ALL_FIELDS = [*FIELDS, TEXT]
Make = Callable[[str], Servable]


def _with(make: Any, **extra: Any) -> Make:
    return lambda task: make(
        task=task, fields=ALL_FIELDS, classes=CLASSES[task], **extra
    )


SMALL_TREES = {"n_estimators": 20, "min_data_in_leaf": 5}
MODELS: dict[str, tuple[Make, tuple[str, ...]]] = {
    "majority": (_with(Majority), ("binary", "multiclass")),
    "mean": (_with(MeanBaseline), ("regression",)),
    "median": (_with(MeanBaseline, statistic="median"), ("regression",)),
    "group mean": (_with(GroupMean, keys=["colour", "rooms"]), TASKS),
    "rule": (
        lambda task: Rule(
            task=task, fields=ALL_FIELDS, classes=CLASSES[task],
            column="size", operator=">=", value=55, then=CLASSES[task][-1],
        ),
        ("binary", "multiclass"),
    ),
    "linear": (_with(Linear), TASKS),
    "linear, balanced": (
        _with(Linear, params={"class_weight": "balanced", "min_frequency": 10}),
        ("binary", "multiclass"),
    ),
    "huber": (_with(Linear, params={"loss": "huber"}), ("regression",)),
    "kernel": (_with(Kernel, params={"landmarks": 150}), TASKS),
    "boosting": (_with(Boosting, params=SMALL_TREES), TASKS),
    "boosting, balanced": (
        _with(Boosting, params=SMALL_TREES | {"class_weight": "balanced"}),
        ("binary", "multiclass"),
    ),
    "boosting, l1": (
        _with(Boosting, params=SMALL_TREES | {"objective": "l1"}), ("regression",)
    ),
}  # fmt: skip
CASES = [(name, task) for name, (_, tasks) in MODELS.items() for task in tasks]
every_model = pytest.mark.parametrize(("name", "task"), CASES)


def fitted(name: str, task: str, *, n: int = 300) -> Servable:
    frame = make_rows(n)
    return MODELS[name][0](task).fit(frame, truth_of(frame, task))


@every_model
def test_answers_have_the_promised_shapes(name: str, task: str) -> None:
    model, frame = fitted(name, task), make_rows(40, seed=7)

    raw, said = model.predict_raw(frame), model.predict(frame)

    assert said.shape == (40,)
    if task == "regression":
        assert raw.shape == (40,)
        np.testing.assert_array_equal(raw, said)
        with pytest.raises(TypeError):
            model.predict_proba(frame)
        return
    proba = model.predict_proba(frame)
    assert raw.shape == ((40,) if task == "binary" else (40, 3))
    assert proba.shape == (40, len(CLASSES[task]))
    assert model.classes_ == CLASSES[task]
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert set(said) <= set(CLASSES[task])


@every_model
def test_contributions_add_up_with_the_base_to_the_raw_output(
    name: str, task: str
) -> None:
    model, frame = fitted(name, task), make_rows(40, seed=7)

    base, contributions = model.contributions(frame)

    total = base + sum(contributions.values())
    np.testing.assert_allclose(total, model.predict_raw(frame), atol=1e-6)
    assert set(contributions) <= {field["name"] for field in ALL_FIELDS}
    assert np.ptp(base, axis=0).max() == pytest.approx(0)  # the same for every row
    for part in contributions.values():
        assert part.shape == base.shape


@every_model
def test_a_row_is_answered_alike_alone_as_a_dict_and_in_a_frame(
    name: str, task: str
) -> None:
    model, frame = fitted(name, task), make_rows(12, seed=7)

    together = model.predict_raw(frame)

    for index, row in enumerate(as_dicts(frame)):
        np.testing.assert_allclose(
            model.predict_raw([row])[0], together[index], atol=1e-9
        )


@every_model
def test_rows_with_nothing_known_or_never_seen_are_answered(
    name: str, task: str
) -> None:
    model = fitted(name, task)
    strange = {
        "size": 1e300,
        "rooms": -5,
        "colour": "ultraviolet 🌈",
        "built": "1850-01-01",
        "note": "",
        "unknown": 1,
    }
    raw = model.predict_raw([{}, strange, dict.fromkeys(strange)])

    assert np.isfinite(raw).all()
    np.testing.assert_allclose(raw[0], raw[2])


@every_model
def test_training_twice_gives_the_same_model(name: str, task: str) -> None:
    frame = make_rows(30, seed=3)

    np.testing.assert_array_equal(
        fitted(name, task).predict_raw(frame), fitted(name, task).predict_raw(frame)
    )


@pytest.mark.parametrize("name", ["linear", "boosting", "kernel"])
@pytest.mark.parametrize("task", TASKS)
def test_learned_models_beat_the_dummy_on_new_rows(name: str, task: str) -> None:
    frame = make_rows(400, seed=11)
    truth = np.array(truth_of(frame, task, seed=12))

    said = fitted(name, task, n=600).predict(frame)

    if task == "regression":
        assert np.mean((said - truth) ** 2) < 0.5 * np.var(truth)
    else:
        most = max(np.mean(truth == c) for c in CLASSES[task])
        assert np.mean(said == truth) > most + 0.1


@pytest.mark.parametrize(
    "name", ["linear", "boosting", "kernel", "group mean", "majority"]
)
def test_a_class_missing_from_training_keeps_its_column(name: str) -> None:
    frame = make_rows(200)
    truth = [
        "low" if size == "low" else "high" for size in truth_of(frame, "multiclass")
    ]

    model = MODELS[name][0]("multiclass").fit(frame, truth)

    proba = model.predict_proba(frame)
    assert proba.shape == (200, 3)
    assert proba[:, 1].max() < 0.01
    base, parts = model.contributions(frame)
    np.testing.assert_allclose(
        base + sum(parts.values()), model.predict_raw(frame), atol=1e-6
    )


@pytest.mark.parametrize("make", [Linear, Boosting])
def test_weighting_classes_leaves_probabilities_calibrated(make: Any) -> None:
    frame = make_rows(2000)
    truth = np.array(truth_of(frame, "binary"))
    rare = frame[(truth == "no") | (np.arange(2000) % 5 == 0)]
    truth = np.array(truth_of(rare, "binary"))

    model = make(
        task="binary",
        fields=ALL_FIELDS,
        classes=["no", "yes"],
        params={"class_weight": "balanced"},
    ).fit(rare, truth)

    share = np.mean(truth == "yes")
    assert share < 0.25
    assert model.predict_proba(rare)[:, 1].mean() == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("make", [Linear, Boosting, Kernel])
def test_one_class_cannot_be_learned_and_the_reason_is_told(make: Any) -> None:
    model = make(task="binary", fields=FIELDS, classes=["no", "yes"])

    with pytest.raises(UntrainableError, match="All rows are 'no'"):
        model.fit(make_rows(20), ["no"] * 20)


def test_a_truth_that_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="maybe"):
        Majority(task="binary", fields=FIELDS, classes=["no", "yes"]).fit(
            make_rows(2), ["no", "maybe"]
        )


def test_columns_that_are_all_missing_do_not_stop_training() -> None:
    frame = make_rows(60).assign(size=None, colour=None, note=None, built=None)
    truth = truth_of(make_rows(60), "binary")

    for make in (Linear, Boosting):
        model = make(task="binary", fields=ALL_FIELDS, classes=["no", "yes"])
        assert np.isfinite(model.fit(frame, truth).predict_raw(frame)).all()


def test_a_column_of_ten_thousand_categories_is_learned_and_kept_small() -> None:
    frame = pd.DataFrame({"id": [f"c{i % 10_000}" for i in range(12_000)]})
    truth = ["yes" if i % 3 else "no" for i in range(12_000)]
    fields = [{"name": "id", "kind": "categorical"}]

    for make in (Linear, Boosting):
        model = make(task="binary", fields=fields, classes=["no", "yes"])
        model.fit(frame, truth)
        base, parts = model.contributions(frame[:5])
        np.testing.assert_allclose(base + parts["id"], model.predict_raw(frame[:5]))


def test_text_alone_teaches_the_linear_family_and_not_the_trees() -> None:
    frame = make_rows(300)
    truth = ["yes" if note == "loud street" else "no" for note in frame["note"]]

    linear = Linear(task="binary", fields=[TEXT], classes=["no", "yes"])

    said = linear.fit(frame, truth).predict(frame)
    assert np.mean(said == np.array(truth)) > 0.99
    with pytest.raises(UntrainableError, match="no field"):
        Boosting(task="binary", fields=[TEXT], classes=["no", "yes"]).fit(frame, truth)
