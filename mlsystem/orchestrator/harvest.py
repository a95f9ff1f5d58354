"""Component 6, Orchestrator: production inputs whose truth is mature become rows.

Every version of a dataset is made anew from its root (what was uploaded) and all that
production brought since, so a corrected truth corrects the row. Each thing that keeps a
row out is counted.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from labelling.models import Match
from mlsystem.orchestrator.work import StepWork
from registry import carry, datasets, splits
from registry.models import Dataset, Project
from serving.models import Prediction

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 5000
Row = dict[str, Any]


def with_production(work: StepWork, newest: Dataset) -> tuple[Dataset, dict[str, int]]:
    """The dataset to learn from, and what was counted on the way to it."""
    root = _root(newest)
    rows, counts = _rows(work.project, root)
    if not rows:
        return newest, counts
    fingerprint = _fingerprint(root, rows)
    if newest.lineage.get("fingerprint") == fingerprint:
        return newest, counts
    frame = _frame(root, rows)
    frame, counts["known already"] = _without_known(root, frame)
    if frame.empty:
        return newest, counts
    counts["from production"] = len(frame)
    work.log(f"{len(frame)} rows from production: {counts}.")
    dataset = carry.extend(
        dataset=root,
        frame=frame,
        lineage={
            "kind": "production",
            "root": root.number,
            "fingerprint": fingerprint,
            "counts": counts,
        },
        by=work.run.requested_by,
    )
    return dataset, counts


def _root(dataset: Dataset) -> Dataset:
    """What was uploaded or read from a source, without what production added."""
    number = dataset.lineage.get("root")
    if number is None:
        return dataset
    found = Dataset.objects.select_related("split").filter(
        project=dataset.project, number=number
    )
    return found.first() or dataset


def _rows(project: Project, root: Dataset) -> tuple[list[Row], dict[str, int]]:
    """One row a subject and moment of truth; what was left out, by reason."""
    counts = dict.fromkeys(("matched", "altered by us", "repeated", "unreadable"), 0)
    columns = [column["name"] for column in root.columns]
    kept: dict[tuple[str, str], Row] = {}
    matches = Match.objects.filter(project=project).select_related("truth")
    ids = list(matches.order_by("predicted_at", "pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        found = {m.prediction_id: m for m in matches.filter(pk__in=ids[start:][:CHUNK])}
        asked = Prediction.objects.filter(
            project=project, pk__in=list(found), test=False
        ).exclude(role=Prediction.Role.SHADOW)
        for prediction in asked.order_by("at", "pk"):
            match = found[prediction.pk]
            counts["matched"] += 1
            if match.truth and match.truth.altered_by_us:
                counts["altered by us"] += 1
                continue
            row = _row(project, columns, prediction, match)
            subject = prediction.entity or json.dumps(prediction.input, sort_keys=True)
            key = (subject, match.observed_at.isoformat())
            counts["repeated"] += key in kept
            kept[key] = row
    return list(kept.values()), counts


def _row(
    project: Project, columns: list[str], prediction: Prediction, match: Match
) -> Row:
    """What the client sent, completed by what the Featurizer looked up."""
    seen = {**prediction.features, **prediction.input, **_entity(project, prediction)}
    row = {name: seen.get(name) for name in columns}
    if project.time_column:
        row[project.time_column] = prediction.at
    row[project.target] = match.value
    return row


def _entity(project: Project, prediction: Prediction) -> Row:
    """The columns that name the predicted subject, from its canonical spelling."""
    if not prediction.entity or not project.entity:
        return {}
    if len(project.entity) == 1:
        return {project.entity[0]: prediction.entity}
    return dict(zip(project.entity, json.loads(prediction.entity), strict=True))


def _fingerprint(root: Dataset, rows: list[Row]) -> str:
    text = json.dumps([root.sha256, rows], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _frame(root: Dataset, rows: list[Row]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=[column["name"] for column in root.columns])


def _without_known(root: Dataset, frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Rows that the root has too, inputs and subject alike, teach nothing new and would
    be tested twice."""
    import pandas as pd

    from registry import frames

    used = [c for c in root.columns if c["role"] in {"input", "entity", "group"}]
    names = [column["name"] for column in used]
    parts = [datasets.training_frame(root), datasets.test_inputs(root)]
    known = set(splits.content_keys(pd.concat([part[names] for part in parts])))
    ours, _ = frames.conform(used, frame)
    fresh = ~splits.content_keys(ours).isin(known).to_numpy()
    return frame[fresh].reset_index(drop=True), int((~fresh).sum())
