"""One child process: started on a leash, its lines prefixed, restarted, ended whole."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

from mlsystem.supervisor.programs import LEASH, Program, python_path

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
HEALTHY = 60.0  # after so long a life, the next death counts as the first

Say = Callable[[str, str], None]


class Child:
    """A program's current process group, and its history."""

    def __init__(self, program: Program, *, say: Say) -> None:
        self.program = program
        self.say = say
        self.deaths = 0
        self.due: float | None = None  # when to start it again
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None
        self._started = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Must be called from the main thread: the leash is tied to it."""
        environment = dict(os.environ)
        environment["PYTHONPATH"] = python_path(os.environ.get("PYTHONPATH", ""))
        environment["PYTHONUNBUFFERED"] = "1"
        # Two OpenMP threads on busy cores did one trial in the time of nine.
        environment.setdefault("OMP_NUM_THREADS", "1")
        self.due = None
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 (our own commands)
            [
                *(sys.executable, "-I", "-S", str(LEASH), str(os.getpid())),
                *self.program.command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the group
        )
        self._pump = threading.Thread(
            target=self._forward, args=(self._process.stdout,), daemon=True
        )
        self._pump.start()

    def tend(self, now: float) -> None:
        """Notices a death and starts the program again, later at each death."""
        if self.due is not None:
            if now >= self.due:
                self.start()
            return
        if self._process is None or self._process.poll() is None:
            return
        self._kill_group()
        if now - self._started > HEALTHY:
            self.deaths = 0
        pause = min(FIRST_PAUSE * 2**self.deaths, LONGEST_PAUSE)
        self.deaths += 1
        self.due = now + pause
        self.say(
            self.program.name,
            f"{_ending(self._process.returncode)}; starts again in {pause:g} s.",
        )

    def ask_to_end(self) -> None:
        self.due = None
        if self.running():
            self._signal_leader(signal.SIGTERM)

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self) -> None:
        """Kills what is left of the group, and lets the last lines through."""
        self._kill_group()
        if self._process:
            self._process.wait()
        if self._pump:
            self._pump.join(timeout=2)

    def _signal_leader(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)

    def _kill_group(self) -> None:
        """A worker that was killed leaves its pool behind; nobody else ends it."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS: the latter for zombies
            pass

    def _forward(self, stream: IO[bytes]) -> None:
        noise = self.program.noise
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").rstrip()
                if line and not (noise and noise in line):
                    self.say(self.program.name, line)


def _ending(code: int) -> str:
    if code < 0:
        return f"Killed by {signal.Signals(-code).name}"
    return f"Ended with exit code {code}"
