"""Every family explains itself: base plus contributions is what the model said."""

import math
from typing import Any

import pytest

from registry.models import Project
from registry.versions import load_version
from tests.calls import Rest
from tests.factories import (
    FIELDS,
    make_key,
    make_project,
    make_rows,
    make_serving,
    make_truth,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

ROWS = make_rows(150)
TRUTH: dict[str, list[Any]] = {
    "binary": make_truth(ROWS),
    "multiclass": [
        f"c{i % 3 if row['tenure'] > 20 else 0}" for i, row in enumerate(ROWS)
    ],
    "regression": [row["tenure"] * 1.5 + row["monthly_charges"] for row in ROWS],
}
CLASSES = {
    "binary": ["No", "Yes"],
    "multiclass": ["c0", "c1", "c2"],
    "regression": [],
}
ODD_ROWS: list[dict[str, Any]] = [
    {"monthly_charges": 50.0},
    {"monthly_charges": 1e9, "tenure": 0, "contract": "never seen", "paperless": False},
    {"monthly_charges": -1e9, "tenure": 10**9, "contract": "", "paperless": None},
    {"monthly_charges": 0.0, "contract": "Zwei Jähre ☂"},
]


def fitted(family: str, task: str) -> Any:
    from registry.estimators.baselines import make_baseline
    from registry.estimators.boosting import Boosting
    from registry.estimators.linear import Linear

    given: dict[str, Any] = {
        "task": task,
        "fields": FIELDS,
        "classes": CLASSES[task],
    }
    made: Any
    if family == "linear":
        made = Linear(**given)
    elif family == "boosting":
        made = Boosting(**given, params={"n_estimators": 20, "num_leaves": 7})
    else:
        made = make_baseline(kind="group_mean", params={"keys": ["contract"]}, **given)
    return made.fit(ROWS, TRUTH[task])


def project_of(task: str) -> Project:
    return make_project(
        task=task,
        classes=CLASSES[task],
        positive_class="Yes" if task == "binary" else "",
        unit="minutes" if task == "regression" else "",
        costs={},
        decision={},
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("family", ["linear", "boosting", "group_mean"])
def test_base_and_contributions_are_the_models_own_output(
    family: str, task: str
) -> None:
    project = project_of(task)
    make_serving(project, model=fitted(family, task))
    rest = Rest(project, make_key(project))
    requests = [{"input": row, "explain": True} for row in [*ROWS[:20], *ODD_ROWS]]
    answers = rest.post("predict/batch", {"requests": requests}).json()["responses"]
    for answer in answers:
        told = answer["explanation"]
        parts = [part["contribution"] for part in told["contributions"]]
        assert told["base"] + math.fsum(parts) == pytest.approx(
            told["total"], rel=1e-6, abs=1e-6
        )
        assert told["approximate"] is False
        sizes = [abs(part) for part in parts]
        assert sizes == sorted(sizes, reverse=True)
        _is_the_answer(told, answer, task)


def _is_the_answer(told: dict[str, Any], answer: dict[str, Any], task: str) -> None:
    if task == "regression":
        assert told["unit"] == "minutes"
        assert "of" not in told
        assert told["total"] == pytest.approx(answer["prediction"])
        return
    assert told["unit"] == "log-odds"
    if task == "binary":
        assert told["of"] == "Yes"
        share = 1 / (1 + math.exp(min(-told["total"], 700.0)))
        assert share == pytest.approx(answer["score"], abs=1e-9)
    else:
        assert told["of"] == answer["prediction"]


def test_an_explanation_that_does_not_add_up_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = project_of("binary")
    rollout = make_serving(project, model=fitted("linear", "binary"))
    loaded = load_version(rollout.live)
    honest = loaded._model.explained

    def lies(rows: Any) -> Any:
        base, parts = honest(rows)
        return base + 0.1, parts

    monkeypatch.setattr(loaded._model, "explained", lies)
    rest = Rest(project, make_key(project))
    answer = rest.post("predict", {"input": ROWS[0], "explain": True}).json()
    assert "explanation" not in answer
    assert "could not explain itself" in answer["warnings"][0]["message"]
