"""What a test draws from the machine (salts, tokens, UUIDs, unseeded generators) comes
from the seed that pytest-randomly shows at the head of a run: whoever passes it again
with --randomly-seed meets the same draws."""

import os
import random
from collections.abc import Callable

MACHINE: Callable[[int], bytes] = os.urandom


def begin(seed: str) -> None:
    """From here on this process draws the same as every other that began with `seed`."""
    _use(random.Random(seed).randbytes)


def end() -> None:
    _use(MACHINE)


def _use(source: Callable[[int], bytes]) -> None:
    os.urandom = source
    # What `secrets`, and NumPy through it, holds on to.
    random._urandom = source  # type: ignore[attr-defined]


# Two children of one test would otherwise draw the same UUIDs.
os.register_at_fork(after_in_child=end)
