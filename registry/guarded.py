"""The boundary of a declared function: whatever it raises is logged, and has a
consequence that its caller defines. One of the four places that catch everything."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

logger = logging.getLogger(__name__)

TRACEBACKS = 3  # of one function in one process; then every thousandth failure


class Failed:
    """What a guarded function answers where it failed; test with `is FAILED`."""

    def __repr__(self) -> str:
        return "FAILED"


FAILED = Failed()


class Guarded:
    """A declared function that never raises: it answers FAILED, and counts."""

    def __init__(self, function: Callable[..., Any], *, name: str, then: str) -> None:
        self.function = function
        self.name = name  # "mlsystem.examples.churn, line 30, feature is_new"
        self.then = then  # the consequence, for the log: "the feature is missing"
        self.failures = 0
        self.last_error = ""
        self._lock = threading.Lock()

    def __call__(self, *args: Any) -> Any:
        try:
            return self.function(*args)
        except Exception as error:  # noqa: BLE001 - the boundary of a declared function
            self._tell(error, args)
            return FAILED

    def reject(self, answer: object, why: str, *args: Any) -> None:
        """An answer that cannot be used counts as a failure too."""
        self._tell(TypeError(f"answered {answer!r:.80}: {why}"), args)

    def _tell(self, error: Exception, args: tuple[Any, ...]) -> None:
        with self._lock:
            self.failures += 1
            count = self.failures
            self.last_error = f"{type(error).__name__}: {error}"
        if count > TRACEBACKS and count % 1000:
            return
        logger.error(
            "%s failed (%d times) on input %s; %s",
            self.name,
            count,
            digest(args),
            self.then,
            exc_info=error,
        )


def digest(value: object) -> str:
    """Tells whether two failures had the same input, and tells nothing else of it."""
    return blake2b(repr(value).encode(errors="replace"), digest_size=8).hexdigest()
