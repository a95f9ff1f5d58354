"""A progress bar where somebody watches, a line a stage where a log is kept."""

import sys
from typing import TextIO

WIDTH = 28


class Bar:
    """Stages with weights; `step` fills the current one."""

    def __init__(self, stages: dict[str, float], *, out: TextIO = sys.stdout) -> None:
        self.stages, self.out = stages, out
        self.done = 0.0
        self.current = ""
        self.said = ""

    def begin(self, stage: str) -> None:
        if self.current:
            self.done += self.stages[self.current]
        self.current = stage
        self.step(0.0)

    def step(self, fraction: float, words: str = "") -> None:
        whole = sum(self.stages.values())
        share = (self.done + fraction * self.stages.get(self.current, 0.0)) / whole
        text = f"{self.current}{f': {words}' if words else ''}"
        if self.out.isatty():
            filled = round(share * WIDTH)
            bar = "█" * filled + "░" * (WIDTH - filled)
            self.out.write(f"\r\x1b[K{bar} {share:4.0%} {text[:60]}")
        elif self.current != self.said:
            self.said = self.current
            self.out.write(f"{share:4.0%} {self.current}\n")
        self.out.flush()

    def end(self) -> None:
        if self.out.isatty():
            self.out.write("\r\x1b[K")
        self.out.flush()


class Silent(Bar):
    """Where nobody watches."""

    def step(self, fraction: float, words: str = "") -> None:
        del fraction, words
