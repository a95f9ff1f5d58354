"""What is asked first teaches most: against random order, on real digits and texts."""

import base64
import io
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from labelling.labeller import matrix, ranker, sampling, vectors

FIELDS = [{"name": "image", "kind": "image"}]
SEEDS = range(4)
CLASSES = [str(n) for n in range(10)]


def png(pixels: Any) -> str:
    from PIL import Image

    image = Image.fromarray(np.asarray(pixels * 255 / 16, dtype="uint8"))
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@cache
def digits() -> tuple[matrix.Space, np.ndarray]:
    """1 797 handwritten digits, through the same door as imported examples."""
    images, truth = load_digits(return_X_y=True)
    blobs = [vectors.pack({"image": png(row.reshape(8, 8))}, FIELDS) for row in images]
    widths = vectors.widths(FIELDS)
    space = matrix.spread(blobs, widths=widths, rng=np.random.default_rng(0))
    return space, truth.astype(str)


def accuracy(chosen: list[int]) -> float:
    """Of what is learnt from these alone, on all the others."""
    space, truth = digits()
    others = np.setdiff1d(np.arange(len(truth)), chosen)
    ranking = ranker.rank(
        task="multiclass",
        wide=space.wide[chosen],
        answers=list(truth[chosen]),
        pool=space.wide[others],
        classes=CLASSES,
    )
    return float(np.mean(np.array(ranking.expected) == truth[others]))


def at_random(count: int, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return rng.choice(len(digits()[1]), count, replace=False).tolist()


def cold(count: int, seed: int) -> list[int]:
    near = digits()[0].near
    return sampling.cold_start(
        near, labelled=near[:0], count=count, rng=np.random.default_rng(seed)
    )


def test_twenty_labels_of_a_cold_start_are_worth_more_than_random_ones() -> None:
    ours = np.mean([accuracy(cold(20, seed)) for seed in SEEDS])
    random = np.mean([accuracy(at_random(20, seed)) for seed in SEEDS])

    assert ours > random + 0.08, (ours, random)
    assert ours > 0.7


def test_the_least_sure_ones_beat_random_ones_after_a_cold_start() -> None:
    def loop(seed: int) -> float:
        space, truth = digits()
        rng = np.random.default_rng(seed)
        chosen = cold(20, seed)
        while len(chosen) < 80:
            left = np.setdiff1d(np.arange(len(truth)), chosen)
            ranking = ranker.rank(
                task="multiclass",
                wide=space.wide[chosen],
                answers=list(truth[chosen]),
                pool=space.wide[left],
                classes=CLASSES,
            )
            best = sampling.diverse_margin(
                space.near[left], margin=ranking.margin, count=20, rng=rng
            )
            chosen += left[best].tolist()
        return accuracy(chosen)

    ours = np.mean([loop(seed) for seed in SEEDS])
    random = np.mean([accuracy(at_random(80, seed)) for seed in SEEDS])

    assert ours > random + 0.02, (ours, random)
    assert ours > 0.9


def test_every_order_names_each_item_once_from_the_best_on() -> None:
    rng = np.random.default_rng(1)
    near = rng.normal(size=(300, 5)).astype("float32")
    margin = rng.random(300)
    orders = {
        "cold": sampling.cold_start(
            near, labelled=near[:3], count=60, rng=rng, batch=30
        ),
        "diverse": sampling.diverse_margin(near, margin=margin, count=60, rng=rng),
        "in turn": sampling.round_robin(near, margin=margin, count=60, rng=rng),
        "numbers": sampling.greedy(
            near,
            expected=margin,
            labelled=near[:3],
            answers=[1, 2, 3],
            count=60,
            rng=rng,
        ),
    }
    for name, order in orders.items():
        assert len(order) == len(set(order)) == 60, name
    assert margin[orders["diverse"]].mean() < 0.8 * margin.mean()


def test_a_cold_start_passes_over_what_somebody_labelled_already() -> None:
    """Four heaps, of which two have a label: the first two asked are of the others."""
    rng = np.random.default_rng(2)
    heaps = np.repeat(np.eye(4) * 20, 50, axis=0) + rng.normal(size=(200, 4))
    order = sampling.cold_start(
        heaps, labelled=heaps[[0, 50]], count=2, rng=rng, batch=2
    )
    assert sorted(place // 50 for place in order) == [2, 3]


def test_words_weigh_as_in_scikit_learn() -> None:
    fields = [{"name": "text", "kind": "text"}]
    texts = ["a bird struck the wing", "no damage", "bird bird bird", ""]
    blobs = [vectors.pack({"text": text}, fields) for text in texts]
    space = matrix.spread(blobs, widths=[], rng=np.random.default_rng(0))

    counts = np.zeros((4, vectors.BUCKETS))
    for row, text in enumerate(texts):
        for word in vectors.words(text):
            counts[row, vectors._bucket("text", word)] += 1
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts)

    np.testing.assert_allclose(space.wide.toarray(), expected.toarray(), atol=1e-6)


def test_the_learner_is_scikit_learns_logistic_regression() -> None:
    space, truth = digits()
    ranking = ranker.rank(
        task="multiclass",
        wide=space.wide[:200],
        answers=list(truth[:200]),
        pool=space.wide[200:],
        classes=CLASSES,
    )
    model = LogisticRegression(C=ranker.STRENGTH, max_iter=ranker.STEPS)
    shares = np.sort(
        model.fit(space.wide[:200], truth[:200]).predict_proba(space.wide[200:])
    )
    np.testing.assert_allclose(ranking.margin, shares[:, -1] - shares[:, -2], atol=1e-6)
    assert ranking.probability == pytest.approx(shares[:, -1].tolist())


def test_several_classes_and_numbers_are_ranked_too() -> None:
    space, truth = digits()
    several = ranker.rank(
        task="multilabel",
        wide=space.wide[:300],
        answers=[[name] + (["low"] if name < "5" else []) for name in truth[:300]],
        pool=space.wide[300:],
        classes=[*CLASSES, "low"],
    )
    right = [
        name in said and ("low" in said) == (name < "5")
        for said, name in zip(several.expected, truth[300:], strict=True)
    ]
    assert np.mean(right) > 0.5  # ten guesses and one, all of them right
    numbers = ranker.rank(
        task="regression",
        wide=space.wide[:300],
        answers=truth[:300].astype(float).tolist(),
        pool=space.wide[300:],
        classes=[],
    )
    assert np.corrcoef(numbers.expected, truth[300:].astype(float))[0, 1] > 0.6


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)
KINDS = [
    {"name": kind, "kind": kind} for kind in (*vectors.WIDTHS, "text", "categorical")
]


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({field["name"]: ODD for field in KINDS}))
def test_nothing_that_comes_in_breaks_a_vector(payload: dict[str, Any]) -> None:
    blobs = [vectors.pack(payload, KINDS), vectors.pack({}, KINDS)]
    space = matrix.spread(
        blobs, widths=vectors.widths(KINDS), rng=np.random.default_rng(0)
    )
    assert np.isfinite(space.near).all()
    assert np.isfinite(space.wide.toarray()).all()


def test_items_that_are_alike_are_still_each_chosen_once() -> None:
    near = np.repeat(np.eye(3), 20, axis=0)  # sixty items, three of them unlike
    margin = np.linspace(0, 1, len(near))
    rng = np.random.default_rng(0)

    found = sampling.diverse_margin(near, margin=margin, count=30, rng=rng)

    assert len(set(found)) == len(found) == 30
    assert {place // 20 for place in found[:3]} == {0, 1, 2}
