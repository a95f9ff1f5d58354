"""Component 2, Data Labeller: how much people agree, beyond chance. Pure.

`votes` is a list of items; an item is {person: answer}. Items with fewer than two
answers say nothing about agreement and are left out.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Votes = Sequence[Mapping[str, Hashable]]
WORDS = ((0.8, "very good"), (0.67, "good"), (0.4, "fair"), (0.2, "weak"))


def percent(votes: Votes) -> float | None:
    """Share of pairs of answers to one item that say the same.

    >>> percent([{"a": 1, "b": 1}, {"a": 1, "b": 2}])
    0.5
    """
    same = total = 0
    for item in votes:
        answers = list(item.values())
        pairs = len(answers) * (len(answers) - 1)
        total += pairs
        same += sum(n * (n - 1) for n in Counter(answers).values())
    return same / total if total else None


def cohen(pairs: Iterable[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two people's answers to the same items (Cohen 1960).

    >>> cohen([("y", "y"), ("n", "n"), ("y", "n"), ("n", "n")])
    0.5
    """
    told = list(pairs)
    n = len(told)
    if not n:
        return None
    same = sum(a == b for a, b in told) / n
    first, second = Counter(a for a, _ in told), Counter(b for _, b in told)
    chance = sum(first[name] * second[name] for name in first) / n**2
    return None if chance == 1 else (same - chance) / (1 - chance)


def fleiss(votes: Votes) -> float | None:
    """Fleiss' kappa (1971), on the items that have the commonest number of answers,
    as it is defined for equal numbers only."""
    sizes = Counter(len(item) for item in votes if len(item) > 1)
    if not sizes:
        return None
    size = max(sizes, key=lambda each: (sizes[each], each))
    items = [Counter(item.values()) for item in votes if len(item) == size]
    within = sum(
        (sum(n * n for n in item.values()) - size) / (size * (size - 1))
        for item in items
    ) / len(items)
    totals = sum(items, Counter())
    chance = sum((n / (size * len(items))) ** 2 for n in totals.values())
    return None if chance == 1 else (within - chance) / (1 - chance)


def krippendorff(votes: Votes) -> float | None:
    """Krippendorff's alpha for categories: any number of answers an item (2011).

    >>> krippendorff([{"a": 1, "b": 1}, {"a": 2, "b": 2}])
    1.0
    """
    items = [Counter(item.values()) for item in votes if len(item) > 1]
    totals = sum(items, Counter())
    n = sum(totals.values())
    expected = n * n - sum(count * count for count in totals.values())
    if not n or not expected:
        return None
    unlike = 0.0
    for item in items:
        size = sum(item.values())
        unlike += (size * size - sum(c * c for c in item.values())) / (size - 1)
    return 1 - (n - 1) * unlike / expected


def in_words(kappa: float | None) -> str:
    """What a kappa or alpha means, plainly.

    >>> in_words(0.85), in_words(0.1), in_words(None)
    ('very good', 'hardly better than chance', 'not known yet')
    """
    if kappa is None:
        return "not known yet"
    return next(
        (word for least, word in WORDS if kappa >= least), "hardly better than chance"
    )


@dataclass(frozen=True, kw_only=True)
class Pair:
    first: str
    second: str
    n: int
    same: float
    kappa: float | None


def by_pair(votes: Votes) -> list[Pair]:
    """Every two people who answered the same items, those with most in common first."""
    told: dict[tuple[str, str], list[tuple[Hashable, Hashable]]] = {}
    for item in votes:
        for first, second in combinations(sorted(item), 2):
            told.setdefault((first, second), []).append((item[first], item[second]))
    pairs = [
        Pair(
            first=first,
            second=second,
            n=len(both),
            same=sum(a == b for a, b in both) / len(both),
            kappa=cohen(both),
        )
        for (first, second), both in told.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.n, pair.first, pair.second))


def by_class(votes: Votes, classes: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Of each class: answers that named it where others answered too, and how often a
    random other one said the same."""
    found: dict[str, tuple[int, float]] = {}
    for name in classes:
        named = same = 0.0
        for item in votes:
            answers = list(item.values())
            n = answers.count(name)
            if n and len(answers) > 1:
                named += n
                same += n * (n - 1) / (len(answers) - 1)
        if named:
            found[name] = (int(named), same / named)
    return found
