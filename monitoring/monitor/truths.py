"""Component 4, Monitor: truth marks the hours it touches; those are computed again.

Any order of truths, duplicates and corrections give the same buckets, because an hour's
outcomes are always computed from what counts now.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import F

from labelling.models import Match, TruthInbox
from monitoring.evaluator.economics import Economics
from monitoring.evaluator.scored import Scored
from monitoring.models import HourBucket
from monitoring.monitor.fold import ALL, CHUNK, Place, _locked, mark_dirty, slices_of
from monitoring.monitor.outcomes import Outcomes, fold_outcomes
from registry.models import ModelVersion, Project
from serving.models import Prediction

Heard = Sequence[tuple[Prediction, Any]]  # answers with the truth that counts


def mark_hours(project: Project) -> set[Place]:
    """Take up to 500 new or changed truths; returns the buckets they touch."""
    with transaction.atomic():
        entries = list(_locked(TruthInbox.objects.filter(project=project))[:CHUNK])
        if not entries:
            return set()
        ids = {entry.prediction_id for entry in entries}
        rows = Prediction.objects.filter(pk__in=ids, test=False).only(
            "id", "version", "role", "at", "input", "features"
        )
        places = mark_dirty(project, rows)
        TruthInbox.objects.filter(pk__in=[entry.pk for entry in entries]).delete()
    return places


def dirty_buckets(project: Project) -> list[HourBucket]:
    return list(
        HourBucket.objects.filter(project=project, dirty__gt=F("cleaned"))
        .select_related("version__project")
        .order_by("hour", "version_id", "role", "slice")[:50]
    )


def recompute_all(project: Project, buckets: Sequence[HourBucket]) -> None:
    """Compute the outcomes of these buckets anew. Slices of one hour share its rows."""
    for _, group in groupby(buckets, key=lambda b: (b.hour, b.version_id, b.role)):
        slices = list(group)
        heard = _heard(slices[0])
        for bucket in slices:
            _recompute(project, bucket, heard)


def _recompute(project: Project, bucket: HourBucket, heard: Heard) -> None:
    """A truth that comes meanwhile keeps the bucket dirty."""
    chosen = [
        (row, value)
        for row, value in heard
        if bucket.slice == ALL or bucket.slice in slices_of(project, row)
    ]
    rows, truths = [row for row, _ in chosen], [value for _, value in chosen]
    outcomes = outcomes_of(bucket.version, rows, truths)
    HourBucket.objects.filter(pk=bucket.pk, cleaned__lt=bucket.dirty).update(
        outcomes=outcomes.pack() if outcomes.n else b"",
        truths=outcomes.n,
        cleaned=bucket.dirty,
        unmerged=True,
    )


def _heard(bucket: HourBucket) -> Heard:
    """Every answer of the bucket's hour, version and role whose truth is known."""
    asked = Prediction.objects.filter(
        version_id=bucket.version_id,
        role=bucket.role,
        at__gte=bucket.hour,
        at__lt=bucket.hour + timedelta(hours=1),
        test=False,
        error="",
    )
    matches = Match.objects.filter(prediction_id__in=asked.values("pk"))
    values = dict(matches.values_list("prediction_id", "value"))
    known = [(row, values.get(row.pk)) for row in asked]
    return [(row, value) for row, value in known if value is not None]


def outcomes_of(
    version: ModelVersion, rows: Sequence[Prediction], truths: Sequence[Any]
) -> Outcomes:
    """The folded outcomes of some predictions of one version with their truths."""
    if not rows:
        return Outcomes()
    economics = Economics.from_costs(version.costs)
    return fold_outcomes(scored_rows(version, rows, truths), economics=economics)


def scored_rows(
    version: ModelVersion, rows: Sequence[Prediction], truths: Sequence[Any]
) -> Scored:
    """Stored answers beside their truths, as the Evaluator reads them."""
    import numpy as np

    project = version.project
    classes = [str(name) for name in version.classes or project.classes]
    given = [row.output.get("probabilities") for row in rows]
    probabilities = None
    if classes and all(given):
        probabilities = np.array(
            [[share.get(c, 0.0) for c in classes] for share in given]
        )
    decided = None
    actions: list[Any] = [(row.decision or {}).get("action") for row in rows]
    if all(actions):
        decided = np.array(actions, dtype=object)
    inputs = [{**row.features, **row.input} for row in rows]
    names = sorted({field["name"] for field in project.fields})
    return Scored(
        task=project.task,
        classes=classes,
        positive=project.positive_class or None,
        truth=np.array(list(truths), dtype=object),
        predicted=np.array([row.output["prediction"] for row in rows], dtype=object),
        probabilities=probabilities,
        decided=decided,
        rows={
            name: np.array([row.get(name) for row in inputs], dtype=object)
            for name in names
        },
    )
