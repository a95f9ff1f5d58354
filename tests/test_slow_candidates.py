"""A candidate that is slow is found out, and makes nobody else look slow."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitoring.judging.guardrails import Alone, guardrails
from monitoring.monitor.inputs import fold_inputs
from monitoring.monitor.series import Sum
from registry.actors import COMMAND_LINE
from registry.clock import now
from registry.models import ModelVersion
from registry.versions import forget_loaded, load_version
from serving import rollout as rollouts
from serving.frontend import asking, front
from serving.models import Prediction
from tests.factories import make_canary, make_rows, make_serving


class Clock:
    """Seconds that pass only where somebody works."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    forget_loaded()
    found = Clock()
    for module in (asking, front):
        monkeypatch.setattr(module, "perf_counter", found)
    yield found
    forget_loaded()


def slow_down(
    version: ModelVersion, clock: Clock, *, a_row: float, fails: bool = False
) -> None:
    loaded = load_version(version)
    well = loaded._model

    class Slow:
        fields, classes_, predict = well.fields, well.classes_, well.predict

        def predict_proba(self, table: Any) -> Any:
            clock.seconds += a_row * table.n
            if fails:
                raise ValueError("too late")
            return well.predict_proba(table)

    loaded._model = Slow()


def latencies(answers: list[Any]) -> dict[str, set[float]]:
    found: dict[str, set[float]] = {}
    for answer in answers:
        found.setdefault(answer["variant"], set()).add(answer["latency_ms"])
    return found


@pytest.mark.django_db
@pytest.mark.touches_services
def test_in_a_batch_each_version_has_its_own_latency(clock: Clock) -> None:
    project = make_serving().project
    canary = make_canary(project, percent=50)
    slow_down(canary.live, clock, a_row=0.002)
    slow_down(canary.candidate, clock, a_row=0.5)
    asked = [{"input": row, "user": f"u{i}"} for i, row in enumerate(make_rows(40))]

    answers = front.predict_batch(
        project=project, requests=asked, actor=COMMAND_LINE, now=now()
    )

    assert latencies(answers) == {"live": {2.0}, "canary": {500.0}}
    stored = Prediction.objects.values_list("role", "latency_ms")
    assert {(role, round(ms, 6)) for role, ms in stored} == {
        ("live", 2.0),
        ("canary", 500.0),
    }


@pytest.mark.django_db
@pytest.mark.touches_services
def test_a_failure_took_as_long_as_whoever_failed(clock: Clock) -> None:
    project = make_serving().project
    canary = make_canary(project)
    slow_down(canary.live, clock, a_row=0.002)
    slow_down(canary.candidate, clock, a_row=0.5, fails=True)

    answer = front.predict(
        project=project, request={"input": make_rows(1)[0]}, actor=COMMAND_LINE,
        now=now(),
    )  # fmt: skip

    assert answer["latency_ms"] == 502.0  # what the client waited
    failed = Prediction.objects.get(shadow_of=answer["id"])
    assert failed.latency_ms == pytest.approx(500.0)
    assert rollouts.of_project(project).candidate


def measured(latencies_ms: Any) -> Sum:
    n = len(latencies_ms)
    inputs = fold_inputs({"features": {}}, [{}] * n, latencies_ms=latencies_ms)
    return Sum(n=n, packed_inputs=[inputs.pack()])


def slowness(live: Any, candidate: Any) -> dict[str, Any]:
    return guardrails(measured(live), measured(candidate), [], Alone([], []))[1]


def test_chance_among_few_answers_is_no_slowness() -> None:
    """Seven slow ones of a hundred may be five: where one is in twenty, 95 % are quick."""
    few = slowness([10.0] * 5000, [10.0] * 93 + [400.0] * 7)
    many = slowness([10.0] * 5000, [10.0] * 9300 + [400.0] * 700)
    assert (few["ok"], few["safe"]) == (True, False)
    assert few["low"] < few["limit"] < few["value"] <= few["high"]
    assert not many["ok"]


def test_quick_answers_are_safe_once_they_are_a_hundred() -> None:
    assert not slowness([10.0] * 5000, [10.0] * 99)["safe"]
    assert slowness([10.0] * 5000, [10.0] * 100)["safe"]
    assert not slowness([10.0] * 50, [10.0] * 5000)["safe"]  # live is hardly known
    assert slowness([10.0] * 50, [900.0] * 5000)["ok"]


def test_a_candidate_as_slow_as_is_allowed_is_rarely_taken_back() -> None:
    """Long tails, and a look every hundred answers: the percentile alone passes its
    limit in most of the runs."""
    rng, broken, beyond = np.random.default_rng(5), 0, 0
    live = rng.lognormal(4, 1.2, 5000)
    for _ in range(100):
        ours = rng.lognormal(4, 1.2, 2000) * 2  # exactly as slow as is allowed
        looks = [slowness(live, ours[:n]) for n in range(100, 2001, 100)]
        broken += any(not look["ok"] for look in looks)
        beyond += any(look["value"] > look["limit"] for look in looks)
    assert broken / 100 < 0.05
    assert beyond / 100 > 0.5
