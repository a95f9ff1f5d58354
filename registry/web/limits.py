"""So many times in so long: counted in one atomic step, by every process together."""

import logging
import threading
import time
from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache

from registry.clock import now
from registry.errors import TooMany

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    name: str
    times: int
    seconds: int
    message: str


WRONG_KEY = Limit("wrong-key", 30, 60, "Too many wrong keys from this address.")
SIGN_IN = Limit("sign-in", 10, 300, "Too many tries to sign in as this person.")
SIGN_IN_PLACE = Limit("sign-in-place", 60, 300, "Too many tries from this address.")
INVITATION = Limit("invitation", 30, 300, "Too many wrong links from this address.")

PREFIX = "limit"
_lock = threading.Lock()
_here: dict[str, tuple[float, int]] = {}  # while the cache is down, by process


def count(limit: Limit, who: str) -> None:
    """One more time; TooMany once there were more than `limit.times` in its window.

    Counted before the work it guards: fifty at once get no more tries than one.
    """
    moment = now().timestamp()
    window = int(moment // limit.seconds)
    left = int((window + 1) * limit.seconds - moment) + 1
    if _add(_slot(limit, who, window), limit.seconds) > limit.times:
        raise TooMany(f"{limit.message} Try again in {left} s.", retry_after=left)


def forgive(limit: Limit, who: str) -> None:
    """The work went well: its tries in this window are not held against anybody."""
    slot = _slot(limit, who, int(now().timestamp() // limit.seconds))
    try:
        cache.delete(slot)
    except _cache_errors():
        logger.warning("the cache does not answer")
    with _lock:
        _here.pop(slot, None)


def give_back(limit: Limit, who: str) -> None:
    """This one time does not count; others still do."""
    slot = _slot(limit, who, int(now().timestamp() // limit.seconds))
    try:
        cache.decr(slot)
    except ValueError:  # the window has ended
        return
    except _cache_errors():
        logger.warning("the cache does not answer")


def _slot(limit: Limit, who: str, window: int) -> str:
    digest = sha256(who.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{PREFIX}:{limit.name}:{digest}:{window}"


def _add(slot: str, seconds: int) -> int:
    try:
        cache.add(slot, 0, timeout=2 * seconds)
        return int(cache.incr(slot))
    except ValueError:  # it expired between the two
        return 1
    except _cache_errors():
        logger.warning("the cache does not answer; limits count by process")
    with _lock:
        old = [name for name, (until, _) in _here.items() if until < time.monotonic()]
        for name in old:
            del _here[name]
        total = _here.get(slot, (0.0, 0))[1] + 1
        _here[slot] = (time.monotonic() + 2 * seconds, total)
        return total


def _cache_errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    return (RedisError, OSError)
