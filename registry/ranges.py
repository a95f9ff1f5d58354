"""Component 5, Featurizer: many windows over one sorted log of facts, all at once. Pure.

Sums are differences of running sums of whole numbers, so they are exact whatever the
length of a window, and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.exact import deviation, fraction_bits, scaled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
EXACT = 2**53  # whole numbers up to here are floats
ROOM = 2**62


@dataclass(frozen=True)
class Log:
    """Facts by key (as numbers from 0), then moment (µs, UTC), then value (NaN: none)."""

    keys: Ints
    moments: Ints
    values: Floats

    @classmethod
    def of(cls, keys: Ints, moments: Ints, values: Floats) -> Log:
        order = np.lexsort((values, moments, keys))
        return cls(keys[order], moments[order], values[order])

    def of_all(self) -> Log:
        """The same facts, of everybody under one key."""
        return Log.of(np.zeros_like(self.keys), self.moments, self.values)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.values)

    @cached_property
    def counts(self) -> Ints:
        """Of values before each place."""
        return _running(self.present.astype(np.int64))

    @cached_property
    def bits(self) -> int:
        """Binary places that make every value a whole number."""
        known = np.unique(self.values[self.present])
        if (known % 1 == 0).all():
            return 0
        return max(map(fraction_bits, known.tolist()))

    @cached_property
    def whole(self) -> NDArray[Any]:
        """The values as whole numbers: small ones as int64, else as Python's."""
        filled = np.where(self.present, self.values, 0.0)
        largest = float(np.abs(filled).max(initial=0.0))
        if self.bits < 1000 and largest * 2.0**self.bits * len(filled) < ROOM:
            return np.ldexp(filled, self.bits).astype(np.int64)
        return _objects([scaled(value, self.bits) for value in filled.tolist()])

    @cached_property
    def sums(self) -> NDArray[Any]:
        return _running(self.whole)

    @cached_property
    def squares(self) -> NDArray[Any]:
        whole = self.whole
        if whole.dtype != object and int(np.abs(whole).max(initial=0)) >= 2**31:
            whole = _objects(whole.tolist())
        squares = whole * whole
        if squares.dtype != object and float(squares.sum(dtype=float)) >= ROOM:
            squares = _objects(squares.tolist())
        return _running(squares)

    @cached_property
    def last_present(self) -> Ints:
        """The last place up to here that has a value, or -1."""
        places = np.where(self.present, np.arange(len(self.values)), -1)
        return np.maximum.accumulate(places)

    def windows(self, keys: Ints, moments: Ints, length: int) -> Ranges:
        """The facts of each key (-1: unknown here) known in [moment - length, moment]."""
        known, places = self.places
        width = len(known) + 1
        after = np.searchsorted(known, moments - length, side="left")
        until = np.searchsorted(known, moments, side="right")
        start = np.searchsorted(places, keys * width + after, side="left")
        end = np.searchsorted(places, keys * width + until, side="left")
        return Ranges(self, start, np.where(keys < 0, start, end))

    @cached_property
    def places(self) -> tuple[Ints, Ints]:
        """All moments, and one ascending number for every fact's key and moment."""
        known, ranks = np.unique(self.moments, return_inverse=True)
        return known, self.keys * (len(known) + 1) + ranks


@dataclass(frozen=True)
class Ranges:
    """Windows as places of a log: from `start`, up to but without `end`."""

    log: Log
    start: Ints
    end: Ints

    @property
    def facts(self) -> Floats:
        return (self.end - self.start).astype(float)

    @cached_property
    def n(self) -> Ints:
        """Values in each window."""
        return self.log.counts[self.end] - self.log.counts[self.start]

    def sums(self) -> Floats:
        totals = self.log.sums[self.end] - self.log.sums[self.start]
        if totals.dtype != object and (np.abs(totals) <= EXACT).all():
            return np.ldexp(totals.astype(float), -self.log.bits)
        unit = 1 << self.log.bits
        return _floats([_quotient(total, unit) for total in totals.tolist()])

    def means(self) -> Floats:
        n = self.n
        return np.where(n > 0, self.sums() / np.maximum(n, 1), np.nan)

    def deviations(self) -> Floats:
        totals = self.log.sums[self.end] - self.log.sums[self.start]
        squares = self.log.squares[self.end] - self.log.squares[self.start]
        bits = self.log.bits
        triples = zip(self.n.tolist(), totals.tolist(), squares.tolist(), strict=True)
        return _floats(
            [deviation(n, t, s, bits) if n > 1 else None for n, t, s in triples]
        )

    def largest(self, *, negative: bool = False) -> Floats:
        """The largest value, or with `negative` the largest of the values' opposites.

        Two overlapping halves, each a power of two long, cover a window.
        """
        values = -self.log.values if negative else self.log.values
        level = np.where(self.log.present, values, -np.inf)
        found = np.full(len(self.start), -np.inf)
        lengths = self.end - self.start
        size = 1
        while True:
            here = (lengths >= size) & (lengths < 2 * size)
            first, second = self.start[here], self.end[here] - size
            found[here] = np.maximum(level[first], level[second])
            if not (lengths >= 2 * size).any():
                break
            level = np.maximum(level[:-size], level[size:])
            size *= 2
        return np.where(self.n > 0, found, np.nan)

    def last(self) -> Floats:
        if not len(self.log.values):
            return np.full(len(self.start), np.nan)
        places = self.log.last_present[np.maximum(self.end - 1, 0)]
        return np.where(self.n > 0, self.log.values[places], np.nan)

    def each(self, say: Callable[[list[float]], float | None]) -> Floats:
        """Whatever has no running form, a window at a time."""
        kept = self.log.values[self.log.present].tolist()
        starts, ends = self.log.counts[self.start], self.log.counts[self.end]
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        return _floats([say(kept[start:end]) for start, end in pairs])


def _running(numbers: NDArray[Any]) -> NDArray[Any]:
    """Sums before each place, and of all."""
    total = np.cumsum(numbers)
    zero = np.zeros(1, dtype=total.dtype)
    return np.concatenate([zero, total])


def _objects(numbers: list[int]) -> NDArray[Any]:
    found = np.empty(len(numbers), dtype=object)
    found[:] = numbers
    return found


def _quotient(total: int, unit: int) -> float:
    try:
        return total / unit
    except OverflowError:
        return math.nan


def _floats(values: list[float | None]) -> Floats:
    return np.array([math.nan if v is None else v for v in values], dtype=float)
