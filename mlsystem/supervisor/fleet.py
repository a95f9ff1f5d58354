"""The supervisor: starts the programs, keeps them alive, ends them together."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from mlsystem.supervisor.child import Child
from mlsystem.supervisor.output import Printer
from mlsystem.supervisor.programs import Program

STEP = 0.1
LONGEST_WAIT = 10.0


class Fleet:
    """Several children in the foreground until a signal comes."""

    def __init__(self, programs: Sequence[Program], *, say: Printer) -> None:
        self.say = say
        self.children = [Child(program, say=say) for program in programs]
        self._stop = threading.Event()
        self._hurry = False

    def run(self, *, ready: Callable[[], bool], announce: Callable[[], None]) -> None:
        """Starts all, calls `announce` once when `ready`, returns when all ended."""
        previous = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            for child in self.children:
                if not self._stop.is_set():
                    child.start()
                    self._wait_for(child)
            self._watch(ready, announce)
        finally:
            self.end()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        self._stop.set()

    def _wait_for(self, child: Child) -> None:
        """Gives the others what they need at once; late is not fatal, they retry."""
        answers = child.program.answers
        deadline = time.monotonic() + LONGEST_WAIT
        while answers and not answers() and time.monotonic() < deadline:
            if self._stop.wait(STEP):
                return

    def _watch(self, ready: Callable[[], bool], announce: Callable[[], None]) -> None:
        announced = False
        while not self._stop.wait(STEP):
            now = time.monotonic()
            for child in self.children:
                child.tend(now)
            if not announced and ready():
                announced = True
                announce()

    def end(self) -> None:
        """Everybody but the broker first, then the broker; nobody is left."""
        self.say("up", "Stopping.")
        brokers = [child for child in self.children if child.program.name == "broker"]
        others = [child for child in self.children if child not in brokers]
        for group in (others, brokers):
            for child in group:
                child.ask_to_end()
            deadline = time.monotonic() + max(
                (child.program.grace for child in group), default=0
            )
            while any(child.running() for child in group):
                if self._hurry or time.monotonic() > deadline:
                    break
                time.sleep(STEP)
            for child in group:
                child.end()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._hurry = self._stop.is_set()  # the second Ctrl-C does not wait
        self._stop.set()
