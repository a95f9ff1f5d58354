"""Definition modules that a test writes: text beside data, named in the settings."""

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from registry import definition_store

HEAD = "from registry.definitions import *\n"
_numbers = itertools.count()


class Modules:
    """Writes modules where Python finds them; `change` is the next process's text."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.settings.MLSYSTEM_DEFINITIONS = []

    def write(self, body: str, name: str = "") -> str:
        name = name or f"mine_{next(_numbers)}"
        (self.folder / f"{name}.py").write_text(HEAD + body)
        importlib.invalidate_caches()  # two files of one moment leave a folder as old
        named = self.settings.MLSYSTEM_DEFINITIONS
        self.settings.MLSYSTEM_DEFINITIONS = [*dict.fromkeys([*named, name])]
        return name

    def change(self, name: str, body: str) -> None:
        self.write(body, name)
        forget(name)

    def data(self, name: str, lines: list[str]) -> None:
        (self.folder / name).write_text("\n".join(lines) + "\n")


def forget(name: str) -> None:
    """As a new process would, that has read nothing yet."""
    sys.modules.pop(name, None)
    for held in (
        definition_store._loaded,
        definition_store._broken,
        definition_store._hashes,
    ):
        held.pop(name, None)  # type: ignore[attr-defined]


@pytest.fixture
def modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Modules(tmp_path, settings)
    yield made
    for name in made.settings.MLSYSTEM_DEFINITIONS:
        forget(name)


Write = Callable[[str], str]
