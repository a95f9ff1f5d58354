"""Drift: nothing said without reason, and a sentence where there is one."""

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from monitoring.monitor.distances import (
    benjamini_hochberg,
    largest_difference,
    psi,
    same_distribution,
    unbiased_psi,
)
from monitoring.monitor.drift import drift
from monitoring.monitor.inputs import Inputs, fold_inputs
from monitoring.monitor.reference import build_reference

KINDS = {"age": "numeric", "plan": "categorical", "note": "text", "joined": "datetime"}


def customers(n: int, *, seed: int, age: float = 40.0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "age": float(a),
            "plan": str(p),
            "note": "x" * int(k),
            "joined": "2020-01-01T00:00:00Z",
        }
        for a, p, k in zip(
            rng.normal(age, 10, n),
            rng.choice(["basic", "gold", "team"], n, p=[0.6, 0.3, 0.1]),
            rng.poisson(30, n),
            strict=True,
        )
    ]


def profile_of(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return build_reference({k: [r.get(k) for r in rows] for k in KINDS}, KINDS, **more)


REFERENCE = profile_of(customers(2000, seed=0))


def found(rows: list[dict[str, Any]], **more: Any) -> dict[str, dict[str, Any]]:
    answers = drift(REFERENCE, fold_inputs(REFERENCE, rows), **more)
    json.dumps(answers, allow_nan=False)
    return {answer["feature"]: answer for answer in answers}


def test_psi_and_the_largest_difference_have_their_published_values() -> None:
    assert psi([35, 25, 40], [40, 30, 30]) == pytest.approx(0.0445609, abs=5e-8)
    assert largest_difference([2, 2, 2, 0], [2, 2, 2, 1]) == pytest.approx(0.1428571)


def test_chance_alone_adds_nothing_to_the_unbiased_psi() -> None:
    """E[PSI] under no drift is (B − 1)(1/n + 1/m)."""
    rng = np.random.default_rng(0)
    draws = rng.multinomial(300, np.full(10, 0.1), size=(400, 2))
    plain = np.mean([psi(a, b) for a, b in draws])
    assert plain == pytest.approx(9 * (2 / 300), rel=0.1)
    assert np.median([unbiased_psi(a, b) for a, b in draws]) < 0.005


def test_the_test_of_two_histograms_is_pearsons() -> None:
    ours, theirs = [30, 50, 80, 40], [45, 60, 60, 55]
    expected = stats.chi2_contingency([ours, theirs], correction=False).pvalue
    assert same_distribution(ours, theirs) == pytest.approx(expected)
    rare = same_distribution([100, 100, 1, 0, 0], [100, 100, 0, 1, 1])
    assert rare == pytest.approx(1.0, abs=0.1)  # pooled, not five cells of nothing
    assert same_distribution([0, 0], [5, 5]) == 1.0


def test_kolmogorov_smirnov_on_fine_bins_is_near_the_exact_distance() -> None:
    rng = np.random.default_rng(0)
    before, now = rng.normal(40, 10, 5000), rng.normal(43, 11, 3000)
    profile = build_reference({"age": before}, {"age": "numeric"})
    counts = fold_inputs(profile, [{"age": value} for value in now])
    exact = stats.ks_2samp(now, before).statistic
    answer = drift(profile, counts)[0]
    assert answer["ks"] == pytest.approx(exact, abs=3e-3)


def test_corrected_p_values_agree_with_scipy() -> None:
    p = np.random.default_rng(0).random(50) ** 3
    assert benjamini_hochberg(p.tolist()) == pytest.approx(
        stats.false_discovery_control(p)
    )
    assert benjamini_hochberg([]) == []


def test_the_profile_counts_its_own_rows_in_its_own_bins() -> None:
    age = REFERENCE["features"]["age"]
    assert sum(age["counts"]["bins"]) == 2000
    assert len(age["edges"]) == 199
    assert len(age["deciles"]) == 9
    assert max(age["counts"]["bins"]) <= 11
    json.dumps(REFERENCE, allow_nan=False)


@pytest.mark.parametrize("kind", ["numeric", "integer", "categorical", "boolean"])
@pytest.mark.parametrize(
    "values", [[], [None] * 50, [1.0] * 50, [True, False] * 25, ["7", None] * 25]
)
def test_a_profile_can_be_made_of_any_column(kind: str, values: list[Any]) -> None:
    profile = build_reference({"x": values}, {"x": kind}, prediction=values)
    counts = fold_inputs(
        profile, [{"x": v} for v in values] * 9, predictions=values * 9
    )
    json.dumps(profile, allow_nan=False)
    states = {answer["state"] for answer in drift(profile, counts)}
    assert states <= {"ok", "insufficient"}


def test_without_drift_hardly_a_window_in_a_hundred_says_drift() -> None:
    said = [
        any(
            a["state"] in {"warn", "alert"}
            for a in found(customers(n, seed=s)).values()
        )
        for s in range(1, 61)
        for n in (200, 1000)
    ]
    assert sum(said) <= 4


def test_a_shift_is_found_ranked_first_and_told_in_a_sentence() -> None:
    answers = drift(REFERENCE, fold_inputs(REFERENCE, customers(800, seed=5, age=46.0)))
    first = answers[0]
    assert (first["feature"], first["state"]) == ("age", "alert")
    assert first["psi"] > 0.1
    assert first["ks"] > 0.1
    assert first["p"] < 0.01
    assert first["sentence"].startswith("The middle value went from about 3")
    assert first["sentence"].endswith("(800 rows).")
    assert {answer["state"] for answer in answers[1:]} == {"ok"}


def test_a_small_sure_shift_warns_and_a_sure_trifle_does_not() -> None:
    assert found(customers(5000, seed=6, age=41.6))["age"]["state"] == "warn"
    rng = np.random.default_rng(0)
    before, now = rng.normal(0, 1, 200_000), rng.normal(0.02, 1, 200_000)
    profile = build_reference({"x": before}, {"x": "numeric"})
    trifle = drift(profile, fold_inputs(profile, [{"x": value} for value in now]))[0]
    assert trifle["p"] < 0.01  # sure, and of no consequence
    assert trifle["state"] == "ok"


def test_too_few_rows_are_insufficient_whatever_they_hold() -> None:
    age = found(customers(150, seed=1, age=90.0))["age"]
    assert age["state"] == "insufficient"
    assert age["sentence"] == "150 rows; drift needs 200."
    assert drift(REFERENCE, Inputs())[0]["state"] == "insufficient"


def test_a_category_never_seen_has_a_rule_of_its_own() -> None:
    rows = customers(600, seed=2)
    for row in rows[::20]:
        row["plan"] = "platinum"
    plan = found(rows)["plan"]
    assert plan["state"] == "warn"
    assert plan["fired"] == ["unseen"]
    assert plan["unseen"] == 0.05
    assert plan["sentence"].startswith("5.0 % of the rows hold a category never seen")
    for row in rows:
        row["plan"] = "platinum"
    assert found(rows)["plan"]["state"] == "alert"


def test_a_category_known_from_training_is_not_unseen() -> None:
    profile = profile_of(customers(2000, seed=0), known={"plan": ["platinum"]})
    rows = customers(600, seed=2)
    rows[0]["plan"] = "platinum"
    answers = {a["feature"]: a for a in drift(profile, fold_inputs(profile, rows))}
    assert answers["plan"]["unseen"] == 0


def test_missing_values_fire_when_they_come_and_when_they_go() -> None:
    rows = customers(600, seed=3)
    for row in rows[::6]:
        row["age"] = None
        del row["joined"]
    answers = found(rows)
    assert answers["age"]["state"] == answers["joined"]["state"] == "alert"
    assert answers["age"]["missing_change"] == pytest.approx(1 / 6)
    assert "rose from 0.0 % to 16.7 %" in answers["age"]["sentence"]
    profile = profile_of(rows)
    back = drift(profile, fold_inputs(profile, customers(600, seed=4)))
    assert (
        "fell from 16.7 % to 0.0 %"
        in {a["feature"]: a for a in back}["age"]["sentence"]
    )


def test_numbers_out_of_range_and_of_another_type_are_told_apart() -> None:
    rows = customers(600, seed=3)
    for row in rows[:90]:
        row["age"] = 4000.0  # months?
    for row in rows[90:120]:
        row["age"] = "forty"
    age = found(rows)["age"]
    assert age["state"] == "alert"
    assert {"outside", "invalid"} <= set(age["fired"])
    assert (age["outside"], age["invalid"]) == (0.15, 0.05)


def test_a_constant_feature_that_changes_is_noticed() -> None:
    profile = build_reference({"fee": [9.0] * 500}, {"fee": "numeric"})
    same = drift(profile, fold_inputs(profile, [{"fee": 9.0}] * 300))[0]
    other = drift(profile, fold_inputs(profile, [{"fee": 19.0}] * 300))[0]
    assert (same["state"], other["state"]) == ("ok", "alert")


def test_the_same_hours_before_can_be_the_reference() -> None:
    """Weekends differ from the frozen profile, and not from other weekends."""
    weekend = fold_inputs(REFERENCE, customers(800, seed=8, age=48.0))
    before = fold_inputs(REFERENCE, customers(3000, seed=9, age=48.0))
    assert drift(REFERENCE, weekend)[0]["state"] == "alert"
    against = drift(REFERENCE, weekend, against=before)
    assert {answer["state"] for answer in against} == {"ok"}


def test_predictions_drift_like_a_feature() -> None:
    scores = np.random.default_rng(0).beta(2, 6, 2000)
    profile = profile_of(customers(2000, seed=0), prediction=scores)
    now = np.random.default_rng(1).beta(3, 5, 500)
    counts = fold_inputs(profile, customers(500, seed=1), predictions=now)
    assert drift(profile, counts)[0]["feature"] == "(prediction)"
    assert drift(profile, counts)[0]["state"] == "alert"


def test_importance_orders_what_is_equally_bad() -> None:
    rows = customers(800, seed=5, age=46.0)
    for row in rows:
        row["note"] += "y" * 4
    counts = fold_inputs(REFERENCE, rows)
    for first in ("age", "note"):
        answers = drift(REFERENCE, counts, importance={"age": 0, "note": 0, first: 1.0})
        assert answers[0]["feature"] == first


def test_among_forty_features_and_few_rows_chance_does_not_speak_up() -> None:
    """By size alone a third of them would: PSI is above .02 where nothing moved."""
    rng = np.random.default_rng(4)
    names = [f"f{k}" for k in range(40)]
    kinds = dict.fromkeys(names, "numeric")
    profile = build_reference({name: rng.normal(size=250) for name in names}, kinds)
    now = [{name: float(rng.normal()) for name in names} for _ in range(220)]
    answers = drift(profile, fold_inputs(profile, now))
    assert sum(answer["psi"] >= 0.02 for answer in answers) >= 5
    assert {answer["state"] for answer in answers} == {"ok"}


def test_the_range_of_a_hundred_rows_is_not_held_against_a_few_beyond_it() -> None:
    profile = build_reference({"x": np.arange(100.0)}, {"x": "numeric"})
    now = np.r_[np.linspace(0, 99, 372), np.full(28, 105.0)]
    answer = drift(profile, fold_inputs(profile, [{"x": float(v)} for v in now]))[0]
    assert answer["outside"] == 0.07
    assert "outside" not in answer["fired"]
