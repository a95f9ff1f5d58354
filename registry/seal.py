"""Registry: the truth of test rows, written once, read by the Evaluator alone.

The door asks who calls: a guard against mistakes, held by a test, not against code that
is out to cheat in its own process.
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING

from registry import storage
from registry.models import Split

if TYPE_CHECKING:
    import pandas as pd

# The Evaluator judges; `carry` takes truth over into the next version of a dataset,
# where it is sealed again or, in time, trains.
MAY_READ = frozenset({"monitoring.evaluator.sealed", "registry.carry"})


class SealBroken(PermissionError):
    """Somebody but the Evaluator asked for the truth of test rows."""


def write(*, folder: str, truth: pd.Series) -> storage.Stored:
    """Seal the truth of the test rows, in the order of `datasets.test_inputs`."""
    buffer = BytesIO()
    truth.to_frame("truth").to_parquet(buffer, index=False)
    path = f"{storage.SEALED}/{folder}/test_truth.parquet"
    return storage.put_bytes(path=path, data=buffer.getvalue())


def read(split: Split) -> pd.Series:
    """The truth of a split's test rows: class names, or numbers. Counts no look."""
    caller = sys._getframe(1).f_globals.get("__name__")
    if caller not in MAY_READ:
        raise SealBroken(f"{caller} asked for test truth; only the Evaluator may look.")
    import pandas as pd

    path = storage.fetch(uri=split.test_truth_uri, sha256=split.test_truth_sha256)
    return pd.read_parquet(path)["truth"]
