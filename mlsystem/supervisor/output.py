"""What the supervisor prints: every line with the name of who said it, but for what
is there to be copied."""

import os
import threading
from typing import TextIO

COLOURS = {
    "up": "1",
    "web": "36",
    "quick": "33",
    "long": "35",
    "beat": "34",
    "broker": "32",
}
WIDTH = max(map(len, COLOURS))


class Printer:
    """Prefixes lines; coloured on a terminal, unless NO_COLOR is set."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        self._lock = threading.Lock()
        self._closed = False

    def __call__(self, name: str, line: str) -> None:
        prefix = f"{name:<{WIDTH}} |"
        if self.coloured:
            prefix = f"\x1b[{COLOURS.get(name, '0')}m{prefix}\x1b[0m"
        text = f"{prefix} {line}\n" if name else f"{line}\n"
        with self._lock:
            if self._closed:
                return
            try:
                self.stream.write(text)
                self.stream.flush()
            except OSError:  # `up | head`: go on without a reader
                self._closed = True
                # What is left in the buffer would fail once more at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
