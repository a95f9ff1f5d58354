"""Looking at real processes: ports, families, waiting."""

import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


# Each process has ports of its own, below those that the system gives to whoever asks
# for any: nobody takes one between the moment it is found free and its server's start.
_ports = itertools.count(10_000 + 20 * os.getpid() % 20_000)


def free_port() -> int:
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("There is no end of ports.")


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], object], *, within: float = 60) -> None:
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
