"""The owner's sentences: plain words, numbers with units, "sure" only where it is."""

from datetime import date, timedelta
from typing import Any

from monitoring.verdicts.cards import (
    Way,
    coverage_words,
    delay_words,
    on_its_way,
    queue_words,
    target_words,
)
from monitoring.verdicts.terms import Gain, Terms, day
from monitoring.verdicts.verdict import Case, Verdict, verdict
from registry.catalogue import METRICS

TODAY = date(2026, 11, 27)
MONEY = Terms(metric=METRICS["cost"], money="USD", noun="customer")
SURE = Gain(value=7.7, low=4.3, high=11.4, n=1026, since=date(2026, 10, 12))
OPEN = Gain(value=6.9, low=-6.3, high=20.2, n=734)


def said(**more: Any) -> Verdict:
    given = {"terms": MONEY, "live": "Version 2", "value": 41.6, "n": 448} | more
    return verdict(Case(**given), today=TODAY)


def test_what_production_is_sure_of_is_said_with_its_day() -> None:
    found = said(production=SURE)

    assert found.tone == "good"
    assert found.sentence == (
        "Version 2 costs 7.7 USD a customer less than the baseline; sure since 12 "
        "October."
    )
    assert (
        found.detail
        == "In production: 7.7 USD better (4.3 to 11.4), 1\u202f026 customers."
    )


def test_the_sealed_test_speaks_where_production_is_not_sure_yet() -> None:
    found = said(production=OPEN, tested=SURE)

    assert found.tone == "good"
    assert "sure since 12 October" in found.sentence
    assert found.detail == (
        "On the sealed test: 7.7 USD better (4.3 to 11.4), 1\u202f026 customers. "
        "Production agrees so far: 6.9 USD better (\u22126.3 to 20.2), 734 customers."
    )


def test_production_that_says_the_contrary_warns() -> None:
    contrary = Gain(value=-2.0, low=-9.0, high=5.0, n=300)

    found = said(production=contrary, tested=SURE)

    assert found.tone == "warning"
    assert "does not show it yet: 2 USD worse (\u22125 to 9)" in found.detail


def test_a_live_model_that_is_surely_worse_says_what_to_do() -> None:
    worse = Gain(value=-3.1, low=-5.0, high=-1.0, n=900, since=date(2026, 11, 24))

    found = said(production=worse)

    assert found.tone == "bad"
    assert found.sentence == (
        "Version 2 costs 3.1 USD a customer more than the baseline; sure since Tuesday."
    )
    assert "Roll it back" in found.detail


def test_what_may_be_chance_is_called_so() -> None:
    found = said(production=OPEN)

    assert found.tone == "warning"
    assert found.sentence.endswith("less than the baseline, but that may be chance.")


def test_without_truth_nothing_is_claimed() -> None:
    found = said(value=None, n=0, answers=1)

    assert found.tone == "unknown"
    assert found.sentence == (
        "Version 2 answers; it needs truth before anything can be said of it."
    )
    assert found.detail == "1 answer in four weeks."


def test_a_baseline_that_answers_nobody_is_no_comparison() -> None:
    found = said(tested=SURE)

    assert "Cost a customer in production: 41.6 USD (448 customers)." in found.detail
    assert "answers nobody now" in found.detail


def test_the_baseline_itself_and_baseline_for_everyone() -> None:
    assert "a run may find better" in said(is_baseline=True).sentence
    assert said(baseline_for_all=True).tone == "warning"


def test_other_goals_speak_in_their_own_unit() -> None:
    late = Terms(metric=METRICS["mae"], target_unit="minutes")
    share = Terms(metric=METRICS["roc_auc"])
    gain = Gain(value=0.05, low=0.01, high=0.09, n=500)

    assert said(terms=late, production=gain).sentence == (
        "Version 2 is off by 0.05 minutes less than the baseline for sure."
    )
    assert said(terms=share, production=gain).sentence == (
        "Version 2's ROC AUC is 0.05 higher than the baseline's for sure."
    )
    loss = Terms(metric=METRICS["log_loss"])
    assert "log loss is 0.05 lower" in said(terms=loss, production=gain).sentence
    bias = Terms(metric=METRICS["bias"])
    assert "is 0.05 nearer to 0" in said(terms=bias, production=gain).sentence


def way(**more: Any) -> str:
    given: dict[str, Any] = {
        "number": 3, "mode": "canary", "state": "running", "percent": 10.0,
        "since": date(2026, 11, 24), "verdict": "wait", "needed": 212,
    }  # fmt: skip
    return on_its_way(Way(**(given | more)), today=TODAY)


def test_a_rollout_says_how_far_since_when_and_what_is_next() -> None:
    assert way() == (
        "Version 3 gets 10 % since Tuesday, holding: needs 212 more answers with truth "
        "to be sure."
    )
    assert way(needed=1).endswith("needs 1 more answer with truth to be sure.")
    assert way(needed=None).endswith("the two can hardly be told apart.")
    assert "fared alike" in way(needed=None, alike=True)
    assert way(needed=99, alike=True) == way(needed=99)  # there are none of both yet
    assert "may be promoted" in way(verdict="better")
    assert "a guardrail is broken" in way(verdict="breach")
    assert way(state="held").endswith("since Tuesday, held back.")
    assert way(state="paused", stopped=True) == (
        "Version 3 answers nobody until somebody resumes, then 10 % again."
    )
    assert way(mode="shadow", state="paused", stopped=True) == (
        "Version 3 is asked nothing until somebody resumes."
    )
    assert way(mode="shadow").startswith("Version 3 answers in the shadow since")


def test_days_are_said_as_people_say_them() -> None:
    assert day(TODAY, today=TODAY) == "today"
    assert day(TODAY - timedelta(days=1), today=TODAY) == "yesterday"
    assert day(date(2025, 3, 1), today=TODAY) == "1 March 2025"


def test_coverage_delay_and_queue_say_what_is_missing() -> None:
    month = timedelta(days=30)

    words = coverage_words(0.96, answers=500, horizon=month, silent=True)
    assert words.startswith("Truth is known of 96 % of the answers older than 30 days")
    assert "four weeks" in coverage_words(0.4, answers=5, horizon=None, silent=False)
    assert "Nobody" in coverage_words(None, answers=0, horizon=None, silent=False)
    assert delay_words(3600, 86_400 * 2) == (
        "Half of it comes within 1 hour, nine tenths within 2 days."
    )
    assert queue_words(waiting=1, disputed=2, today=3) == (
        "1 example waits for a label; 2 disputed need a reviewer. 3 labelled in the "
        "last 24 hours."
    )
    assert queue_words(waiting=0, disputed=0, today=0) == "Nothing waits for a label."


def test_a_target_is_reached_missed_or_open() -> None:
    assert target_words(MONEY, target=45, value=41.6) == (
        "good",
        "The target is 45 USD: reached, with 3.4 USD to spare.",
    )
    assert target_words(MONEY, target=35, value=41.6)[0] == "warning"
    assert target_words(MONEY, target=35, value=None)[0] == "unknown"


def test_a_candidate_of_the_baseline_is_named() -> None:
    found = said(is_baseline=True, candidate="version 3 on 10 % is being tried")

    assert found.sentence == (
        "Version 2, the baseline, answers: version 3 on 10 % is being tried."
    )


def test_what_waits_for_its_rollout_comes_last() -> None:
    found = said(production=SURE, waiting=4)

    assert found.detail.endswith("Version 4 passed the gate and waits for its rollout.")
    assert "a better one is ready" in said(is_baseline=True, waiting=4).sentence
