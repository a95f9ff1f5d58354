"""Component 4, Monitor: the frozen profile of a version, made once of the rows it was
validated on; and, where rows have their time, of how much days before them differ."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from monitoring.models import ReferenceProfile
from monitoring.monitor.drift import MINIMUM_N
from monitoring.monitor.inputs import fold_inputs
from monitoring.monitor.ordinary import ordinary
from monitoring.monitor.reference import build_reference
from monitoring.monitor.usual import MOST_DAYS
from registry.errors import ArtifactError
from registry.models import ModelVersion, Project
from registry.versions import VersionBroken, load_version

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
EMPTY: Mapping[str, Any] = {"version": 1, "n": 0, "features": {}, "prediction": None}
MOST_ROWS = 20_000  # of the validation part; the edges are no finer for more
ROWS_A_DAY = 300  # of a day before, evenly taken
PARTS = ("validation",)


def reference_of(version: ModelVersion) -> Mapping[str, Any]:
    """The version's profile; made now if nobody has yet."""
    found = ReferenceProfile.objects.filter(version=version).first()
    return found.profile if found else make_reference(version)


def make_reference(version: ModelVersion) -> Mapping[str, Any]:
    """Profile the validation rows of the version's dataset, as the model sees them.

    A version without a dataset (made elsewhere) has an empty one: nothing is compared
    with data that nobody showed us. So has one that cannot be loaded, until it can.
    Two makers agree on the first one written.
    """
    try:
        profile = _profile(version) if version.dataset_id else EMPTY
    except (VersionBroken, ArtifactError) as broken:
        if not broken.permanent:
            raise
        logger.warning("no reference of %s: %s", version, broken.detail)
        return EMPTY
    row, _ = ReferenceProfile.objects.get_or_create(
        version=version, defaults={"n": profile["n"], "profile": profile}
    )
    return row.profile


def _profile(version: ModelVersion) -> Mapping[str, Any]:
    import pandas as pd

    from registry import datasets

    load_version(version)  # what cannot be loaded is known before rows are read
    dataset = version.dataset
    assert dataset is not None
    frame = datasets.training_frame(dataset, parts=PARTS)
    if len(frame) < 2:  # too few rows to hold any out
        frame = datasets.training_frame(dataset)
    frame = frame.head(MOST_ROWS)
    rows, said, kind = _seen(version, frame)
    training = datasets.training_frame(dataset, parts=("training",))
    pieces = _stretches(version.project, training)
    learnt, told, _ = (
        _seen(version, pd.concat(pieces, ignore_index=True)) if pieces else ([], [], "")
    )
    fields = fields_seen(version)
    kinds = {field["name"]: field["kind"] for field in fields}
    profile = build_reference(
        {name: [row[name] for row in rows] for name in kinds},
        kinds,
        prediction=said,
        prediction_kind=kind,
        known={field["name"]: field.get("categories") or () for field in fields},
        learnt={
            name: [*(row[name] for row in learnt), *_extremes(training, name)]
            for name in kinds
        },
    )
    ends = list(accumulate(map(len, pieces), initial=0))
    days = [
        fold_inputs(profile, learnt[start:end], predictions=told[start:end])
        for start, end in pairwise(ends)
    ]
    of_days = len(_stretches(version.project, frame))
    return profile | {"usual": ordinary(profile, days, of_days=of_days)}


def _seen(
    version: ModelVersion, frame: pd.DataFrame
) -> tuple[list[dict[str, Any]], list[Any], str]:
    """What the model reads of these rows, as served rows hold it; what it says of them,
    and of what kind that is."""
    from monitoring.evaluator.scoring import answers_of
    from registry import featurizer, frames

    table = featurizer.compute_frame(
        project=version.project, features=version.features, frame=frame
    )
    features = frames.rows_of(fields_seen(version), table)
    answers = answers_of(version=version, inputs=frame)
    task = version.project.task
    if task == Project.Task.BINARY and answers and answers[0].score is not None:
        return features, [a.score for a in answers], "numeric"
    classes = task in {Project.Task.BINARY, Project.Task.MULTICLASS}
    kind = "categorical" if classes else "numeric"
    return features, [a.prediction for a in answers], kind


def _extremes(frame: pd.DataFrame, name: str) -> list[float]:
    """The least and the greatest number of a column, of all rows; of what is made from
    rows there is no column."""
    if name not in frame or frame[name].dtype.kind not in "iuf":
        return []
    known = frame[name].dropna()
    return [float(known.min()), float(known.max())] if len(known) else []


def _stretches(project: Project, frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The last days; those with few rows are taken together, as the monitor does. The
    last one first; none without times."""
    import pandas as pd

    if not project.time_column or project.time_column not in frame:
        return []
    times = frame[project.time_column].dt.tz_convert(project.zone)
    pieces: list[pd.DataFrame] = []
    open_days: list[pd.DataFrame] = []
    for _, rows in sorted(frame.groupby(times.dt.date), reverse=True):
        open_days.append(rows)
        if sum(map(len, open_days)) >= MINIMUM_N:
            piece = pd.concat(open_days)
            pieces.append(piece.iloc[:: max(len(piece) // ROWS_A_DAY, 1)])
            open_days = []
        if len(pieces) == MOST_DAYS:
            break
    return pieces


def fields_seen(version: ModelVersion) -> list[dict[str, Any]]:
    """What the model reads: the Featurizer's fields, else the input's."""
    return list(version.features.get("fields") or version.fields)
