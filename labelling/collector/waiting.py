"""Component 1, Ground-truth Collector: truths that came before their predictions.

Nothing here trusts a clock or the order of ids: a prediction may be committed after a
later one. `claim_waiting` is for whoever learns of stored predictions from an inbox,
`match_waiting` looks the other way, from the truths that still wait.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from labelling.collector import matching
from labelling.models import GroundTruth
from registry.models import Project

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
