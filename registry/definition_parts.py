"""What a definition consists of: plain values, each knowing the line it was written on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from registry.guarded import Guarded
from registry.row_features import RowFeature


class DefinitionError(ValueError):
    """Something declared cannot be; the message names module, line and cure."""


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def times(factor: float, column: str) -> dict[str, Any]:
    """A cost that is a numeric field of the row, so many times."""
    return {"times": factor, "field": column}


def share(name: str, purpose: str) -> float:
    """A number from 0 to 1, always the same for a name and a purpose: what is invented,
    or chosen by chance, is then the same in every process.

    >>> share("C12", "dataset") == share("C12", "dataset") != share("C12", "asked")
    True
    """
    digest = blake2b(f"{purpose}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True)
class Column:
    """A stored column of a look-up; without a name that of its attribute. Where the
    project has no input of that name it is a feature; without a kind, of the kind that
    its source's values have."""

    name: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Rule:
    """A baseline: where the column compares so, `then`, else `otherwise`."""

    column: str
    operator: str
    value: Any
    then: Any = None
    otherwise: Any = None


@dataclass(frozen=True)
class GroupMean:
    """A baseline: the mean, or the class shares, of the training rows of a group; with
    `over`, the mean of what became known in that time before each prediction."""

    columns: list[str] | str
    over: timedelta | None = None


@dataclass(frozen=True)
class Source:
    """Where rows are read: a file beside the module, a table or query of
    SOURCE_<SOURCE>_URL, or a function that makes them."""

    name: str
    line: int
    table: str = ""
    sql: str = ""
    file: str = ""
    source: str = ""  # NAME of SOURCE_<NAME>_URL
    watermark: str = ""
    rows: Guarded | None = None


@dataclass(frozen=True)
class Derived:
    """A column computed from a row of a source; "" is the first."""

    name: str
    function: Guarded
    kind: str | None
    line: int
    source: str = ""


@dataclass(frozen=True)
class Lookup:
    """Columns stored by key, read where an input lacks them. `columns` maps the
    feature's name to a column of the source; None: every input of the project."""

    source: str
    key: list[str]
    columns: dict[str, Column] | None
    line: int


@dataclass(frozen=True)
class Feature:
    """A feature of a row: one of the closed set, or the definition's own function."""

    name: str
    kind: str
    line: int
    closed: RowFeature | None = None
    function: Guarded | None = None


@dataclass(frozen=True)
class Baseline:
    """A baseline to serve first: a kind of `catalogue.BASELINES` with its parameters."""

    name: str
    kind: str
    line: int
    params: dict[str, Any] = field(default_factory=dict)
    function: Callable[[Mapping[str, Any]], Any] | None = None
