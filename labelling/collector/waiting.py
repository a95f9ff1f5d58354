"""Component 1, Ground-truth Collector: truths that came before their predictions.

A prediction may be committed after a later one, so nothing is remembered as looked at.
`match_waiting` looks from the truths that still wait; `match_recent` from the newest
predictions, again and again while they are young; `claim_waiting` is exact, for whoever
learns of stored predictions from an inbox.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from labelling.collector import matching
from labelling.models import GroundTruth, Match
from registry.models import Project
from serving.models import Prediction

LOOKED_UP = 2_000  # waiting truths a tick; each is one look at an index
WAITING = GroundTruth.State.WAITING


def claim_waiting(
    *, project: Project, predictions: Iterable[UUID], now: datetime
) -> int:
    """Join predictions that were stored just now with all that was said before, and
    with silence where their time is over already. Returns how many truths joined."""
    joined: set[int] = set()
    ids = list(predictions)
    for start in range(0, len(ids), matching.CHUNK):
        with transaction.atomic():
            matching.lock(project)
            part = ids[start : start + matching.CHUNK]
            asked = matching.with_ids(project=project, ids=part)
            joined |= matching.rematch(project=project, asked=asked, now=now)
    return len(joined)


def match_waiting(*, now: datetime, project: Project | None = None) -> int:
    """Look for the predictions of the newest waiting truths. Returns how many joined."""
    rows = GroundTruth.objects.filter(state=WAITING).select_related("project")
    if project:
        rows = rows.filter(project=project)
    by_project: dict[Project, list[GroundTruth]] = defaultdict(list)
    for truth in rows.order_by("-pk")[:LOOKED_UP]:
        by_project[truth.project].append(truth)
    joined = 0
    for owner, truths in by_project.items():
        asked = matching.touched_by(project=owner, truths=truths)
        for part in matching.chunks(asked):
            with transaction.atomic():
                matching.lock(owner)
                joined += len(matching.rematch(project=owner, asked=part, now=now))
    return joined


def match_recent(*, now: datetime, age: timedelta) -> int:
    """Join the predictions received within `age` that something said before is about.
    Returns how many were looked at more closely."""
    young = UUID(int=max(int((now - age).timestamp() * 1000), 0) << 80)  # a UUIDv7
    said = GroundTruth.objects.filter(project=OuterRef("project"))
    of_reference = said.filter(
        key_kind=GroundTruth.KeyKind.REFERENCE, key=OuterRef("reference")
    )
    of_entity = said.filter(
        Q(at=OuterRef("at"))
        | Q(at=None, observed_at__gte=OuterRef("at"))
        | Q(at=None, project__horizon=None),
        key_kind=GroundTruth.KeyKind.ENTITY,
        key=OuterRef("entity"),
    )
    matched = Match.objects.filter(prediction_id=OuterRef("pk"))
    rows = Prediction.objects.filter(
        Q(Exists(of_reference), ~Q(reference="")) | Q(Exists(of_entity), ~Q(entity="")),
        ~Exists(matched),
        pk__gte=young,
        test=False,
    ).values_list("project", "pk")
    found: dict[int, list[UUID]] = defaultdict(list)
    for project_id, prediction_id in rows[:LOOKED_UP]:
        found[project_id].append(prediction_id)
    for project in Project.objects.filter(pk__in=found):
        claim_waiting(project=project, predictions=found[project.pk], now=now)
    return sum(map(len, found.values()))


def expire(*, now: datetime) -> int:
    """Give up on truths that waited longer than horizon and retention; they stay
    listed, and should their prediction come after all, they join it."""
    count = 0
    for project in Project.objects.filter(retention__isnull=False):
        patience = (project.horizon or timedelta()) + (project.retention or timedelta())
        count += GroundTruth.objects.filter(
            project=project, state=WAITING, received_at__lt=now - patience
        ).update(state=GroundTruth.State.EXPIRED)
    return count
