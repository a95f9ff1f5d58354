"""Component 4, Monitor: one input column, counted in the bins of its frozen profile."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from monitoring.evaluator.scored import as_class, is_missing

Values = Sequence[Any] | np.ndarray
Profile = Mapping[str, Any]  # one feature's, by monitoring.monitor.reference


@dataclass(frozen=True, eq=False)
class FeatureCounts:
    """How often each bin occurred, and what fits in no bin. Adding is merging.

    `missing`: null or absent; `unseen`: a category the profile does not know;
    `invalid`: a value of the wrong type; `outside`: a number beyond the profile's range
    (it is counted in the outermost bin too).
    """

    bins: np.ndarray
    missing: int = 0
    unseen: int = 0
    invalid: int = 0
    outside: int = 0

    @classmethod
    def empty(cls, profile: Profile) -> Self:
        return cls(np.zeros(bin_count(profile), dtype=np.int64))

    @classmethod
    def from_json(cls, counts: Mapping[str, Any]) -> Self:
        return cls(**{**counts, "bins": np.asarray(counts["bins"], dtype=np.int64)})

    def as_json(self) -> dict[str, Any]:
        return {**self.as_parts(), "bins": self.bins.tolist()}

    def as_parts(self) -> dict[str, Any]:
        return {
            "bins": self.bins,
            "missing": self.missing,
            "unseen": self.unseen,
            "invalid": self.invalid,
            "outside": self.outside,
        }

    @property
    def present(self) -> int:
        """Rows whose value lies in a bin."""
        return int(self.bins.sum())

    @property
    def n(self) -> int:
        return self.present + self.missing + self.unseen + self.invalid

    def merge(self, other: "FeatureCounts") -> "FeatureCounts":
        return FeatureCounts(
            self.bins + other.bins,
            self.missing + other.missing,
            self.unseen + other.unseen,
            self.invalid + other.invalid,
            self.outside + other.outside,
        )

    def add(self, profile: Profile, values: Values) -> "FeatureCounts":
        """These counts with more values."""
        return self.merge(count_values(profile, values))


def bin_count(profile: Profile) -> int:
    if "categories" in profile:
        return len(profile["categories"])
    return len(profile["edges"]) + 1 if "edges" in profile else 1


def count_values(profile: Profile, values: Values) -> FeatureCounts:
    """Some values in the bins of one feature's profile."""
    if "categories" in profile:
        return _count_categories(profile, values)
    if "edges" in profile:
        return _count_numbers(profile, values)
    missing = sum(1 for value in values if is_missing(value) or value == "")
    return FeatureCounts(np.array([len(values) - missing]), missing=missing)


def _count_categories(profile: Profile, values: Values) -> FeatureCounts:
    place = {name: index for index, name in enumerate(profile["categories"])}
    names = as_values(values)
    missing = sum(1 for name in names if name is None)
    found = [place[name] for name in names if name in place]
    return FeatureCounts(
        np.bincount(np.array(found, dtype=int), minlength=len(place)),
        missing=missing,
        unseen=len(names) - missing - len(found),
    )


def _count_numbers(profile: Profile, values: Values) -> FeatureCounts:
    numbers, missing, invalid = as_numbers(values, profile["kind"])
    edges = np.asarray(profile["edges"], dtype=float)
    places = np.searchsorted(edges, numbers, side="left")
    low, high = seen(profile) or (-math.inf, math.inf)
    return FeatureCounts(
        np.bincount(places, minlength=len(edges) + 1),
        missing=missing,
        invalid=invalid,
        outside=int(((numbers < low) | (numbers > high)).sum()),
    )


def seen(profile: Profile) -> Sequence[float] | None:
    """Lowest and highest number that the version was made with; of profiles that do not
    say it, the reference's own."""
    return profile.get("seen") or profile.get("range")


def as_values(values: Values) -> list[str | None]:
    """Categories as strings, None where missing.

    >>> as_values(["a", True, 1.0, "", None])
    ['a', 'true', '1', None, None]
    """
    return [
        None if is_missing(value) or value == "" else as_class(_native(value))
        for value in values
    ]


def as_numbers(values: Values, kind: str) -> tuple[np.ndarray, int, int]:
    """(numbers, how many are missing, how many are no number); text as its length."""
    numbers: list[float] = []
    missing = invalid = 0
    for value in values:
        if is_missing(value) or (kind != "text" and value == ""):
            missing += 1
        elif kind == "text":
            numbers.append(float(len(str(value))))
        else:
            number = _as_number(value)
            if math.isfinite(number):
                numbers.append(number)
            else:
                invalid += 1
    return np.array(numbers, dtype=float), missing, invalid


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _native(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
