"""What to try next: every family's default, then Optuna over the rows there are.

Nothing is kept between asks: the study is rebuilt in memory from the trial rows, so that
slots on many machines share one search, a row told twice counts once, and there is no
second storage to back up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlsystem.builder.families import Family
from mlsystem.builder.plan import (
    FAILED,
    FINISHED,
    RUNNING,
    TrialRow,
    TrialSpec,
    loss,
)
from mlsystem.builder.space import (
    Float,
    Kind,
    Space,
    contains,
    distribution,
    suggest,
)

PATIENCE = 30  # tuned trials without a better one
RANDOM_FIRST = 6  # trials before the sampler trusts its model
HOPELESS = 2  # failures, and no success, after which a family is left alone
TRIES = 10  # to find parameters not tried before
SEEDS = 1_000_003  # apart, so that no two trials of two builds share a seed


@dataclass(frozen=True, kw_only=True)
class Study:
    """The search of one build; `families` in the order of their first trials."""

    families: Mapping[str, Family]
    task: str
    metric: str
    fields: Sequence[Mapping[str, Any]]
    seed: int = 0
    patience: int = PATIENCE
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by family
    lengths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of windows

    def next(self, rows: Sequence[TrialRow]) -> TrialSpec | None:
        """What to try after these rows; None when nothing new is worth a try."""
        known = {row.number: row for row in rows}  # told twice is told once
        number = max(known, default=0) + 1
        tried = [
            known[number] for number in sorted(known)
        ]  # for one answer in any order
        for family in self.families:
            if all(row.family != family for row in tried):
                return self._spec(number, family, self.defaults(family))
        if self._out_of_patience(tried):
            return None
        return self._sample(number, tried)

    def defaults(self, family: str) -> dict[str, Any]:
        """The parameters of a family's first trial."""
        start = {name: given["start"] for name, given in self.lengths.items()}
        return (
            self.families[family].defaults(self.task, self.metric)
            | (start if self._own_space(family) else {})
            | dict(self.fixed.get(family, {}))
        )

    def spaces(self, rows: Sequence[TrialRow]) -> dict[str, Space]:
        """What is still tuned: families with free parameters that do not only fail."""
        found: dict[str, Space] = {}
        for name in self.families:
            fixed = self.fixed.get(name, {})
            own = self._own_space(name)
            space: dict[str, Kind] = {
                key: kind
                for key, kind in {**own, **(self._shared if own else {})}.items()
                if key not in fixed
            }
            states = [row.state for row in rows if row.family == name]
            hopeless = FINISHED not in states and states.count(FAILED) >= HOPELESS
            if space and not hopeless:
                found[name] = space
        return found

    def _own_space(self, family: str) -> Space:
        return self.families[family].space(self.task, self.fields)

    @property
    def _shared(self) -> dict[str, Kind]:
        """What every family that learns from features is tuned by."""
        return {
            name: Float(given["low"], given["high"], log=given["log"])
            for name, given in self.lengths.items()
        }

    def _key_of(self, family: str, name: str) -> str:
        """A length means the same to all families; their own parameters do not."""
        return name if name in self.lengths else f"{family}.{name}"

    def _out_of_patience(self, rows: Sequence[TrialRow]) -> bool:
        over = sorted((r for r in rows if r.state != RUNNING), key=lambda r: r.number)
        best, since = float("inf"), 0
        for row in over:
            value = self._loss(row)
            if value is not None and value < best:
                best, since = value, 0
            else:
                since += 1
        return since >= self.patience

    def _loss(self, row: TrialRow) -> float | None:
        if row.state != FINISHED or row.score is None:
            return None
        return loss(self.metric, row.score)

    def _sample(self, number: int, rows: Sequence[TrialRow]) -> TrialSpec | None:
        spaces = self.spaces(rows)
        if not spaces:
            return None
        tried = {_key(row.family, row.params) for row in rows}
        for again in range(TRIES):
            trial = self._study(number + again * SEEDS, rows, spaces).ask()
            family = trial.suggest_categorical("family", list(spaces))
            params = self.defaults(family)
            for name, kind in spaces[family].items():
                value = suggest(trial, self._key_of(family, name), kind)
                params[name] = _short(value, kind) if name in self.lengths else value
            if _key(family, params) not in tried:
                return self._spec(number, family, params)
        return None

    def _study(
        self, salt: int, rows: Sequence[TrialRow], spaces: Mapping[str, Space]
    ) -> Any:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(
            seed=(self.seed * SEEDS + salt) % 2**32,
            n_startup_trials=RANDOM_FIRST,
            constant_liar=True,
        )
        study = optuna.create_study(sampler=sampler)
        losses = [value for row in rows if (value := self._loss(row)) is not None]
        worst = max(losses, default=0.0)
        for row in rows:
            if row.family in spaces and contains(spaces[row.family], row.params):
                study.add_trial(self._told(row, spaces, worst))
        return study

    def _told(self, row: TrialRow, spaces: Mapping[str, Space], worst: float) -> Any:
        """A row as Optuna reads it; one that failed is as bad as the worst."""
        from optuna.trial import TrialState, create_trial

        space = spaces[row.family]
        keys = {name: self._key_of(row.family, name) for name in space}
        values = {keys[name]: row.params[name] for name in space}
        kinds = {keys[name]: distribution(kind) for name, kind in space.items()}
        value = self._loss(row)
        running = row.state == RUNNING
        return create_trial(
            state=TrialState.RUNNING if running else TrialState.COMPLETE,
            value=None if running else worst if value is None else value,
            params={"family": row.family} | values,
            distributions={"family": _names(spaces)} | kinds,
        )

    def _spec(self, number: int, family: str, params: dict[str, Any]) -> TrialSpec:
        seed = (self.seed * SEEDS + number) % 2**31
        return TrialSpec(number=number, family=family, params=params, seed=seed)


def _short(value: float, kind: Kind) -> float:
    """A length of two digits: one that somebody can read, and that comes again."""
    assert isinstance(kind, Float)
    return min(max(float(f"{value:.2g}"), kind.low), kind.high)


def _names(spaces: Mapping[str, Space]) -> Any:
    from optuna.distributions import CategoricalDistribution

    return CategoricalDistribution(list(spaces))


def _key(family: str, params: Mapping[str, Any]) -> tuple[Any, ...]:
    return family, *sorted((name, repr(value)) for name, value in params.items())
