"""Component 4, Monitor: predictions are folded once, in whatever order they committed.

An inbox row is written in the prediction's commit and deleted in the fold's, so nothing
is lost to clocks or to ids that commit late, and nothing counts twice.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F, QuerySet

from labelling.collector.waiting import claim_waiting
from labelling.models import Match
from monitoring.models import HourBucket
from monitoring.monitor.days import closed_days
from monitoring.monitor.inputs import Inputs, fold_inputs
from monitoring.monitor.references import make_reference, reference_of
from registry.clock import now as clock_now
from registry.models import ModelVersion, Project
from serving.models import Prediction, PredictionInbox

CHUNK = 500  # rows a transaction: SQLite has one writer
ALL = ""  # the slice that is everything


class Place(NamedTuple):
    """Where a bucket is."""

    version: int
    role: str
    slice: str
    hour: datetime


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def fold_predictions(project: Project) -> set[Place]:
    """Fold up to 500 predictions; returns the buckets touched, none when all is done."""
    _make_references(project)
    with transaction.atomic():
        entries = list(_locked(PredictionInbox.objects.filter(project=project))[:CHUNK])
        if not entries:
            return set()
        ids = [entry.prediction_id for entry in entries]
        # Truth that came first finds them here, however long nobody folded.
        claim_waiting(project=project, predictions=ids, now=clock_now())
        rows = Prediction.objects.filter(pk__in=ids, test=False)
        places = _fold(project, list(rows))
        PredictionInbox.objects.filter(pk__in=[entry.pk for entry in entries]).delete()
    return places


def _make_references(project: Project) -> None:
    """Loading a model takes a moment: not inside a transaction."""
    ids = PredictionInbox.objects.filter(project=project).order_by("pk")
    waiting = list(ids.values_list("prediction_id", flat=True)[:CHUNK])
    versions = Prediction.objects.filter(pk__in=waiting).values("version")
    for version in ModelVersion.objects.filter(
        pk__in=versions, reference=None
    ).select_related("project", "dataset"):
        make_reference(version)


def _fold(project: Project, rows: Sequence[Prediction]) -> set[Place]:
    known = set(
        Match.objects.filter(prediction_id__in=[row.pk for row in rows]).values_list(
            "prediction_id", flat=True
        )
    )
    versions = ModelVersion.objects.select_related("project", "dataset").in_bulk(
        {row.version_id for row in rows}
    )
    groups: dict[Place, list[Prediction]] = defaultdict(list)
    for row in rows:
        for name in slices_of(project, row):
            place = Place(row.version_id, row.role, name, hour_of(row.at))
            groups[place].append(row)
    buckets = locked_buckets(project, set(groups))
    for place, bucket in buckets.items():
        part = groups[place]
        inputs = Inputs()
        if place.slice == ALL:
            inputs = _inputs(versions[place.version], part)
        has_truth = any(row.pk in known for row in part)
        _add(bucket, part, inputs, has_truth=has_truth)
    return set(groups)


def _inputs(version: ModelVersion, rows: Sequence[Prediction]) -> Inputs:
    answered = [row for row in rows if not row.error]
    scores = [row.score for row in answered if row.score is not None]
    binary = version.project.task == Project.Task.BINARY
    return fold_inputs(
        reference_of(version),
        [{**row.input, **row.features} for row in answered],
        predictions=[_said(version, row) for row in answered],
        scores=scores if binary else (),
        latencies_ms=[row.latency_ms for row in rows],
    )


def _said(version: ModelVersion, row: Prediction) -> Any:
    """What the profile's `prediction` was built of: see references.py."""
    if version.project.task == Project.Task.BINARY and row.score is not None:
        return row.score
    return row.output.get("prediction")


def _add(
    bucket: HourBucket, rows: Sequence[Prediction], inputs: Inputs, *, has_truth: bool
) -> None:
    if bucket.slice == ALL:
        bucket.inputs = Inputs.unpack(bytes(bucket.inputs)).merge(inputs).pack()
    bucket.n += len(rows)
    bucket.errors += sum(1 for row in rows if row.error)
    bucket.fallbacks += sum(1 for row in rows if row.fallback)
    bucket.dirty += has_truth
    bucket.unmerged = True
    bucket.save(
        update_fields=["inputs", "n", "errors", "fallbacks", "dirty", "unmerged"]
    )


def locked_buckets(
    project: Project, places: Collection[Place]
) -> dict[Place, HourBucket]:
    """The buckets' rows, made if they are missing, locked until the commit: in one
    order for all, so that no two wait in a circle."""
    found = _known_buckets(places)
    if missing := sorted(set(places) - set(found)):
        closed = closed_days(missing)
        new = [
            HourBucket(
                project=project,
                version_id=place.version,
                role=place.role,
                slice=place.slice,
                hour=place.hour,
                # Its day holds other answers of this hour, which are not told apart.
                frozen=(*place[:3], place.hour.date()) in closed,
            )
            for place in missing
        ]
        # Another fold may make the same ones now: the constraint keeps one of each.
        HourBucket.objects.bulk_create(new, ignore_conflicts=True)
        found |= _known_buckets(missing)
    return dict(sorted(found.items()))


def _known_buckets(places: Collection[Place]) -> dict[Place, HourBucket]:
    if not places:
        return {}
    rows = HourBucket.objects.select_for_update(of=("self",)).filter(
        version__in={place.version for place in places},
        role__in={place.role for place in places},
        slice__in={place.slice for place in places},
        hour__in={place.hour for place in places},
    )
    ordered = rows.order_by("version_id", "role", "slice", "hour")
    found = {Place(b.version_id, b.role, b.slice, b.hour): b for b in ordered}
    return {place: found[place] for place in sorted(places) if place in found}


def mark_dirty(project: Project, rows: Iterable[Prediction]) -> set[Place]:
    """Say that the outcomes of these predictions' hours must be computed again."""
    places = {
        Place(row.version_id, row.role, name, hour_of(row.at))
        for row in rows
        for name in slices_of(project, row)
    }
    for place in sorted(places):
        marked = HourBucket.objects.filter(
            version_id=place.version,
            role=place.role,
            slice=place.slice,
            hour=place.hour,
        ).update(dirty=F("dirty") + 1)
        if not marked and not closed_days({place}):
            # Its predictions are not folded yet.
            bucket = locked_buckets(project, {place})[place]
            HourBucket.objects.filter(pk=bucket.pk).update(dirty=F("dirty") + 1)
    return places


def slices_of(project: Project, row: Prediction) -> list[str]:
    """The buckets of one hour a prediction counts in: everything, and the slices that
    the project's gate names."""
    names = project.gate.get("slices", []) if project.gate else []
    values = {**row.input, **row.features}
    return [ALL, *(f"{name}={values.get(name)}"[:200] for name in names)]


def _locked(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Two folds at once take different rows where the database can skip locked ones;
    SQLite lets only one write."""
    skip = connection.features.has_select_for_update_skip_locked
    return queryset.order_by("pk").select_for_update(skip_locked=skip)
