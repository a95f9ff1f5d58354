"""Holds one program: passes signals on, and ends its whole group when nobody watches.

Run as a file, so that it imports nothing of ours: leash.py PARENT PROGRAM ARGUMENT…

A program alone cannot do this: a Celery parent that loses its terminal hangs in its
own shutdown, a killed one leaves its pool behind, and valkey-server never looks.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
GRACE = 5.0  # seconds that a program gets when the supervisor is gone


def die_with_parent(number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def main() -> None:
    parent, *command = sys.argv[1:]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # the pipe tells
    die_with_parent(signal.SIGTERM)
    process = subprocess.Popen(  # noqa: S603 (the supervisor's own commands)
        command, preexec_fn=lambda: die_with_parent(signal.SIGKILL)
    )
    _hold(process, parent=int(parent), reader=reader)
    if process.returncode < 0:  # end as it ended, so that the supervisor can tell
        if process.returncode == -signal.SIGTERM:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -process.returncode)
    raise SystemExit(process.returncode)


def _hold(process: subprocess.Popen[bytes], *, parent: int, reader: int) -> None:
    """Returns when the program ended; never, when the supervisor is gone."""
    deadline = None
    while process.poll() is None:
        select.select([reader], [], [], 1.0)
        try:
            signals = os.read(reader, 100)
        except BlockingIOError:
            signals = b""
        if deadline is None and os.getppid() != parent:
            deadline = time.monotonic() + GRACE
            process.terminate()
        elif signal.SIGTERM in signals or signal.SIGINT in signals:
            process.terminate()
        if deadline is not None and time.monotonic() > deadline:
            break
    if deadline is not None:
        os.killpg(0, signal.SIGKILL)  # the rest of the group, and this process


if __name__ == "__main__":
    main()
