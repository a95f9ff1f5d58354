"""`manage.py up`: one command starts everything, keeps it alive, and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from mlsystem.supervisor import ground
from mlsystem.version import BASE_DIR
from tests.processes import child_environment
from tests.watching import accepts, alive, eventually, family, free_port, linux

LONG = 300  # seconds that nothing takes, on a machine however busy


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
            eventually(lambda: "mlsystem is at" in self.said(), within=LONG)
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
            timeout=LONG,
            check=False,
        )

    def end(self) -> None:
        if not self.ended():
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=40)


@pytest.mark.parametrize("name", ["up", "up web", "up worker", "demo"])
def test_windows_itself_is_refused_with_the_cure_that_the_readme_tells(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "sys", SimpleNamespace(platform="win32"))

    with pytest.raises(CommandError) as refused:
        call_command(*name.split())

    told = (BASE_DIR / "README.md").read_text("utf-8").replace("\n", " ")
    assert "use WSL" in str(refused.value)
    assert str(refused.value) in told


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    yield running
    running.end()


def test_one_command_serves_and_says_where(up):
    assert f"mlsystem is at http://127.0.0.1:{up.port} " in up.said()
    assert "Administrator: admin, password " in up.said()
    assert accepts(up.port)
    assert (up.folder / "mlsystem.sqlite3").stat().st_size > 0


@linux
def test_web_two_workers_beat_and_a_broker_run(up):
    eventually(
        lambda: len(up.pids(r"celery_main (quick|long)$")) >= 2 + 1 + 2, within=LONG
    )

    assert up.pids(r"granian")
    assert up.pids(r"celery_main beat")
    assert up.pids(r"valkey-server")


@pytest.mark.parametrize("arguments", [["up"], ["demo", "--no-serve"]])
def test_a_second_one_on_the_same_folder_is_refused_with_a_sentence(up, arguments):
    ended = up.another(*arguments, PORT=str(free_port()))

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


@pytest.mark.faults
@linux
@pytest.mark.parametrize(
    "victim", ["granian", "celery_main quick", "celery_main beat", "valkey-server"]
)
def test_what_is_killed_comes_back(up, victim):
    eventually(lambda: up.pids(victim), within=LONG)
    before = up.pids(victim)

    for pid in before:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    eventually(lambda: up.pids(victim) and not up.pids(victim) & before, within=LONG)
    eventually(lambda: accepts(up.port), within=LONG)
    eventually(lambda: not any(alive(pid) for pid in before), within=LONG)


def test_the_logs_hold_one_record_a_line_and_no_key(up):
    key = (up.folder / "secret_key").read_text()

    assert key not in up.said()
    # The welcome is there to be copied: it has no name before it.
    welcome = re.compile(r"Administrator: admin, password \S+ \(shown this once\)$|$")
    assert [
        line
        for line in up.said().splitlines()
        if not re.match(r"(up|web|quick|long|beat|broker) +\| ", line)
        and not welcome.match(line)
    ] == []


@pytest.mark.faults
@linux
def test_a_killed_supervisor_leaves_no_orphan_and_ctrl_c_no_trace(tmp_path):
    first = Up(tmp_path / "data")
    eventually(lambda: len(first.pids(r"celery_main (quick|long)$")) >= 5, within=LONG)
    children = family(first.process.pid)

    first.process.kill()
    first.process.wait()

    eventually(lambda: not any(alive(pid) for pid in children), within=LONG)

    second = Up(tmp_path / "data")
    assert accepts(second.port)
    children = family(second.process.pid)

    second.end()

    assert second.process.returncode == 0
    eventually(lambda: not any(alive(pid) for pid in children), within=LONG)
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
        eventually(lambda: accepts(port), within=LONG)
        eventually(
            lambda: logs["worker"].read_text().count(" ready.") == 2, within=LONG
        )
    finally:
        for part in parts.values():
            part.terminate()
        codes = {role: part.wait(timeout=40) for role, part in parts.items()}

    assert codes == {"web": 0, "worker": 0, "beat": 0}
    assert not (tmp_path / "broker").exists()
