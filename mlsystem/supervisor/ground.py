"""What must hold before anything starts; every refusal is one clear sentence."""

import errno
import hashlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mlsystem import embedded
from mlsystem.supervisor.celery_main import CHILDREN
from mlsystem.version import VERSION


class CannotStart(Exception):
    """Why `up` refuses, and the cure."""


def runs_here() -> None:
    """Processes are ended by their groups, which Windows does not have."""
    if sys.platform == "win32":
        raise CannotStart("`up` and `demo` do not run on Windows itself: use WSL.")


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Holds the folder's lock; the kernel lets go of it whatever kills us."""
    runs_here()
    import fcntl

    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CannotStart(
                f"mlsystem is already up on {data_dir} (process {holder}). "
                "Stop it, or set DATA_DIR to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def port_is_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(_why_not(error, host, port)) from None


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken: stop what listens there, or set PORT "
            f"to another, as in PORT={port + 1 if port < 65535 else port - 1}."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs root; set PORT to one from 1024 to 65535."
    return f"HOST={host!r} is no address of this machine: {error.strerror or error}."


def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    try:
        with socket.create_connection((local, port), timeout=0.3):
            return True
    except OSError:
        return False


def end_stray_broker() -> None:
    """A broker outlived its supervisor (possible on macOS): end it, keep its data.

    The caller holds the folder's lock, so it cannot be somebody's.
    """
    import redis

    if not embedded.broker_answers(settings.DATA_DIR):
        return
    client = redis.Redis.from_url(embedded.redis_url(settings.DATA_DIR))
    try:
        client.shutdown(nosave=True)
    except redis.RedisError as error:
        raise CannotStart(
            f"A broker nobody owns runs on {settings.DATA_DIR} and does not stop: "
            f"{error}."
        ) from error
    deadline = time.monotonic() + 5
    while embedded.broker_answers(settings.DATA_DIR) and time.monotonic() < deadline:
        time.sleep(0.1)


def migrated(*, migrate: bool) -> None:
    """Brings the database up to date, or refuses when somebody else must do it."""
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending and migrate:
        call_command("migrate", interactive=False, verbosity=0)
    connection.close()
    if pending and not migrate:
        raise CannotStart(
            f"{len(pending)} migrations are not applied: run `manage.py migrate` once, "
            "then start the machines."
        )


def static_files_collected() -> None:
    """Collects and compresses them, unless they are those of the last start."""
    if settings.DEBUG:
        return
    stamp = settings.STATIC_ROOT / ".collected"
    found = _static_files()
    if stamp.exists() and stamp.read_text("utf-8") == found:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(found, "utf-8")


def _static_files() -> str:
    """A digest that changes with any static file's name, size or time."""
    digest = hashlib.sha256(VERSION.encode())
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: found[0]):
            about = Path(storage.path(path)).stat()
            digest.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def connections_suffice(roles: list[str]) -> None:
    """PostgreSQL's connections are counted: refuse now rather than answer 503 later."""
    if connection.vendor != "postgresql":
        return
    needed = 0
    if "web" in roles:
        needed += settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    if "worker" in roles:
        needed += sum(CHILDREN.values())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - (SELECT count(*) FROM pg_stat_activity WHERE backend_type ="
            " 'client backend' AND pid <> pg_backend_pid())"
        )
        free = int(cursor.fetchone()[0])
    connection.close()
    if needed > free:
        raise CannotStart(
            f"PostgreSQL has {free} connections free, this machine needs {needed}: "
            "raise max_connections, or stop other clients."
        )
