"""`manage.py up`: one command starts everything, keeps it alive, and leaves nothing."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlsystem.supervisor.fleet import Fleet
from mlsystem.supervisor.output import Printer
from mlsystem.supervisor.programs import Program
from mlsystem.version import BASE_DIR
from tests.processes import child_environment

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], object], *, within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.1)


def family(parent: int) -> dict[int, str]:
    """Every living descendant's id with its command line."""
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (
                (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            )
        except (OSError, ValueError):
            continue  # no process, or gone while we looked
        if entry.name.isdigit() and state != "Z":
            parents[int(entry.name)], commands[int(entry.name)] = int(ppid), command
    found: dict[int, str] = {}
    while True:
        more = {pid for pid, ppid in parents.items() if ppid in {parent, *found}}
        if more == set(found):
            return found
        found = {pid: commands[pid] for pid in more}


def alive(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


# --- the fleet, with small programs -----------------------------------------------------


def shell(name: str, script: str, **more: float) -> Program:
    return Program(name, ["/bin/sh", "-c", script], **more)


def run_fleet(*programs: Program, until: Callable[[str], bool]) -> str:
    """Runs a fleet until its output satisfies the condition; returns the output."""
    output = io.StringIO()
    fleet = Fleet(programs, say=Printer(output))

    def watch() -> None:
        deadline = time.monotonic() + 20
        while not until(output.getvalue()) and time.monotonic() < deadline:
            time.sleep(0.05)
        fleet.stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    fleet.run(ready=lambda: True, announce=lambda: None)
    watcher.join()
    return output.getvalue()


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


@linux
def test_what_a_killed_program_started_is_killed_with_it():
    said = run_fleet(
        shell("long", "sleep 1000 & echo child $!; sleep 0.2; kill -9 $$"),
        until=lambda text: "Killed by SIGKILL" in text,
    )

    assert all(not alive(int(pid)) for pid in re.findall(r"child (\d+)", said))


@linux
def test_a_program_that_does_not_listen_is_ended_after_its_grace():
    started = time.monotonic()
    said = run_fleet(
        shell("web", "trap '' TERM; echo pid $$; while :; do sleep 1; done", grace=1),
        until=lambda text: "pid" in text,
    )

    assert time.monotonic() - started < 10
    assert not alive(int(re.findall(r"pid (\d+)", said)[0]))


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
        threading.Timer(1.5, fleet.stop).start()
        fleet.run(ready=lambda: True, announce=lambda: None)

    assert (tmp_path / "alive").exists()


# --- the command ------------------------------------------------------------------------


class Up:
    """A running `manage.py up` on a folder and a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command("up"), env=self.environment(), stdout=log, stderr=log
            )
        try:
            eventually(lambda: "mlsystem is at" in self.said(), within=90)
        except AssertionError:
            self.end()
            raise AssertionError(self.said()) from None

    def environment(self, **more: str) -> dict[str, str]:
        unset = {"DATABASE_URL", "REDIS_URL", "DJANGO_ALLOW_ASYNC_UNSAFE"}
        return {name: v for name, v in os.environ.items() if name not in unset} | {
            "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
            "DATA_DIR": str(self.folder),
            "PORT": str(self.port),
            **more,
        }

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def ended(self) -> bool:
        return self.process.poll() is not None

    def pids(self, pattern: str) -> set[int]:
        """The programs themselves, without the leash that holds each."""
        found = family(self.process.pid).items()
        return {
            pid
            for pid, line in found
            if re.search(pattern, line) and "leash" not in line
        }

    def another(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def end(self) -> None:
        if not self.ended():
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=40)


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    yield running
    running.end()


def test_one_command_serves_and_says_where(up):
    assert f"mlsystem is at http://127.0.0.1:{up.port} " in up.said()
    assert accepts(up.port)
    assert (up.folder / "mlsystem.sqlite3").stat().st_size > 0


@linux
def test_web_two_workers_beat_and_a_broker_run(up):
    eventually(lambda: len(up.pids(r"celery_main (quick|long)$")) >= 2 + 1 + 2)

    assert up.pids(r"granian")
    assert up.pids(r"celery_main beat")
    assert up.pids(r"valkey-server")


def test_a_second_one_on_the_same_folder_is_refused_with_a_sentence(up):
    ended = up.another("up", PORT=str(free_port()))

    assert ended.returncode == 1
    assert f"already up on {up.folder} (process {up.process.pid})" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_refused_with_the_cure(up, tmp_path):
    ended = up.another("up", DATA_DIR=str(tmp_path))

    assert ended.returncode == 1
    assert f"Port {up.port} on 127.0.0.1 is taken" in ended.stderr
    assert "set PORT" in ended.stderr


def test_an_address_of_another_machine_is_refused(up, tmp_path):
    ended = up.another("up", DATA_DIR=str(tmp_path), HOST="192.0.2.1")

    assert ended.returncode == 1
    assert "HOST='192.0.2.1' is no address of this machine" in ended.stderr


def test_a_worker_alone_needs_a_broker_and_a_migrated_database(up, tmp_path):
    unmigrated = up.another("up", "worker", DATA_DIR=str(tmp_path))
    assert "migrations are not applied: run `manage.py migrate`" in unmigrated.stderr

    database = f"sqlite:///{up.folder}/mlsystem.sqlite3"
    alone = up.another("up", "worker", DATA_DIR=str(tmp_path), DATABASE_URL=database)
    assert "finds no broker: set REDIS_URL" in alone.stderr
    assert (unmigrated.returncode, alone.returncode) == (1, 1)


@linux
@pytest.mark.parametrize(
    "victim", ["granian", "celery_main quick", "celery_main beat", "valkey-server"]
)
def test_what_is_killed_comes_back(up, victim):
    eventually(lambda: up.pids(victim))
    before = up.pids(victim)

    for pid in before:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    eventually(lambda: up.pids(victim) and not up.pids(victim) & before)
    eventually(lambda: accepts(up.port))
    eventually(lambda: not any(alive(pid) for pid in before))


def test_the_logs_hold_one_record_a_line_and_no_key(up):
    key = (up.folder / "secret_key").read_text()

    assert key not in up.said()
    assert all(
        re.match(r"(up|web|quick|long|beat|broker) +\| ", line)
        for line in up.said().splitlines()
    )


@linux
def test_a_killed_supervisor_leaves_no_orphan_and_ctrl_c_no_trace(tmp_path):
    first = Up(tmp_path / "data")
    eventually(lambda: len(first.pids(r"celery_main (quick|long)$")) >= 5)
    children = family(first.process.pid)

    first.process.kill()
    first.process.wait()

    eventually(lambda: not any(alive(pid) for pid in children), within=15)

    second = Up(tmp_path / "data")
    assert accepts(second.port)
    children = family(second.process.pid)

    second.end()

    assert second.process.returncode == 0
    assert not any(alive(pid) for pid in children)
    assert not accepts(second.port)


@pytest.mark.needs_postgres
@pytest.mark.needs_redis
@pytest.mark.django_db(transaction=True)
def test_the_parts_run_one_by_one_on_postgresql_and_redis(tmp_path):
    port = free_port()
    environment = child_environment(DATA_DIR=str(tmp_path), PORT=str(port))
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    logs = {role: tmp_path / f"{role}.log" for role in ("web", "worker", "beat")}
    parts = {}
    try:
        for role, path in logs.items():
            with path.open("wb") as log:
                parts[role] = subprocess.Popen(
                    command("up", role), env=environment, stdout=log, stderr=log
                )
        eventually(lambda: accepts(port), within=60)
        eventually(lambda: logs["worker"].read_text().count(" ready.") == 2, within=60)
    finally:
        for part in parts.values():
            part.terminate()
        codes = {role: part.wait(timeout=40) for role, part in parts.items()}

    assert codes == {"web": 0, "worker": 0, "beat": 0}
    assert not (tmp_path / "broker").exists()
