"""Registry: a dataset's rows taken over into the next version, test truth unseen.

Old rows keep their part or, in time, retire into training; new ones get theirs by the
rules of registry/splits.py. Truth that was sealed is sealed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry import datasets, seal
from registry.models import Dataset, User

if TYPE_CHECKING:
    import pandas as pd


def extend(
    *,
    dataset: Dataset,
    frame: pd.DataFrame,
    name: str = "",
    lineage: dict[str, Any] | None = None,
    by: User | None = None,
    train_only: pd.Series | None = None,
) -> Dataset:
    """A new dataset version: the rows of `dataset`, and those of `frame` with their
    target, of which some may only train. A field the old rows do not know is missing in
    them; what trained goes on training."""
    import pandas as pd

    target = dataset.project.target
    trained = datasets.training_frame(dataset, ("training",))
    judged = datasets.training_frame(dataset, ("validation",))
    tested = datasets.test_inputs(dataset).assign(**{target: seal.read(dataset.split)})
    old = pd.concat([trained, judged, tested], ignore_index=True)
    trains = [True] * len(trained) + [False] * (len(old) - len(trained))
    trains += [False] * len(frame) if train_only is None else train_only.tolist()
    known = set(old.columns)
    added = [f["name"] for f in dataset.project.fields if f["name"] not in known]
    pieces = [piece.astype(object) for piece in (old, frame) if len(piece)]
    rows = pd.concat(pieces, ignore_index=True).reindex(
        columns=list(dict.fromkeys([*old.columns, *frame.columns, *added]))
    )
    told = {"extends": dataset.number, "rows_added": len(frame), **(lineage or {})}
    return datasets.register_dataset(
        project=dataset.project,
        frame=rows,
        name=name or dataset.name,
        lineage=told,
        by=by,
        train_only=pd.Series(trains, dtype=bool),
    )
