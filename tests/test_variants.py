"""Who gets which version: sticky, monotone, independent between salts."""

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from serving.variants import BASELINE, CANARY, LIVE, Caller, Shares, choose, place, why

units = st.text(min_size=1, max_size=30)
salts = st.text(alphabet="0123456789abcdef", min_size=1, max_size=16)
percents = st.decimals(0, 100, places=2)


def shares(**given: object) -> Shares:
    return Shares(
        **{"project": "churn", "salt": "s", "candidate_answers": True} | given
    )


def route(shares_: Shares, unit: str, **given: object) -> str:
    return choose(shares=shares_, caller=Caller(unit=unit, **given))


@given(units, salts, percents)
def test_a_unit_stays_where_it_is(unit: str, salt: str, percent: Decimal) -> None:
    given_ = shares(salt=salt, percent=percent)
    assert route(given_, unit) == route(given_, unit)


@given(units, salts, percents, percents)
def test_nobody_leaves_the_canary_when_its_share_grows(
    unit: str, salt: str, one: Decimal, two: Decimal
) -> None:
    small, large = sorted([one, two])
    if route(shares(salt=salt, percent=small), unit) == CANARY:
        assert route(shares(salt=salt, percent=large), unit) == CANARY


@given(units, salts)
def test_nothing_is_nobody_and_all_is_everybody(unit: str, salt: str) -> None:
    assert route(shares(salt=salt, percent=Decimal(0)), unit) == LIVE
    assert route(shares(salt=salt, percent=Decimal(100)), unit) == CANARY


def test_shares_are_as_large_as_they_say() -> None:
    for percent in (1, 5, 50, 99):
        given_ = shares(percent=Decimal(percent))
        routes = [route(given_, f"user-{n}") for n in range(20_000)]
        expected = 200 * percent
        tolerance = 5 * (expected * (1 - percent / 100)) ** 0.5  # 5 sigma
        assert abs(routes.count(CANARY) - expected) < tolerance


def test_two_rollouts_try_it_out_on_different_people() -> None:
    """crc32 is linear: there, two salts overlapped by 15 to 80 where 50 ± 7 was due."""
    people = [f"user-{n}" for n in range(20_000)]

    def first(salt: str) -> set[str]:
        return {
            unit
            for unit in people
            if place(project="churn", salt=salt, unit=unit) < 500
        }

    groups = [first(f"salt-{n}") for n in range(12)]
    overlaps = [len(a & b) for i, a in enumerate(groups) for b in groups[i + 1 :]]
    mean = sum(overlaps) / len(overlaps)
    assert abs(mean - 50) < 5  # 1000 people each, 5 % of 1000 in both
    assert all(15 < overlap < 90 for overlap in overlaps)


def test_the_first_target_that_matches_wins() -> None:
    given_ = shares(
        targets=[
            {"to": "live", "users": ["ann"]},
            {"to": "candidate", "attribute": "country", "in": ["DE", 7, True]},
            {"to": "candidate", "users": ["ann", "bob"]},
        ]
    )
    country = {"country": "DE"}
    assert route(given_, "ann", user="ann", attributes=country) == LIVE
    assert route(given_, "bob", user="bob") == CANARY
    assert route(given_, "eve", user="eve", attributes=country) == CANARY
    assert route(given_, "eve", attributes={"country": "7"}) == CANARY
    assert route(given_, "eve", attributes={"country": "FR"}) == LIVE
    assert route(given_, "bob") == LIVE  # the entity is not a user's name


def test_a_target_may_take_a_share_of_its_own() -> None:
    given_ = shares(
        targets=[{"to": "candidate", "attribute": "c", "in": ["DE"], "percent": 50}]
    )
    routes = [route(given_, f"u{n}", attributes={"c": "DE"}) for n in range(2_000)]
    assert 850 < routes.count(CANARY) < 1150


def test_the_control_share_outlives_rollouts_and_beats_targets() -> None:
    target = [{"to": "candidate", "users": [f"u{n}" for n in range(1000)]}]
    one = shares(salt="a", control_percent=Decimal(10), targets=target)
    two = shares(salt="b", control_percent=Decimal(10), candidate_answers=False)
    control = {
        f"u{n}" for n in range(1000) if route(one, f"u{n}", user=f"u{n}") == BASELINE
    }
    assert 60 < len(control) < 140
    assert control == {f"u{n}" for n in range(1000) if route(two, f"u{n}") == BASELINE}


def test_baseline_for_everyone_is_for_everyone() -> None:
    given_ = shares(
        baseline_for_all=True,
        percent=Decimal(100),
        targets=[{"to": "candidate", "users": ["ann"]}],
    )
    assert route(given_, "ann", user="ann") == BASELINE


@given(units, percents, st.booleans(), percents)
@example("u753", Decimal("0.43"), False, Decimal(0))  # just outside: it stands at 43
def test_the_reason_fits_the_choice(
    unit: str, percent: Decimal, everyone: bool, control: Decimal
) -> None:
    found = shares(percent=percent, baseline_for_all=everyone, control_percent=control)
    caller = Caller(unit=unit)

    route_, reason = (
        choose(shares=found, caller=caller),
        why(shares=found, caller=caller),
    )

    if route_ == BASELINE:
        assert "baseline" in reason
    else:
        reaches = f"the candidate's share reaches {float(percent):g}"
        stands = place(project="churn", salt="s", unit=unit)
        assert reaches in reason
        assert f"It stands at {stands / 100:.2f} of 100" in reason
        assert (route_ == CANARY) == (stands < 100 * percent)  # exactly, no floats
