"""What every declaration does: know its line, refuse with a cure, guard functions."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from registry import definition_values as values
from registry.definition_parts import DefinitionError, Feature
from registry.guarded import Guarded
from registry.schema import KINDS
from registry.windows import Window

NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}\Z")
_OURS = frozenset(
    {
        __name__,
        "registry.definitions",
        "registry.definition_data",
        "registry.definition_judgement",
        "registry.definition_windows",
    }
)


class Declared:
    """Where it is declared, and which of its settings on which line."""

    computed: list[Feature | Window]  # as declared: each sees those before it

    def __init__(self) -> None:
        self.module, self.path, _ = _caller()
        self.settings: dict[str, Any] = {}  # attributes of registry.models.Project
        self.lines: dict[str, int] = {}  # of each setting

    def place(self, line: int) -> str:
        return f"{self.module}, line {line}"

    @staticmethod
    def _line() -> int:
        return _caller()[2]

    def _set(self, attribute: str, value: Any, line: int) -> None:
        self.settings[attribute] = value
        self.lines[attribute] = line

    def _refuse(self, line: int, what: str, cure: str) -> NoReturn:
        raise DefinitionError(f"{self.place(line)}: {what}: {cure}.")

    def _fit(
        self,
        what: str,
        checks: Mapping[str, values.Check],
        given: Mapping[str, Any],
        line: int,
    ) -> None:
        """Refuse values that cannot be; all of them are told."""
        found = values.wrong(checks, given)
        if found:
            told = "; ".join(found)
            raise DefinitionError(
                f"{self.place(line)}: {f'{what}: ' if what else ''}{told}."
            )

    def _named(self, what: str, name: str, others: list[str], line: int) -> None:
        if not NAME.match(name):
            self._refuse(line, f"{what} {name!r}", "name it by a-z, 0-9, _ and -")
        if name in others:
            self._refuse(line, f"{what} {name}", "there is one of that name")

    def _kind(self, kind: str, line: int, what: str) -> None:
        if kind not in KINDS:
            self._refuse(line, f"{what}: kind {kind!r}", f"one of {', '.join(KINDS)}")

    def _guarded(self, function: object, line: int, what: str, then: str) -> Guarded:
        if not callable(function):
            self._refuse(line, what, "give a function of a row")
        return Guarded(function, name=f"{self.place(line)}, {what}", then=then)

    def _new_feature(self, feature: Feature) -> None:
        self._named("feature", feature.name, self._feature_names(), feature.line)
        self.computed.append(feature)

    def _feature_names(self) -> list[str]:
        raise NotImplementedError


def _caller() -> tuple[str, Path, int]:
    """The module, file and line that declares."""
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in _OURS and frame.f_back:
        frame = frame.f_back
    return frame.f_globals["__name__"], Path(frame.f_code.co_filename), frame.f_lineno
