"""Answers of one version that fared all alike: the other's spread stands in for theirs, so
that a constant baseline can be beaten; of both, nobody knows anything."""

import math

import numpy as np
import pytest

from monitoring.evaluator.moments import Moments
from monitoring.judging.statistics import confidence_sequence
from monitoring.judging.strata import Strata
from monitoring.owner.cards import rollout_card
from registry.models import Project
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_project
from tests.hours import BEGAN, DAY, HOUR, both, compared, rows, start_canary

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    return make_project(silence="unknown", autopilot="automatic")


@pytest.fixture
def canary(project: Project) -> Rollout:
    return start_canary(project)


@pytest.mark.parametrize(("gain", "verdict"), [(0.2, "better"), (-0.2, "worse")])
def test_a_live_baseline_with_one_constant_loss_can_be_beaten(
    canary: Rollout, gain: float, verdict: str
) -> None:
    """`majority` of two even classes costs ln 2 on every row."""
    flat = math.log(2)
    for n in range(50):
        both(
            canary, BEGAN + n * HOUR,
            rows(100, flat - gain, spread=0.5), rows(900, flat, spread=0.0),
        )  # fmt: skip

    assert compared(canary, after=3 * DAY)["verdict"] == verdict


def test_no_costly_answer_yet_is_not_better_than_live_with_a_few(
    canary: Rollout,
) -> None:
    """Of two hundred there might have been none by chance: live's spread counts."""
    costly = Moments.of([0.0] * 1980 + [100.0] * 20)
    both(canary, BEGAN, rows(200, 0.0, spread=0.0), costly)

    found = compared(canary, after=DAY)

    assert found["verdict"] == "wait"
    assert found["difference"]["low"] < 0 < found["difference"]["high"]


@pytest.mark.parametrize("flat_is_ours", [True, False])
def test_an_arm_that_is_flat_so_far_is_rarely_called_other_than_it_is(
    *, flat_is_ours: bool
) -> None:
    """Rare costs of the same model on both sides, a look an hour."""
    rng, called = np.random.default_rng(11), 0
    for _ in range(200):
        found, wrong = Strata(), False
        for _ in range(60):
            few, many = (
                Moments.of(100.0 * (rng.random(size) < 0.002)) for size in (10, 190)
            )
            found.add(*((few, many) if flat_is_ours else (many, few)))
            gap = found.difference()
            if found.known >= 100 and gap is not None:
                reach = confidence_sequence(gap)
                wrong |= reach.low > 0 or reach.high < 0
        called += wrong
    assert called / 200 < 0.05


def test_the_owner_reads_why_answers_that_fared_alike_give_no_verdict(
    canary: Rollout,
) -> None:
    both(canary, BEGAN, rows(100, 0, spread=0), rows(100, 0.1, spread=0))

    card = rollout_card(rollouts.of_project(canary.project), now=BEGAN + DAY)

    words = "ll answers of each fared alike, so nobody knows how others will."
    assert card["sentence"].endswith(f"holding: a{words}")
    assert compared(canary, after=DAY)["text"].endswith(f"A{words}")
