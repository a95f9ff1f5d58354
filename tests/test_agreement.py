"""Agreement is what the literature says it is, number by number."""

import random

import pytest
from sklearn.metrics import cohen_kappa_score

from labelling.labeller import agreement

# Fleiss' own kind of table: ten items, fourteen raters, five classes; kappa 0.210.
FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def test_fleiss_kappa_of_the_known_table() -> None:
    votes = []
    for row in FLEISS:
        answers = [place for place, n in enumerate(row) for _ in range(n)]
        votes.append({str(person): answer for person, answer in enumerate(answers)})
    assert agreement.fleiss(votes) == pytest.approx(0.210, abs=0.0005)


def test_krippendorffs_alpha_of_his_own_example() -> None:
    # Krippendorff (2011): four observers, twelve units, some values missing.
    told = {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    votes = [
        {name: row[unit] for name, row in told.items() if row[unit] is not None}
        for unit in range(12)
    ]
    assert agreement.krippendorff(votes) == pytest.approx(0.743, abs=0.0005)


def test_cohens_kappa_is_scikit_learns() -> None:
    rng = random.Random(3)
    first = [rng.choice("abc") for _ in range(200)]
    second = [one if rng.random() < 0.7 else rng.choice("abc") for one in first]
    expected = cohen_kappa_score(first, second)
    assert agreement.cohen(zip(first, second, strict=True)) == pytest.approx(expected)


def test_what_cannot_be_known_is_not_told() -> None:
    alone = [{"a": 1}, {"b": 2}]
    assert agreement.percent(alone) is None
    assert agreement.fleiss(alone) is None
    assert agreement.krippendorff(alone) is None
    assert agreement.krippendorff([{"a": 1, "b": 1}]) is None  # nothing but one class
    assert agreement.cohen([]) is None
    assert agreement.by_pair(alone) == []


def test_pairs_and_classes_tell_where_it_is() -> None:
    votes = [{"Erin": "x", "Omar": "x"}, {"Erin": "x", "Omar": "y", "Rosa": "y"}]
    pairs = {(pair.first, pair.second): pair.same for pair in agreement.by_pair(votes)}
    assert pairs == {
        ("Erin", "Omar"): 0.5, ("Erin", "Rosa"): 0.0, ("Omar", "Rosa"): 1.0,
    }  # fmt: skip
    assert agreement.by_class(votes, ["x", "y", "z"]) == {
        "x": (3, pytest.approx(2 / 3)), "y": (2, pytest.approx(0.5)),
    }  # fmt: skip
