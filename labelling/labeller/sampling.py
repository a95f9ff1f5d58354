"""Component 2, Data Labeller: which items teach most, in which order. Pure.

`near` is a matrix in which distance means unlikeness; every function returns places in
it, the first first, each once, so that every beginning of the answer is a good choice.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ROUND = 25  # items of one diverse round
WIDER = 10  # times as many of the smallest margins are looked at
CLUSTERS = 50  # static ones, where there are many classes
MOST_CENTRES = 200
CANDIDATES = 10_000  # looked at where every item would take too long
COLD_ROUNDS = 2


def cold_start(
    near: np.ndarray,
    *,
    labelled: np.ndarray,
    count: int,
    rng: np.random.Generator,
    batch: int = 20,
) -> list[int]:
    """Nothing is learnt yet: the item nearest to each centre of k-means, the largest
    cluster first; clusters that hold a labelled item are left out. Two rounds: after
    so many answers the queue is ranked anew."""
    import numpy as np

    places = np.arange(len(near))
    if len(places) > CANDIDATES:
        places = np.sort(rng.choice(places, CANDIDATES, replace=False))
    looked = near[places]
    chosen: list[int] = []
    for _ in range(COLD_ROUNDS):
        known = np.vstack([labelled, looked[chosen]])[-MOST_CENTRES:]
        size = min(batch + len(known), MOST_CENTRES, len(looked))
        model = _clustered(looked, size, rng)
        taken = set(model.predict(known).tolist()) if len(known) else set()
        fresh = _nearest(looked, model, without=taken, used=set(chosen))
        chosen += fresh[: min(batch, count - len(chosen))]
    return [int(places[place]) for place in chosen]


def diverse_margin(
    near: np.ndarray, *, margin: np.ndarray, count: int, rng: np.random.Generator
) -> list[int]:
    """Rounds of 25: of the 250 smallest margins left, weighted k-means finds 25 unlike
    ones; the cluster that is least sure comes first (Zhdanov 2019)."""
    import numpy as np

    left = np.argsort(margin, kind="stable")
    chosen: list[int] = []
    while len(chosen) < count and len(left):
        size = min(ROUND, count - len(chosen), len(left))
        looked = left[: size * WIDER]
        weights = 1.001 - np.clip(margin[looked], 0, 1)
        model = _clustered(near[looked], size, rng, weights)
        doubt = {
            group: float(margin[looked][model.labels_ == group].mean())
            for group in set(model.labels_.tolist())
        }
        found = _nearest(near[looked], model, by=doubt)
        picked = [int(looked[place]) for place in found]
        chosen += picked
        left = left[~np.isin(left, picked)]
    return chosen


def round_robin(
    near: np.ndarray, *, margin: np.ndarray, count: int, rng: np.random.Generator
) -> list[int]:
    """Many classes: the least sure item of each cluster in turn."""
    import numpy as np

    size = min(CLUSTERS, len(near))
    groups = _clustered(near, size, rng).labels_
    order = np.argsort(margin, kind="stable")
    lanes: dict[int, list[int]] = {}
    for place in order:
        lanes.setdefault(int(groups[place]), []).append(int(place))
    return list(_in_turn(list(lanes.values())))[:count]


def greedy(
    near: np.ndarray,
    *,
    expected: np.ndarray,
    labelled: np.ndarray,
    answers: Sequence[float],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """Numbers: far from all that is labelled, in the inputs and in what is expected
    (Wu, Lin and Huang 2019)."""
    import numpy as np

    places = np.arange(len(near))
    if len(places) > CANDIDATES:
        places = np.sort(rng.choice(places, CANDIDATES, replace=False))
    inputs, outputs = near[places], np.asarray(expected)[places]
    distance = np.full(len(places), np.inf)
    for row, answer in zip(labelled[-500:], list(answers)[-500:], strict=True):
        distance = np.minimum(distance, _apart(inputs, outputs, row, answer))
    chosen: list[int] = []
    while len(chosen) < min(count, len(places)):
        best = int(distance.argmax())
        chosen.append(best)
        distance = np.minimum(
            distance, _apart(inputs, outputs, inputs[best], outputs[best])
        )
        distance[chosen] = -1
    return [int(places[place]) for place in chosen]


def mixed(
    sources: Sequence[tuple[str, float, Sequence[Any]]],
) -> Iterator[tuple[str, Any]]:
    """Items of several named sources, each in its share from the beginning on; a source
    that is empty leaves its share to the others. What came before comes once.

    >>> list(mixed([("margin", 0.7, "abc"), ("random", 0.3, "xb")]))
    [('margin', 'a'), ('random', 'x'), ('margin', 'b'), ('margin', 'c')]
    """
    queues = [(name, share, iter(items)) for name, share, items in sources if share > 0]
    given = [0] * len(queues)
    over = [False] * len(queues)
    seen: set[Any] = set()
    while not all(over):
        total = sum(given) + 1
        place = max(
            (index for index in range(len(queues)) if not over[index]),
            key=lambda index: queues[index][1] * total - given[index],
        )
        name, _, items = queues[place]
        item = next((one for one in items if one not in seen), None)
        if item is None:
            over[place] = True
            continue
        seen.add(item)
        given[place] += 1
        yield name, item


def _clustered(
    points: np.ndarray,
    size: int,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> Any:
    """The fitted clusters: fewer than asked for where points are alike, and no harm."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    seed = int(rng.integers(2**31))
    model = (
        KMeans(size, n_init=2, max_iter=50, random_state=seed)
        if size <= ROUND
        else MiniBatchKMeans(
            size, n_init=2, batch_size=2048, max_iter=50, random_state=seed
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points, sample_weight=weights)


def _nearest(
    near: np.ndarray,
    model: Any,
    *,
    by: dict[int, float] | None = None,
    without: set[int] = frozenset(),  # type: ignore[assignment]
    used: set[int] = frozenset(),  # type: ignore[assignment]
) -> list[int]:
    """The item nearest to each centre; largest cluster first, or smallest `by`."""
    import numpy as np

    labels = model.labels_
    away = np.linalg.norm(near - model.cluster_centers_[labels], axis=1)
    found = []
    for group in np.unique(labels):
        members = np.flatnonzero(labels == group)
        members = members[~np.isin(members, list(used))]
        if int(group) in without or not len(members):
            continue
        rank = by[int(group)] if by else -len(members)
        found.append((rank, int(members[away[members].argmin()])))
    return [place for _, place in sorted(found)]


def _in_turn(lanes: list[list[int]]) -> Iterator[int]:
    for row in range(max(map(len, lanes), default=0)):
        for lane in lanes:
            if row < len(lane):
                yield lane[row]


def _apart(
    inputs: np.ndarray, outputs: np.ndarray, row: np.ndarray, answer: float
) -> np.ndarray:
    import numpy as np

    return np.linalg.norm(inputs - row, axis=1) * (np.abs(outputs - answer) + 1e-6)
