"""Component 4, Monitor: how far two histograms over the same bins are apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

EXPECTED = 5.0  # Cochran's rule: cells that expect fewer are pooled before the test


def psi(ours: Any, theirs: Any) -> float:
    """Population stability index of two histograms: Σ (p − q) ln(p / q).

    A cell empty on one side counts as half a row there.

    >>> round(psi([35, 25, 40], [40, 30, 30]), 7)
    0.0445609
    """
    p, q = _filled(ours), _filled(theirs)
    used = (p > 0) & (q > 0)
    p, q = p[used] / p[used].sum(), q[used] / q[used].sum()
    return float(((p - q) * np.log(p / q)).sum()) if used.any() else 0.0


def unbiased_psi(ours: Any, theirs: Any) -> float:
    """PSI without what chance alone adds: (B − 1)(1/n + 1/m) over B bins; not below 0."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    n, m = ours.sum(), theirs.sum()
    if not n or not m:
        return 0.0
    bins = int(((ours > 0) | (theirs > 0)).sum())
    return max(0.0, psi(ours, theirs) - float((bins - 1) * (1 / n + 1 / m)))


def _filled(counts: Any) -> np.ndarray:
    """Half a row in empty cells; a cell that is empty on both sides cancels out."""
    counts = np.asarray(counts, dtype=float)
    return np.where(counts > 0, counts, 0.5) if counts.sum() else counts


def same_distribution(ours: Any, theirs: Any) -> float:
    """p of the chi-squared test that two histograms are samples of one distribution.

    Neighbouring cells are pooled until each side expects five rows in every cell.
    """
    table = _pooled(np.array([ours, theirs], dtype=float))
    rows, total = table.sum(axis=1), table.sum()
    if table.shape[1] < 2 or not rows.all():
        return 1.0
    expected = np.outer(rows, table.sum(axis=0)) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(special.chdtrc(table.shape[1] - 1, statistic))


def _pooled(table: np.ndarray) -> np.ndarray:
    """Columns joined, from the left, until the smaller side expects enough in each."""
    total = table.sum()
    if not total:
        return table[:, :0]
    needed = EXPECTED * total / max(table.sum(axis=1).min(), 1.0)
    cells: list[np.ndarray] = []
    open_cell = np.zeros(2)
    for column in table.T:
        open_cell = open_cell + column
        if open_cell.sum() >= needed:
            cells.append(open_cell)
            open_cell = np.zeros(2)
    if cells:
        cells[-1] = cells[-1] + open_cell
    return np.array(cells).T if cells else table[:, :0]


def kolmogorov_smirnov(ours: Any, theirs: Any) -> float:
    """D on ordered bins: the largest gap between the cumulative shares."""
    return float(np.abs(np.cumsum(_shares(ours)) - np.cumsum(_shares(theirs))).max())


def largest_difference(ours: Any, theirs: Any) -> float:
    """L∞: the largest difference between the shares of one cell.

    >>> round(largest_difference([2, 2, 2, 0], [2, 2, 2, 1]), 2)
    0.14
    """
    return float(np.abs(_shares(ours) - _shares(theirs)).max())


def _shares(counts: Any) -> np.ndarray:
    counts = np.asarray(counts, dtype=float)
    return counts / counts.sum() if counts.sum() else counts


def fisher(now: int, n: int, before: int, m: int) -> float:
    """P(X ≥ now) for X rows of n, when now + before are spread over n + m at random.

    >>> round(fisher(3, 4, 1, 4), 4)
    0.2429
    """
    drawn = now + before
    counts = np.arange(now, min(drawn, n) + 1)
    logs = _log_choose(n, counts) + _log_choose(m, drawn - counts)
    return float(min(1.0, np.exp(logs - _log_choose(n + m, drawn)).sum()))


def _log_choose(n: int, k: Any) -> Any:
    return -special.betaln(n - k + 1, k + 1) - np.log(n + 1)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p adjusted for the false discovery rate (Benjamini & Hochberg, JRSS B 57, 1995).

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(-p)
    raised = p[order] * len(p) / (len(p) - np.arange(len(p)))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(raised), 1.0)
    return adjusted.tolist()
