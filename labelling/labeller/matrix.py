"""Component 2, Data Labeller: stored vectors side by side, scaled, in two shapes: wide
for the learner, and 64 columns for distances. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelling.labeller.vectors import BUCKETS

if TYPE_CHECKING:
    import numpy as np

COMPONENTS = 64
FITTED_ON = 10_000  # rows that find the components; the others are projected
TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Space:
    """`wide`: sparse, a row an item. `near`: float32, distances mean likeness."""

    wide: Any  # scipy.sparse.csr_matrix
    near: np.ndarray


def spread(
    blobs: Sequence[bytes],
    *,
    widths: Sequence[tuple[str, int]],
    rng: np.random.Generator,
) -> Space:
    """What `vectors.pack` made of items of one layout, as matrices."""
    import numpy as np
    from scipy import sparse

    dense, counts = _read(blobs, sum(width for _, width in widths))
    scaled = _scaled(dense, widths)
    parts = [sparse.csr_matrix(scaled)] if scaled.shape[1] else []
    near = [scaled / max(len(widths), 1) ** 0.5] if scaled.shape[1] else []
    if counts.nnz:
        weighted = _weighted(counts)
        parts.append(weighted)
        near.append(_projected(weighted, rng))
    if not parts:
        nothing = np.zeros((len(blobs), 1), dtype="float32")
        return Space(wide=sparse.csr_matrix(nothing), near=nothing)
    wide = sparse.hstack(parts, format="csr")
    flat = np.hstack(near).astype("float32")
    if flat.shape[1] > 2 * COMPONENTS:
        flat = _projected(sparse.csr_matrix(flat), rng)
    return Space(wide=wide, near=flat)


def _read(blobs: Sequence[bytes], width: int) -> tuple[np.ndarray, Any]:
    import numpy as np
    from scipy import sparse

    start = 4 * width
    sizes = np.array([(len(blob) - start) // 8 for blob in blobs], dtype="int64")
    dense = np.frombuffer(
        b"".join(bytes(blob[:start]) for blob in blobs), dtype="float32"
    ).reshape(len(blobs), width)
    middles = [start + 4 * int(size) for size in sizes]
    where = b"".join(
        bytes(blob[start:middle]) for blob, middle in zip(blobs, middles, strict=True)
    )
    often = b"".join(
        bytes(blob[middle:]) for blob, middle in zip(blobs, middles, strict=True)
    )
    pointers = np.concatenate([[0], np.cumsum(sizes)])
    counts = sparse.csr_matrix(
        (
            np.frombuffer(often, dtype="float32"),
            np.frombuffer(where, dtype="uint32").astype("int32"),
            pointers,
        ),
        shape=(len(blobs), BUCKETS),
    )
    return dense, counts


def _scaled(dense: np.ndarray, widths: Sequence[tuple[str, int]]) -> np.ndarray:
    """Each field has mean 0 and spread 1 as a whole; what is missing is the mean."""
    import numpy as np

    out = np.array(dense, dtype="float64")
    out[~np.isfinite(out)] = np.nan
    here = np.isfinite(out)
    number = here.sum(axis=0)
    means = np.where(here, out, 0).sum(axis=0) / np.maximum(number, 1)
    out = np.where(here, out - means, 0)
    start = 0
    for _, width in widths:
        block = out[:, start : start + width]
        total = float(np.sqrt((block**2).mean() * width)) if block.size else 0.0
        block /= max(total, TINY)
        start += width
    return np.clip(out, -10, 10).astype("float32")


def _weighted(counts: Any) -> Any:
    """TF-IDF as scikit-learn's, logarithmic counts, rows of length 1."""
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=True).fit_transform(counts)


def _projected(matrix: Any, rng: np.random.Generator) -> np.ndarray:
    import numpy as np
    from sklearn.decomposition import TruncatedSVD

    rows = matrix.shape[0]
    # Columns that nothing is in cost time in every product.
    used = np.unique(matrix.indices)
    narrow = matrix[:, used]
    size = min(COMPONENTS, narrow.shape[1] - 1, rows - 1)
    if size < 1:
        return np.zeros((rows, 1), dtype="float32")
    chosen = (
        np.sort(rng.choice(rows, FITTED_ON, replace=False))
        if rows > FITTED_ON
        else slice(None)
    )
    finder = TruncatedSVD(size, n_iter=2, random_state=int(rng.integers(2**31)))
    finder.fit(narrow[chosen])
    return finder.transform(narrow).astype("float32")
