"""The supervisor's fleet, tried on small programs."""

import io
import os
import re
import threading
import time
from collections.abc import Callable

import pytest

from mlsystem.supervisor.fleet import Fleet
from mlsystem.supervisor.output import Printer
from mlsystem.supervisor.programs import Program
from tests.watching import alive, eventually, linux


def shell(name: str, script: str, **more: float) -> Program:
    return Program(name, ["/bin/sh", "-c", script], **more)


def run_fleet(*programs: Program, until: Callable[[str], bool]) -> str:
    """Runs a fleet until its output satisfies the condition; returns the output."""
    output = io.StringIO()
    fleet = Fleet(programs, say=Printer(output))

    run_until(fleet, lambda: until(output.getvalue()))
    return output.getvalue()


def run_until(fleet: Fleet, done: Callable[[], bool]) -> None:
    """Runs a fleet until the condition holds, a minute at most."""

    def watch() -> None:
        deadline = time.monotonic() + 60
        while not done() and time.monotonic() < deadline:
            time.sleep(0.05)
        fleet.stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    fleet.run(ready=lambda: True, announce=lambda: None)
    watcher.join()


def test_every_line_names_who_said_it():
    said = run_fleet(
        shell("web", "echo one; echo two >&2; sleep 100"),
        shell("beat", "echo three; sleep 100"),
        until=lambda text: text.count("\n") >= 3,
    )

    assert {"web    | one", "web    | two", "beat   | three"} <= set(said.splitlines())
    assert "\x1b" not in said


def test_a_program_that_keeps_dying_is_started_again_later_and_later():
    said = run_fleet(shell("web", "exit 7"), until=lambda text: text.count("7;") >= 3)

    assert re.findall(r"exit code 7; starts again in (\S+) s", said)[:3] == [
        *("0.5", "1", "2")
    ]


@pytest.mark.faults
@linux
def test_what_a_killed_program_started_is_killed_with_it():
    said = run_fleet(
        shell("long", "sleep 1000 & echo child $!; sleep 0.2; kill -9 $$"),
        until=lambda text: "Killed by SIGKILL" in text,
    )

    children = re.findall(r"child (\d+)", said)
    eventually(lambda: not any(alive(int(pid)) for pid in children))


class Naps:
    """A clock that goes on only while its fleet waits for others."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
        self.seconds += seconds


@pytest.mark.faults
@linux
def test_a_program_that_does_not_listen_is_ended_after_its_grace(monkeypatch):
    naps = Naps()
    monkeypatch.setattr("mlsystem.supervisor.fleet.time", naps)
    said = run_fleet(
        shell("web", "trap '' TERM; echo pid $$; while :; do sleep 1; done", grace=1),
        until=lambda text: "pid" in text,
    )

    assert 1 <= naps.seconds < 2
    pid = int(re.findall(r"pid (\d+)", said)[0])
    eventually(lambda: not alive(pid))


def test_the_broker_ends_after_those_who_need_it():
    last_words = "trap 'echo bye; exit' TERM; echo up; while :; do sleep 0.1; done"
    said = run_fleet(
        shell("broker", last_words),
        shell("long", last_words.replace("echo bye", "sleep 0.5; echo bye")),
        until=lambda text: text.count(" up\n") == 2,
    )

    byes = [line.split()[0] for line in said.splitlines() if line.endswith("bye")]
    assert byes == ["long", "broker"]


def test_a_reader_that_goes_away_does_not_stop_the_fleet(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nobody:
        fleet = Fleet(
            [shell("web", f"echo hello; sleep 0.5; touch {tmp_path}/alive; sleep 9")],
            say=Printer(nobody),
        )
        run_until(fleet, (tmp_path / "alive").exists)

    assert (tmp_path / "alive").exists()
