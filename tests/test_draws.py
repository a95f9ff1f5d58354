"""A run whose seed is known can be had again."""

import os
import secrets
from uuid import uuid4

import numpy as np
import pytest

from registry import clock
from registry.identifiers import uuid7
from tests import draws


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", os.urandom)
    monkeypatch.setattr("random._urandom", os.urandom)


def drawn(seed: str) -> list[object]:
    draws.begin(seed)
    now = clock.now()
    return [
        *(
            uuid4(),
            uuid7(now).int % 2**62,
            secrets.token_hex(),
            secrets.choice("abcdef"),
        ),
        np.random.default_rng().normal(),
    ]


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    assert drawn("1 a test") == drawn("1 a test")
    assert drawn("1 a test")[:3] != drawn("2 a test")[:3]
    assert drawn("1 a test")[:3] != drawn("1 another test")[:3]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_children_of_one_test_draw_each_their_own() -> None:
    draws.begin("1 a test")
    seen = []
    for _ in range(2):
        here, there = os.pipe()
        if not (child := os.fork()):
            try:
                os.write(there, uuid4().bytes)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        seen.append(os.read(here, 16))
        os.close(here)
        os.close(there)
    assert seen[0] != seen[1]
    assert uuid4().bytes not in seen
