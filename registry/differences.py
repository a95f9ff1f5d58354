"""Registry: how a dataset differs from the one before it, in words. Pure: it reads the
profiles that both keep, in which test rows are never counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.written import four, percent, whole

POINTS = 0.05  # of the rows: a share that moved less is not told
SPREADS = 0.25  # of the middle half: a median that moved less is not told
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One sentence; `size` orders them, the largest first."""

    column: str
    text: str
    size: float


def of_datasets(
    *,
    rows: tuple[int, int],
    columns: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]],
    profiles: tuple[Mapping[str, Figures], Mapping[str, Figures]],
) -> list[Difference]:
    r"""Each pair is (before, now): first rows and columns, then what moved most.

    >>> profiles = ({"x": {"n": 10, "missing": 0}}, {"x": {"n": 10, "missing": 4}})
    >>> columns = ([{"name": "x", "kind": "text"}],) * 2
    >>> [d.text for d in of_datasets(rows=(10, 12), columns=columns, profiles=profiles)]
    ['2 rows more: 10 before, 12 now.', '40\xa0% are missing, 0\xa0% before.']
    """
    found = [_of_rows(*rows), *_of_columns(*columns)]
    before = {column["name"]: column["kind"] for column in columns[0]}
    moved = [
        difference
        for column in columns[1]
        if before.get(name := column["name"]) == column["kind"]
        for difference in _of_column(
            name, profiles[0].get(name, {}), profiles[1].get(name, {})
        )
    ]
    return [*found, *sorted(moved, key=lambda one: -one.size)]


def _of_rows(before: int, now: int) -> Difference:
    if before == now:
        return Difference("", f"As many rows as before: {whole(now)}.", 0)
    how = "more" if now > before else "fewer"
    text = f"{whole(abs(now - before))} rows {how}: {whole(before)} before, {whole(now)} now."
    return Difference("", text, 0)


def _of_columns(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    old = {column["name"]: column["kind"] for column in before}
    new = {column["name"]: column["kind"] for column in now}
    for name in new:
        if name not in old:
            yield Difference(name, "A new column.", 1)
        elif old[name] != new[name]:
            yield Difference(name, f"It was {old[name]}, now it is {new[name]}.", 1)
    for name in old:
        if name not in new:
            yield Difference(name, "This column is no longer there.", 1)


def _of_column(name: str, old: Figures, new: Figures) -> Iterator[Difference]:
    if not old.get("n") or not new.get("n"):
        return
    before, now = old["missing"] / old["n"], new["missing"] / new["n"]
    if abs(now - before) >= POINTS:
        text = f"{percent(now)} are missing, {percent(before)} before."
        yield Difference(name, text, abs(now - before))
    if "quantiles" in old and "quantiles" in new:
        yield from _of_numbers(name, old, new)
    elif "top" in old and "top" in new:
        yield from _of_categories(name, old, new)


def _of_numbers(name: str, old: Figures, new: Figures) -> Iterator[Difference]:
    middle, moved = (one["quantiles"]["0.5"] for one in (old, new))
    spread = old["quantiles"]["0.75"] - old["quantiles"]["0.25"] or old["std"]
    size = abs(moved - middle) / spread if spread else float(moved != middle)
    if size >= SPREADS:
        way = "higher" if moved > middle else "lower"
        text = (
            f"Its values are {way}: half of them are below {four(moved)}, "
            f"before below {four(middle)}."
        )
        yield Difference(name, text, size)


def _of_categories(name: str, old: Figures, new: Figures) -> Iterator[Difference]:
    before, now = _shares(old), _shares(new)
    moves = {
        value: now.get(value, 0.0) - before.get(value, 0.0)
        for value in dict.fromkeys([*before, *now])
    }
    told = sorted(moves.items(), key=lambda item: -abs(item[1]))
    for value, move in told[:2]:
        if abs(move) < POINTS:
            return
        was = percent(before[value]) if value in before else "never"
        text = f"“{value}” in {percent(now.get(value, 0.0))} of the rows, {was} before."
        yield Difference(name, text, abs(move))


def _shares(figures: Figures) -> dict[str, float]:
    total = sum(count for _, count in figures["top"]) + figures.get("other", 0)
    return {value: count / total for value, count in figures["top"]} if total else {}
