"""A progress bar where somebody watches, a line a stage where a log is kept."""

import sys
from threading import RLock, get_ident
from typing import TextIO

WIDTH = 28


class Bar:
    """Stages with weights; `step` fills the one that its thread is at."""

    def __init__(self, stages: dict[str, float], *, out: TextIO = sys.stdout) -> None:
        self.stages, self.out = stages, out
        self.done = 0.0
        self.at: dict[int, tuple[str, float]] = {}  # thread → stage, how far
        self.said: set[str] = set()
        self.stopped = False
        self.one_by_one = RLock()

    def begin(self, stage: str) -> None:
        with self.one_by_one:
            before, _ = self.at.get(get_ident(), ("", 0.0))
            self.done += self.stages.get(before, 0.0)
            self.at[get_ident()] = stage, 0.0
            self.step(0.0)

    def stop(self) -> None:
        """Every thread that tells something is interrupted where it says so next."""
        self.stopped = True

    def step(self, fraction: float, words: str = "") -> None:
        if self.stopped:
            raise KeyboardInterrupt
        with self.one_by_one:
            stage, _ = self.at[get_ident()]
            self.at[get_ident()] = stage, fraction
            part = sum(
                far * self.stages.get(name, 0.0) for name, far in self.at.values()
            )
            share = (self.done + part) / sum(self.stages.values())
            text = f"{stage}{f': {words}' if words else ''}"
            if self.out.isatty():
                filled = round(share * WIDTH)
                bar = "█" * filled + "░" * (WIDTH - filled)
                self.out.write(f"\r\x1b[K{bar} {share:4.0%} {text[:60]}")
            elif stage not in self.said:
                self.said.add(stage)
                self.out.write(f"{share:4.0%} {stage}\n")
            self.out.flush()

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        clear = "\r\x1b[K" if self.out.isatty() else ""
        self.out.write(f"{clear}{text}\n")
        self.out.flush()

    def end(self) -> None:
        if self.out.isatty():
            self.out.write("\r\x1b[K")
        self.out.flush()


class Silent(Bar):
    """Where nobody watches."""

    def step(self, fraction: float, words: str = "") -> None:
        del fraction, words

    def say(self, text: str) -> None:
        del text
