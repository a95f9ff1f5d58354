"""The parent's side of a training child: asks, waits no longer than allowed, kills."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlsystem.builder.plan import BuildError

POLL_SECONDS = 0.25
LOG_TAIL = 2000  # characters of what the child printed last
# One thread each: two on busy cores did one trial in the time of nine.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
# Passwords and keys in the worker's environment are none of a model's business.
INHERITED = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")


class TimedOut(Exception):
    """The deadline passed; the child was killed."""


class Stopped(Exception):
    """Somebody wanted it to end; the child was killed."""


class Died(Exception):
    """The child ended by itself; the message says how, with what it printed last."""


class Child:
    """One training process, started when first asked, replaced when it is gone."""

    def __init__(
        self, *, workdir: Path, clock: Callable[[], float], poll: Callable[[], bool]
    ) -> None:
        self.workdir = workdir
        self.clock = clock
        self.poll = poll
        self.ready: dict[str, Any] = {}  # {"rows", "folds"}, once it has loaded
        self.start_seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._received = b""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, *, deadline: float) -> None:
        """Start and wait until the rows are read. Raises BuildError if it refuses."""
        if self._process is not None and self._process.poll() is None:
            return
        self.kill()  # one that died while nobody asked
        began = self.clock()
        with (self.workdir / "trainer.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                [sys.executable, "-m", "mlsystem.builder.trainer", str(self.workdir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
            )
        answer = self._wait(deadline)
        if "refused" in answer:
            self.kill()
            raise BuildError(answer["refused"])
        self.ready = answer["ready"]
        self.start_seconds = self.clock() - began

    def ask(self, request: dict[str, Any], *, deadline: float) -> dict[str, Any]:
        """The child's answer. Raises TimedOut, Stopped or Died; then it is gone."""
        self.start(deadline=deadline)
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Died(self._obituary()) from None
        return self._wait(deadline)

    def kill(self) -> None:
        """End the child, if there is one, and wait for it."""
        process, self._process, self._received = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close(pipe)

    def _wait(self, deadline: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                left = deadline - self.clock()
                if left <= 0:
                    self.kill()
                    raise TimedOut
                if self.poll():
                    self.kill()
                    raise Stopped
                if selector.select(min(left, POLL_SECONDS)):
                    piece = os.read(self._process.stdout.fileno(), 1 << 16)
                    if not piece:
                        raise Died(self._obituary())
                    self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def _obituary(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        self.kill()
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += " (perhaps it took too much memory)"
        log = (self.workdir / "trainer.log").read_text(errors="replace")
        return f"The training process {how}.\n{log[-LOG_TAIL:]}".strip()


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:  # a request that the dead child had not read
        pass


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return kept | ONE_THREAD | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}
