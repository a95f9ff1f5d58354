"""How often the guardrail of failures takes back who fails no more than live, where some
requests are such that no version can read them, and whether it finds who does."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitoring.judging.guardrails import Alone, guardrails
from monitoring.judging.side_by_side import pairs
from monitoring.monitor.rollups import Piece
from monitoring.monitor.series import Sum

BEGAN = datetime(2026, 5, 1, 10, tzinfo=UTC)
LIVE, CANDIDATE = 1, 2
LOOKS = 8  # at a candidate that answers everyone, an hour apart
OTHERS = 100_000  # of live: a scoring


def is_taken_back(
    rng: np.random.Generator, *, both: int, ours: float, theirs: float, scored: float
) -> bool:
    """`both`: answers of live in an hour of both; then the candidate has hours for
    itself. The shares that fail, of the rows live scored too."""

    def piece(version: int, at: int, n: int, share: float) -> Piece:
        return Piece(
            version=version,
            role="live" if version == LIVE else "canary",
            at=BEGAN + at * timedelta(hours=1),
            n=n,
            errors=int(rng.binomial(n, share)),
            fallbacks=0,
            truths=0,
            mature=True,
        )

    of_live = [piece(LIVE, 0, both, theirs), piece(LIVE, 1, OTHERS, scored)]
    own = [piece(CANDIDATE, 0, both // 4, ours)]
    for look in range(LOOKS):
        own.append(piece(CANDIDATE, 2 + look, 1000, ours))
        sums = [
            Sum(n=sum(p.n for p in found), errors=sum(p.errors for p in found))
            for found in (of_live, own)
        ]
        together = list(pairs(own, of_live))
        if not guardrails(*sums, together, Alone(own, of_live))[0]["ok"]:
            return True
    return False


@pytest.mark.parametrize("both", [100, 200, 400, 800, 1200])
@pytest.mark.parametrize("share", [0.02, 0.03, 0.05, 0.1])
def test_who_fails_as_often_as_live_is_rarely_taken_back(
    both: int, share: float
) -> None:
    rng = np.random.default_rng(11)
    called = [
        is_taken_back(rng, both=both, ours=share, theirs=share, scored=0.0)
        for _ in range(200)
    ]
    assert np.mean(called) < 0.05


@pytest.mark.parametrize("both", [20, 100, 200, 400, 800, 1200])
def test_who_fails_at_four_in_a_hundred_beside_a_clean_live_is_found(both: int) -> None:
    rng = np.random.default_rng(11)
    called = [
        is_taken_back(rng, both=both, ours=0.04, theirs=0.0, scored=0.0)
        for _ in range(20)
    ]
    assert all(called)
