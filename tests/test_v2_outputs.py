"""Of the outputs that V2 metadata promises each comes, for every row; null where a row's
version gives none."""

from typing import Any

import pytest

from registry import definition_store
from registry.models import Project
from serving import rollout
from tests.calls import Rest
from tests.factories import make_key, make_serving, make_version
from tests.test_v2 import CHARGES, MODEL, TENURE, by_name, tensor

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
ROWS = 64  # so many that of every two versions each surely gets some


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A version that a function is, which says a class and no probability."""

    def by_tenure(row: dict) -> str:
        return "Yes" if row["tenure"] < 12 else "No"

    monkeypatch.setattr(definition_store, "baseline_function", lambda name: by_tenure)
    return {"function": "shop.churn:by_tenure", "algorithm": "function"}


def test_metadata_promises_what_a_function_can_give(by_hand: dict[str, Any]) -> None:
    project = make_serving(**by_hand).project
    rest = Rest(project, make_key(project))
    for place in (MODEL, f"{MODEL}/versions/1"):
        told = {each["name"] for each in rest.get(place).json()["outputs"]}
        wanted = {"inputs": [TENURE, CHARGES], "outputs": [{"name": n} for n in told]}
        body = rest.post(f"{place}/infer", wanted).json()
        assert set(by_name(body)) == told
        assert not {"score", "probabilities"} & told
    refused = wanted | {"outputs": [{"name": "probabilities"}]}
    assert rest.post(f"{place}/infer", refused).status_code == 400


@pytest.mark.parametrize("percent", [50, 100])
def test_what_one_row_lacks_is_null_and_takes_nothing_from_the_others(
    rest: Rest, project: Project, by_hand: dict[str, Any], percent: int
) -> None:
    """Live gives probabilities, and its metadata says so; the canary gives none."""
    row = rollout.of_project(project)
    rollout.start(
        rollout=row,
        candidate=make_version(project, **by_hand),
        mode="canary",
        percent=percent,
        by="a test",
        revision=row.revision,
    )
    promised = {each["name"] for each in rest.get(MODEL).json()["outputs"]}
    assert {"score", "probabilities"} <= promised
    many = [tensor("tenure", "INT64", [3] * ROWS)]
    many += [tensor("monthly_charges", "FP64", [100.0] * ROWS)]
    wanted = {"inputs": many, "outputs": [{"name": name} for name in promised]}
    answer = rest.post(f"{MODEL}/infer", wanted)
    assert answer.status_code == 200, answer.content
    told = by_name(answer.json())
    assert set(told) == promised
    assert told["probabilities"]["shape"] == [ROWS, 2]
    shares = told["probabilities"]["data"]
    lacks = [name == "churn/2" for name in told["model"]["data"]]
    assert any(lacks)
    assert all(lacks) == (percent == 100)
    assert [score is None for score in told["score"]["data"]] == lacks
    assert [share is None for share in shares[::2]] == lacks
    assert [share is None for share in shares[1::2]] == lacks
