"""Component 5, Featurizer: one definition, two paths, and the proof that they agree."""

from registry.featurizer.batch import compute_frame
from registry.featurizer.parity import Difference, Parity, check_parity
from registry.featurizer.realtime import compute, fill
from registry.featurizer.spec import (
    features_spec,
    only,
    plain_spec,
    stored_columns,
    window_spec,
    with_lengths,
)

__all__ = [
    "Difference",
    "Parity",
    "check_parity",
    "compute",
    "compute_frame",
    "features_spec",
    "fill",
    "only",
    "plain_spec",
    "stored_columns",
    "window_spec",
    "with_lengths",
]
