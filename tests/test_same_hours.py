"""Two versions are compared within the same hours: a hard day, a pause or a share that
changes makes no version better or worse."""

import json

import numpy as np
import pytest

from monitoring.evaluator.moments import Moments
from monitoring.judging.comparison import by_sequence
from monitoring.judging.evidence import history
from monitoring.judging.gain_chart import gain_chart
from monitoring.judging.rollouts import judge
from monitoring.judging.statistics import confidence_sequence
from monitoring.judging.strata import Strata
from monitoring.models import DayBucket
from monitoring.monitor import packing
from monitoring.monitor.days import merge_days
from registry import clock
from registry.models import Project
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_project, make_user, sign_in
from tests.hours import BEGAN, DAY, HOUR, both, compared, hour, rows, start_canary


def test_one_hour_alone_gives_the_published_difference() -> None:
    found = Strata()
    found.add(
        Moments.of_sums(3461, 2422.7, 134698.29),
        Moments.of_sums(3407, 1396.87, 52377.9767),
    )

    gap = found.difference()

    assert gap is not None
    assert gap.value == pytest.approx(0.29, abs=5e-4)
    assert gap.standard_error == pytest.approx(0.12478, abs=5e-6)
    assert gap.n == 3461 + 3407


def test_the_same_model_on_drifting_days_at_a_growing_share_is_rarely_called_worse() -> (
    None
):
    """Days by a fifth harder or easier, 1 % at first and half at last, a look a day."""
    rng, called, pooled = np.random.default_rng(7), 0, 0
    shares = np.repeat([0.01, 0.05, 0.25, 0.5], 7)
    for _ in range(200):
        found, ours, theirs = Strata(), Moments(), Moments()
        worse = naive = False
        for share in shares:
            level = 20 * rng.lognormal(0, 0.2)
            n = rng.binomial(1000, share)
            candidate, live = (
                Moments.of(rng.exponential(level, size)) for size in (n, 1000 - n)
            )
            found.add(candidate, live)
            ours, theirs = ours.merge(candidate), theirs.merge(live)
            together = Strata()
            together.add(ours, theirs)
            worse |= is_worse(found)
            naive |= is_worse(together)
        called += worse
        pooled += naive
    assert called / 200 < 0.05
    assert pooled / 200 > 0.1  # over all answers it would be


def is_worse(strata: Strata) -> bool:
    gap = strata.difference()
    if strata.known < 100 or gap is None:
        return False
    found = confidence_sequence(gap)
    return (
        by_sequence(
            type(found)(-found.value, -found.high, -found.low), margin=0.0, unit=""
        )["verdict"]
        == "worse"
    )


def test_hours_with_one_answer_of_the_candidate_have_the_spread_of_all() -> None:
    rng = np.random.default_rng(3)
    found, missed = Strata(), 0
    for _ in range(300):
        found = Strata()
        for _ in range(60):
            found.add(Moments.of(rng.normal(0, 5, 1)), Moments.of(rng.normal(0, 5, 20)))
        gap = found.difference()
        assert gap is not None
        missed += abs(gap.value) > 1.96 * gap.standard_error
    assert missed / 300 < 0.09


# With a database


@pytest.fixture
def project() -> Project:
    return make_project(silence="unknown", autopilot="automatic")


@pytest.fixture
def canary(project: Project) -> Rollout:
    return start_canary(project)


@pytest.mark.django_db
@pytest.mark.touches_services
def test_a_hard_day_at_a_larger_share_takes_no_identical_model_back(
    canary: Rollout,
) -> None:
    both(canary, BEGAN, rows(100, 10), rows(9900, 10))
    both(canary, BEGAN + DAY, rows(5000, 20), rows(5000, 20))

    with clock.moved_to(BEGAN + 2 * DAY):
        done = judge(rollouts.of_project(canary.project), now=clock.now())

    assert done != "rollback"
    found = compared(canary, after=2 * DAY)
    assert found["difference"]["value"] == pytest.approx(0)
    assert found["verdict"] == "wait"


@pytest.mark.django_db
@pytest.mark.touches_services
def test_hours_that_live_had_for_itself_in_a_pause_count_for_nothing(
    canary: Rollout,
) -> None:
    both(canary, BEGAN, rows(500, 20), rows(500, 20))
    hour(canary.live, "live", BEGAN + HOUR, rows(50_000, 5))

    found = compared(canary, after=DAY)

    assert found["difference"]["value"] == pytest.approx(0)
    assert found["difference"]["n"] == 1000


@pytest.mark.django_db
@pytest.mark.touches_services
def test_a_model_that_is_worse_in_every_hour_is_still_taken_back(
    canary: Rollout,
) -> None:
    for n in range(20):
        both(canary, BEGAN + n * HOUR, rows(100, 12 + n), rows(900, 10 + n))
    with clock.moved_to(BEGAN + DAY):
        assert judge(rollouts.of_project(canary.project), now=clock.now()) == "rollback"


