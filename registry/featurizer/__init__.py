"""Component 5, Featurizer: one definition, two paths, and the proof that they agree."""

from registry.featurizer.batch import Seen, compute_frame, looked_up
from registry.featurizer.context import context_kinds
from registry.featurizer.parity import Difference, Parity, check_parity
from registry.featurizer.realtime import compute, fill
from registry.featurizer.spec import (
    features_spec,
    lookup_columns,
    only,
    plain_spec,
    stored_columns,
    window_spec,
    with_lengths,
)

__all__ = [
    "Difference",
    "Parity",
    "Seen",
    "check_parity",
    "compute",
    "compute_frame",
    "context_kinds",
    "features_spec",
    "fill",
    "looked_up",
    "lookup_columns",
    "only",
    "plain_spec",
    "stored_columns",
    "window_spec",
    "with_lengths",
]
