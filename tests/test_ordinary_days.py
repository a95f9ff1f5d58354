"""What days of the same data differ by is no drift; what stops coming always is."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.monitor import references
from monitoring.monitor.drift import drift
from monitoring.monitor.inputs import Inputs, fold_inputs
from monitoring.monitor.ordinary import ordinary
from monitoring.monitor.reference import build_reference
from monitoring.monitor.references import reference_of
from registry.featurizer import plain_spec
from tests.factories import (
    make_dataset,
    make_frame,
    make_project,
    make_rows,
    make_version,
)

KINDS = {"size": "numeric", "plan": "categorical"}


def sent(n: int, *, seed: int, missing: float = 0.0, odd: float = 0.0) -> Any:
    """Rows of which a share has no size, and a share a plan that nobody knows."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = [
        {"size": float(size), "plan": "gold" if is_gold else "basic"}
        for size, is_gold in zip(
            rng.normal(40, 10, n), rng.random(n) < 0.3, strict=True
        )
    ]
    for row in rows[: round(n * missing)]:
        row["size"] = None
    for row in rows[: round(n * odd)]:
        row["plan"] = "platinum"
    return rows


def profile_of(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return build_reference({k: [r[k] for r in rows] for k in KINDS}, KINDS, **more)


def knowing(profile: dict[str, Any], days: Sequence[Any], of_days: int = 3) -> Any:
    """The profile that has seen these days of rows."""
    folded = [fold_inputs(profile, day) for day in days]
    known = profile | {"usual": ordinary(profile, folded, of_days=of_days)}
    json.dumps(known, allow_nan=False)
    return known


def states(profile: Any, rows: Any, **more: Any) -> dict[str, str]:
    answers = drift(profile, fold_inputs(profile, rows, **more))
    return {answer["feature"]: answer["state"] for answer in answers}


def test_a_column_that_lacks_values_at_weekends_is_still_missed_when_it_is_gone() -> (
    None
):
    """A fifth is missing on 8 days of 28: such days are ordinary, and no others are."""
    weekends = [0.2 if day % 7 > 4 else 0.0 for day in range(28)]
    days = [sent(300, seed=n, missing=m) for n, m in enumerate(weekends)]
    knows = knowing(profile_of(sent(900, seed=100)), days)
    assert states(knows, sent(300, seed=200, missing=0.22))["size"] == "ok"
    assert states(knows, sent(300, seed=201))["size"] == "ok"
    assert states(knows, sent(1000, seed=202, missing=0.35))["size"] == "alert"
    assert states(knows, sent(1000, seed=203, missing=1.0))["size"] == "alert"


def test_one_odd_day_of_a_week_hides_no_other() -> None:
    days = [sent(300, seed=n, odd=0.2 if n == 6 else 0.0) for n in range(7)]
    knows = knowing(profile_of(sent(900, seed=100)), days)
    assert states(knows, sent(1000, seed=200, odd=0.2))["plan"] == "ok"
    assert states(knows, sent(1000, seed=201, odd=0.4))["plan"] == "alert"


SHARES = st.lists(
    st.sampled_from([0.0, 0.02, 0.2, 0.5, 0.9, 1.0]), min_size=7, max_size=28
)


@given(missing=SHARES, odd=SHARES, before=st.sampled_from([0.0, 0.1, 0.5, 0.8]))
@settings(deadline=None, max_examples=40)
def test_whatever_days_were_like_a_column_that_is_gone_is_missed(
    missing: list[float], odd: list[float], before: float
) -> None:
    pairs = zip(missing, odd, strict=False)
    days = [sent(200, seed=n, missing=m, odd=o) for n, (m, o) in enumerate(pairs)]
    knows = knowing(profile_of(sent(500, seed=100, missing=before)), days)
    gone = states(knows, sent(400, seed=200, missing=1.0, odd=1.0))
    assert gone == {"size": "alert", "plan": "alert"}


def test_what_a_model_says_of_rows_it_learnt_by_heart_is_no_measure_of_days() -> None:
    """Its scores there are nearly 0 and 1, those of rows that it never saw lie between:
    that gap is no way in which days differ."""

    def answered(day: int, scores: Any) -> Inputs:
        return fold_inputs(profile, sent(300, seed=day), predictions=scores)

    rng = np.random.default_rng(0)
    unseen = rng.beta(2, 6, 900)
    profile = profile_of(sent(900, seed=100), prediction=unseen)
    by_heart = [answered(day, rng.beta(0.05, 0.15, 300)) for day in range(24)]
    usual = ordinary(profile, by_heart, of_days=3)
    assert usual["(prediction)"]["psi"] < 0.3
    knows = profile | {"usual": usual}
    assert states(knows, sent(300, seed=1), predictions=rng.beta(2, 6, 300)) == {
        "(prediction)": "ok", "size": "ok", "plan": "ok",
    }  # fmt: skip
    moved = states(knows, sent(500, seed=2), predictions=rng.beta(6, 3, 500))
    assert moved["(prediction)"] == "alert"


def days_of_weather(
    first: int, days: int, *, gone: bool = False
) -> list[list[dict[str, Any]]]:
    """300 flights a day: one temperature for all of them, and always the same planes."""
    found = []
    for day in range(first, first + days):
        rng = np.random.default_rng(day)
        warm = rng.normal(10, 8)
        found.append(
            [
                {
                    "temp": None if gone else float(rng.normal(warm, 1)),
                    "seats": float(rng.choice([90, 150, 300], p=[0.5, 0.4, 0.1])),
                }
                for _ in range(300)
            ]
        )
    return found


def test_the_weather_of_a_day_is_no_drift_where_days_are_known() -> None:
    """Against three days as reference; what stops coming, or moves for all, is found."""
    kinds = {"temp": "numeric", "seats": "numeric"}
    three = [row for day in days_of_weather(100, 3) for row in day]
    profile = build_reference({k: [r[k] for r in three] for k in kinds}, kinds)
    knows = knowing(profile, days_of_weather(0, 24))
    weather = days_of_weather(200, 30)
    assert sum(states(profile, day)["temp"] == "alert" for day in weather) > 20
    assert all(set(states(knows, day).values()) == {"ok"} for day in weather)
    (silent,) = days_of_weather(300, 1, gone=True)
    assert states(knows, silent) == {"temp": "alert", "seats": "ok"}
    larger = [row | {"seats": row["seats"] + 80} for row in weather[0]]
    assert states(knows, larger)["seats"] == "alert"


def test_a_few_days_say_nothing_of_what_is_ordinary() -> None:
    days = [sent(300, seed=day) for day in range(6)]
    assert not any(knowing(profile_of(sent(900, seed=100)), days)["usual"].values())


@pytest.mark.django_db
def test_a_reference_knows_the_days_its_version_learnt_from() -> None:
    start, n = datetime(2026, 5, 1, tzinfo=UTC), 2600
    hours = [start + timedelta(hours=i * 24 / 200) for i in range(n)]
    project = make_project(time_column="asked_at")
    dataset = make_dataset(project, frame=make_frame(n, asked_at=hours))
    version = make_version(project, dataset=dataset, features=plain_spec(project))
    profile = reference_of(version)
    sent = drift(profile, fold_inputs(profile, make_rows(400)), minimum_n=100)
    states = {answer["feature"]: answer["state"] for answer in sent}
    del states["(prediction)"]  # nobody was asked
    assert set(states.values()) == {"ok"}, "as requests spell it, yes and no too"
    usual = profile["usual"]
    assert set(usual) >= {"tenure", "monthly_charges", "contract", "(prediction)"}
    assert usual["contract"]["psi"] < 0.1
    timeless = make_project("timeless")
    features = plain_spec(timeless)
    other = make_version(timeless, dataset=make_dataset(timeless), features=features)
    assert reference_of(other)["usual"] == {}


@pytest.mark.django_db
def test_what_the_version_learnt_from_lies_outside_of_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Validated on mild days, trained on cold ones too, long ago: another is none."""
    monkeypatch.setattr(references, "MOST_DAYS", 2)
    start, n = datetime(2026, 5, 1, tzinfo=UTC), 2600
    hours = [start + timedelta(hours=i * 24 / 200) for i in range(n)]
    frame = make_frame(n, asked_at=hours)
    frame["monthly_charges"] = (
        np.where(np.arange(n) < n // 2, 5.0, 50.0) + np.arange(n) % 7
    )
    project = make_project(time_column="asked_at")
    dataset = make_dataset(project, frame=frame)
    version = make_version(project, dataset=dataset, features=plain_spec(project))
    profile = reference_of(version)

    def outside(charge: float) -> float:
        rows = [row | {"monthly_charges": charge} for row in make_rows(300)]
        found = drift(profile, fold_inputs(profile, rows), minimum_n=100)
        (answer,) = [one for one in found if one["feature"] == "monthly_charges"]
        return answer["outside"]

    assert [outside(charge) for charge in (4.0, 6.0, 52.0, 60.0)] == [1.0, 0, 0, 1.0]