@pytest.mark.django_db
@pytest.mark.touches_services
def test_inputs_that_no_version_can_read_break_no_guardrail(canary: Rollout) -> None:
    """They came on the day of the larger share."""
    hour(canary.candidate, "canary", BEGAN, Moments(), n=100)
    hour(canary.live, "live", BEGAN, Moments(), n=9900)
    hour(canary.candidate, "canary", BEGAN + DAY, Moments(), n=5000, errors=250)
    hour(canary.live, "live", BEGAN + DAY, Moments(), n=5000, errors=250)

    failures, _ = compared(canary, after=2 * DAY)["guardrails"]

    assert failures["ok"]
    assert failures["value"] == pytest.approx(0)
    assert failures["text"].startswith("250 of 5\u202f100 answers failed, 250 of 14")
    assert "points more in the same hours" in failures["text"]


@pytest.mark.django_db
@pytest.mark.touches_services
def test_no_verdict_without_as_much_truth_of_live(canary: Rollout) -> None:
    both(canary, BEGAN, rows(900, 30), rows(60, 10))
    found = compared(canary, after=DAY)
    assert (found["verdict"], found["needs"]) == ("wait", 40)


@pytest.mark.django_db
@pytest.mark.touches_services
def test_costs_that_are_all_alike_promote_nobody(
    canary: Rollout, project: Project
) -> None:
    """A hundred answers without a costly one do not say that none will come."""
    Project.objects.update(gate={"margin": 1.0})
    both(canary, BEGAN, rows(100, 0, spread=0), rows(100, 0.1, spread=0))
    found = compared(canary, after=DAY)
    assert found["verdict"] == "wait"
    assert found["difference"]["low"] is None
    assert "fared alike" in found["text"]
    with clock.moved_to(BEGAN + DAY):
        make_user("Ada", project=project, role="admin")
        page = sign_in("Ada").get("/p/churn/rollout").content.decode()
    assert "fared alike" in page


@pytest.mark.django_db
@pytest.mark.touches_services
@pytest.mark.parametrize(
    ("task", "metric", "judge_metric", "words"),
    [
        ("regression", "rmse", "mae", "mean absolute error instead of Root mean"),
        ("binary", "roc_auc", "log_loss", "log loss instead of ROC AUC"),
    ],
)
def test_the_margin_of_a_metric_is_not_put_on_what_stands_in_for_it(
    canary: Rollout, task: str, metric: str, judge_metric: str, words: str
) -> None:
    gate = {"margin": 2.0}
    Project.objects.update(task=task, primary_metric=metric, gate=gate, unit="minutes")
    canary = rollouts.of_project(canary.project)
    for n in range(20):
        both(canary, BEGAN + n * HOUR, rows(500, 40), rows(500, 39))

    found = compared(canary, after=DAY)
    chart = gain_chart(canary, now=BEGAN + DAY)

    assert found["judged_on"] == judge_metric
    assert found["verdict"] == "worse"  # by one, of two that would be allowed
    assert words in found["text"]
    assert found["text"].endswith("so without its margin.")
    assert {shape["y0"] for shape in chart.figure["layout"]["shapes"]} == {0.0}
    assert json.dumps(found["difference"])


@pytest.mark.django_db
@pytest.mark.touches_services
def test_a_long_rollout_is_drawn_by_the_day_from_its_first_hour_on(
    canary: Rollout, project: Project
) -> None:
    for n in range(10):  # of its first day, before it began
        hour(canary.live, "live", BEGAN - n * HOUR - HOUR, rows(9000, 50))
    for n in range(6):
        both(canary, BEGAN + n * DAY, rows(300, 10), rows(300, 10))
    merge_days(project)
    assert DayBucket.objects.exists()

    points = history(rollouts.of_project(project), now=BEGAN + 6 * DAY)

    assert [point["n"] for point in points] == [600 * n for n in range(1, 7)]
    assert [point["value"] for point in points] == pytest.approx([0] * 6)
    midnights = [BEGAN.replace(hour=0) + n * DAY for n in range(1, 7)]
    assert [point["at"] for point in points] == midnights


@pytest.mark.django_db
@pytest.mark.touches_services
def test_a_rollout_of_many_hours_is_judged_without_unpacking_their_histograms(
    canary: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is twenty times as large as the means that are compared."""
    unpacked, decompress = [], packing.zlib.decompress

    def counted(blob: bytes) -> bytes:
        unpacked.append(blob)
        return decompress(blob)

    for n in range(20):
        both(canary, BEGAN + n * HOUR, rows(100, 12), rows(900, 10))
    monkeypatch.setattr(packing.zlib, "decompress", counted)

    found = compared(canary, after=DAY)
    points = history(canary, now=BEGAN + DAY)

    assert (found["difference"]["n"], len(points)) == (20_000, 20)
    assert not unpacked
