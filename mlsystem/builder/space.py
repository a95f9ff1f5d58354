"""What a parameter may be: three small kinds, and Optuna's word for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Float:
    """A number from `low` to `high`, on a logarithmic scale where asked."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of a few words or numbers without an order."""

    options: tuple[Any, ...]

    def __init__(self, *options: Any) -> None:
        object.__setattr__(self, "options", options)


Kind = Float | Int | Choice
Space = Mapping[str, Kind]


def distribution(kind: Kind) -> Any:
    """The same as an Optuna distribution."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(kind, Choice):
        return CategoricalDistribution(kind.options)
    if isinstance(kind, Float):
        return FloatDistribution(kind.low, kind.high, log=kind.log)
    return IntDistribution(kind.low, kind.high, log=kind.log)


def suggest(trial: Any, name: str, kind: Kind) -> Any:
    """A value that an Optuna trial proposes for `name`."""
    if isinstance(kind, Choice):
        return trial.suggest_categorical(name, kind.options)
    ask = trial.suggest_float if isinstance(kind, Float) else trial.suggest_int
    return ask(name, kind.low, kind.high, log=kind.log)


def contains(space: Space, params: Mapping[str, Any]) -> bool:
    """Whether params give every name of the space a value inside it.

    >>> contains({"C": Float(0.1, 10)}, {"C": 1.0, "loss": "huber"}), contains(
    ...     {"C": Float(0.1, 10)}, {"C": 11.0})
    (True, False)
    """
    for name, kind in space.items():
        if name not in params:
            return False
        value = params[name]
        if isinstance(kind, Choice):
            if value not in kind.options:
                return False
        elif not kind.low <= value <= kind.high:
            return False
    return True
