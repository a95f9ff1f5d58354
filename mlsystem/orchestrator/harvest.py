"""Component 6, Orchestrator: production inputs whose truth is mature, and what experts
labelled, become rows.

Every version of a dataset is made anew from its root (what was uploaded) and all that
was learnt since, so a corrected truth corrects the row. Each thing that keeps a row out
is counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labelling.labeller.drawn import chosen
from labelling.models import GroundTruth, Match
from mlsystem.orchestrator import labels, rows
from mlsystem.orchestrator.rows import Row
from mlsystem.orchestrator.work import StepWork
from monitoring.monitor.rollups import mature_until
from registry import carry, clock
from registry.identifiers import entity_parts
from registry.models import Dataset, Project
from serving.models import Prediction

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 5000
EARLY = "not mature yet"
REASONS = ("matched", "labelled", EARLY, "altered by us", "repeated", "unreadable")
Found = tuple[Row, bool]  # and whether it only trains


def with_what_is_new(work: StepWork, newest: Dataset) -> tuple[Dataset, dict[str, int]]:
    """The dataset to learn from, and what was counted on the way to it."""
    root, counts = _root(newest), dict.fromkeys(REASONS, 0)
    columns = [c["name"] for c in root.columns if c["role"] != "target"]
    found = list(_from_production(work.project, columns, counts))
    produced = len(found)
    found += _from_labels(work.project, columns, counts)
    if not found:
        return newest, counts
    fingerprint = _fingerprint(root, found)
    if newest.lineage.get("fingerprint") == fingerprint:
        return newest, counts
    kept, train_only = _usable(root, found, counts)
    if kept.empty:
        return newest, counts
    counts["from production"] = int((kept.index < produced).sum())
    counts["from labels"] = len(kept) - counts["from production"]
    counts["only train"] = int(train_only.sum())
    work.log(f"{len(kept)} rows are new: {counts}.")
    dataset = carry.extend(
        dataset=root,
        frame=kept.reset_index(drop=True),
        train_only=train_only,
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
    """What was uploaded or read from a source, without what was added since."""
    number = dataset.lineage.get("root")
    if number is None:
        return dataset
    found = Dataset.objects.select_related("split").filter(
        project=dataset.project, number=number
    )
    return found.first() or dataset


def _usable(
    root: Dataset, found: list[Found], counts: dict[str, int]
) -> tuple[pd.DataFrame, pd.Series]:
    """The rows worth keeping, by their place in `found`, and which of them only train."""
    import pandas as pd

    names = [column["name"] for column in root.columns]
    raw = pd.DataFrame([row for row, _ in found], columns=names)
    train_only = pd.Series([only for _, only in found], dtype=bool)
    frame, fits = rows.readable(root, raw)
    new = rows.fresh(root, frame)
    apart = rows.apart(root, frame, train_only)
    counts["unreadable"] += int((~fits).sum())
    counts["known already"] = int((fits & ~new).sum())
    counts["their like is judged"] = int((fits & new & ~apart).sum())
    keep = fits & new & apart
    return frame[keep], train_only[keep]


def _from_labels(
    project: Project, columns: list[str], counts: dict[str, int]
) -> Iterator[Found]:
    for row, drawn in labels.labelled(project, columns):
        counts["labelled"] += 1
        yield row, not drawn


def _from_production(
    project: Project, columns: list[str], counts: dict[str, int]
) -> list[Found]:
    """One row a subject and moment of truth; what was left out, by reason. Where silence
    means no, a yes is told days before a no can be: until then all would be yes."""
    until = mature_until(project, now=clock.now())
    kept: dict[tuple[str, str], Found] = {}
    matches = Match.objects.filter(project=project).select_related("truth")
    ids = list(matches.order_by("predicted_at", "pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        found = {m.prediction_id: m for m in matches.filter(pk__in=ids[start:][:CHUNK])}
        only_train = chosen(project, _by_experts(found))
        asked = Prediction.objects.filter(
            project=project, pk__in=list(found), test=False, error=""
        ).exclude(role=Prediction.Role.SHADOW)
        for prediction in asked.order_by("at", "pk"):
            match = found[prediction.pk]
            counts["matched"] += 1
            if until is not None and match.predicted_at > until:
                counts[EARLY] += 1
                continue
            if match.truth and match.truth.altered_by_us:
                counts["altered by us"] += 1
                continue
            row = _row(project, columns, prediction, match)
            subject = prediction.entity or json.dumps(prediction.input, sort_keys=True)
            key = (subject, match.observed_at.isoformat())
            counts["repeated"] += key in kept
            kept[key] = row, prediction.pk in only_train
    return list(kept.values())


def _by_experts(found: dict[Any, Match]) -> list[Any]:
    expert = GroundTruth.Source.EXPERT
    return [key for key, match in found.items() if match.source == expert]


def _row(
    project: Project, columns: list[str], prediction: Prediction, match: Match
) -> Row:
    """What the client sent, completed by what the Featurizer looked up."""
    seen = {**prediction.features, **prediction.input, **_entity(project, prediction)}
    if project.time_column:
        seen[project.time_column] = prediction.at
    return rows.completed(project, columns, seen) | {project.target: match.value}


def _entity(project: Project, prediction: Prediction) -> Row:
    """The columns that name the predicted subject, from its canonical spelling."""
    if not prediction.entity or not project.entity:
        return {}
    return entity_parts(project.entity, prediction.entity)


def _fingerprint(root: Dataset, found: list[Found]) -> str:
    text = json.dumps([root.sha256, found], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
