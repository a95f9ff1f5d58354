"""Component 4, Monitor: truth marks the hours it touches; those are computed again.

Any order of truths, duplicates and corrections give the same buckets, because an hour's
outcomes are always computed from what counts now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from labelling.labeller.drawn import known_by_choice
from labelling.models import GroundTruth, Match, TruthInbox
from monitoring.evaluator.economics import Economics
from monitoring.evaluator.scored import Scored, classes_of
from monitoring.models import HourBucket
from monitoring.monitor.fold import (
    ALL,
    CHUNK,
    Place,
    _locked,
    hour_of,
    mark_dirty,
    slices_of,
)
from monitoring.monitor.outcomes import Outcomes, fold_outcomes
from registry.models import ModelVersion, Project
from serving.models import Prediction

WHAT = ("prediction_id", "value", "source")
EXPERT = GroundTruth.Source.EXPERT
Answers = tuple[datetime, int, str]  # of an hour, version and role
Heard = list[tuple[Prediction, Any]]  # answers with the truth that counts


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
        .order_by("hour", "version_id", "role", "slice")
        .defer("inputs", "outcomes")[:50]
    )


def recompute_all(project: Project, buckets: Sequence[HourBucket]) -> None:
    """Compute the outcomes of these buckets anew, a part with a bounded number of
    answers at a time. Slices of one hour share its rows."""
    versions = ModelVersion.objects.select_related("project").in_bulk(
        {bucket.version_id for bucket in buckets}
    )
    for part in _parts(buckets):
        heard = _heard(project, {_answers_of(b) for b in part if not b.frozen})
        found = []
        for bucket in part:
            rows = [
                (row, value)
                for row, value in heard.get(_answers_of(bucket), ())
                if bucket.slice == ALL or bucket.slice in slices_of(project, row)
            ]
            version = versions[bucket.version_id]
            found.append((bucket, outcomes_of(version, *_apart(rows))))
        _write(found)


def _parts(buckets: Sequence[HourBucket]) -> Iterator[list[HourBucket]]:
    """Whole hours with at most CHUNK answers together, or one hour with more."""
    part: list[HourBucket] = []
    answers = 0
    for _, group in groupby(buckets, key=_answers_of):
        hour = list(group)
        n = max(bucket.n for bucket in hour)
        if part and answers + n > CHUNK:
            yield part
            part, answers = [], 0
        part += hour
        answers += n
    if part:
        yield part


def _answers_of(bucket: HourBucket) -> Answers:
    return bucket.hour, bucket.version_id, bucket.role


def _heard(project: Project, hours: Collection[Answers]) -> dict[Answers, Heard]:
    """Every answer of these hours, versions and roles whose truth is known, but for those
    that experts read because the model was unsure: they would tell of its worst alone."""
    if not hours:
        return {}
    # Each term with all that its index needs.
    these = reduce(
        or_,
        (
            Q(
                version=version,
                role=role,
                at__gte=hour,
                at__lt=hour + timedelta(hours=1),
            )
            for hour, version, role in hours
        ),
    )
    asked = Prediction.objects.filter(these, test=False, error="")
    matches = Match.objects.filter(prediction_id__in=asked.values("pk"))
    said = {pk: (value, source) for pk, value, source in matches.values_list(*WHAT)}
    asked_of = {row.pk: row.shadow_of or row.pk for row in asked}
    by_experts = {asked_of[pk] for pk, (_, source) in said.items() if source == EXPERT}
    left_out = known_by_choice(project, by_experts)
    heard: dict[Answers, Heard] = defaultdict(list)
    for row in asked:
        if row.pk in said and asked_of[row.pk] not in left_out:
            place = hour_of(row.at), row.version_id, row.role
            heard[place].append((row, said[row.pk][0]))
    return heard


def _apart(heard: Heard) -> tuple[list[Prediction], list[Any]]:
    return [row for row, _ in heard], [value for _, value in heard]


def _write(found: Sequence[tuple[HourBucket, Outcomes]]) -> None:
    """A truth that comes meanwhile keeps the bucket dirty. Of an hour whose answers are
    gone nothing can be computed anew: it stays as it was."""
    with transaction.atomic():
        for bucket, outcomes in sorted(found, key=lambda pair: _place(pair[0])):
            row = HourBucket.objects.filter(pk=bucket.pk, cleaned__lt=bucket.dirty)
            if bucket.frozen:
                row.update(cleaned=bucket.dirty)
                continue
            # Frozen since the rows were read: some of them may have been gone already.
            row.filter(frozen=False).update(
                outcomes=outcomes.pack() if outcomes.n else b"",
                truths=outcomes.n,
                cleaned=bucket.dirty,
                unmerged=True,
            )


def _place(bucket: HourBucket) -> Place:
    return Place(bucket.version_id, bucket.role, bucket.slice, bucket.hour)


def outcomes_of(
    version: ModelVersion, rows: Sequence[Prediction], truths: Sequence[Any]
) -> Outcomes:
    """The folded outcomes of some predictions of one version with their truths. Answers
    that came without probabilities, as a client's own copy may send them, fold apart:
    they take nothing from the others."""
    economics = Economics.from_costs(version.costs)
    merged = Outcomes()
    for told in (True, False):
        part = [
            (row, truth)
            for row, truth in zip(rows, truths, strict=True)
            if bool(row.output.get("probabilities")) is told
        ]
        if part:
            scored = scored_rows(version, *_apart(part))
            merged = merged.merge(fold_outcomes(scored, economics=economics))
    return merged


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
    if any(row.decision for row in rows):
        actions = [
            (row.decision or {}).get("action", row.output["prediction"]) for row in rows
        ]
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
        meant=classes_of(
            version.decision, classes=classes, positive=project.positive_class
        ),
        rows={
            name: np.array([row.get(name) for row in inputs], dtype=object)
            for name in names
        },
    )
