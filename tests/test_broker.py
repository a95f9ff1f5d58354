"""The broker may be slow, dead or away: who sends waits a moment, and nothing is lost."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlsystem import embedded
from mlsystem.env import SettingError

SEND = """
import time
from mlsystem.celery import app
for _ in range(6):
    started = time.perf_counter()
    try:
        app.send_task("mlsystem.tick", queue="quick")
        print("sent", end=" ")
    except Exception as error:
        print(type(error).__name__, end=" ")
    print(time.perf_counter() - started)
"""


def send(folder: os.PathLike[str], redis_url: str = "") -> list[tuple[str, float]]:
    """Six sends in a process of its own: how each ended, and its seconds."""
    ended = subprocess.run(
        [sys.executable, "-c", SEND],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
            "DATA_DIR": str(folder),
            "REDIS_URL": redis_url,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [line.split() for line in ended.stdout.splitlines()]
    return [(how, float(seconds)) for how, seconds in lines]


@contextmanager
def listener(*, accepts: bool) -> Iterator[str]:
    """The address of a server that never answers, or of a port where nobody is."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if accepts:
            server.listen(16)
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.mark.faults
def test_no_broker_at_all_fails_at_once(tmp_path):
    found = send(tmp_path)

    assert {how for how, _ in found} == {"OperationalError"}
    assert min(seconds for _, seconds in found) < 0.1  # a wait would be in each


@pytest.mark.faults
@pytest.mark.parametrize("accepts", [False, True], ids=["refuses", "black hole"])
def test_a_broker_that_does_not_answer_costs_a_third_of_a_second(tmp_path, accepts):
    with listener(accepts=accepts) as url:
        found = send(tmp_path, url)

    assert {how for how, _ in found} == {"OperationalError"}
    assert min(seconds for _, seconds in found) < 0.6  # a longer wait: in each


@pytest.mark.needs_redis
def test_a_broker_that_is_there_gets_the_message(tmp_path):
    found = send(tmp_path, os.environ["REDIS_URL"])

    assert {how for how, _ in found} == {"sent"}


# --- its address ----------------------------------------------------------------------


def test_the_brokers_socket_stays_short_however_long_the_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = Path("/srv") / ("deep" * 30)

    path = embedded.socket_path(deep)

    assert len(os.fsencode(path)) <= 107 or len(os.fsencode(tmp_path)) > 60
    assert path == embedded.socket_path(deep)
    assert path != embedded.socket_path(deep / "other")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_socket_folder_that_others_can_write_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = Path("/srv") / ("deep" * 30)
    embedded.socket_path(deep).parent.chmod(0o777)

    with pytest.raises(SettingError, match="not a folder of yours alone"):
        embedded.socket_path(deep)
