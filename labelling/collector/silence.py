"""Component 1, Ground-truth Collector: where silence means no, it becomes truth when
the horizon is over, and gives way to whatever is said later."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from labelling.collector import matching
from labelling.models import Match, Maturity
from registry.models import Project
from serving.models import Prediction

# Predictions for moments that were looked at already (sent later, or replayed) are
# found by looking at everything again, now and then.
SWEEP = timedelta(hours=1)


def mature(
    *, now: datetime, pause: Callable[[], None] = lambda: None, sweep: bool = False
) -> int:
    """Write a match by silence for every prediction whose time is over unheard.

    Resumable: what is done is in the Match rows. `pause` is called between pieces and
    may raise to end here. Returns how many matches were written.
    """
    return sum(
        mature_project(project=project, now=now, pause=pause, sweep=sweep)
        for project in _listening(now=now, sweep=sweep)
    )


def is_due(*, now: datetime) -> bool:
    """Whether `mature` has anything to do."""
    return any(True for _ in _listening(now=now, sweep=False))


def mature_project(
    *, project: Project, now: datetime, pause: Callable[[], None], sweep: bool
) -> int:
    if project.horizon is None:
        return 0
    state, _ = Maturity.objects.get_or_create(project=project)
    everything = sweep or _sweep_is_due(state, now)
    after = None if everything else state.upto
    upto = now - project.horizon
    count = 0
    for ids in _unheard(project, after=after, upto=upto):
        with transaction.atomic():
            matching.lock(project)
            asked = matching.with_ids(project=project, ids=ids)
            matching.rematch(project=project, asked=asked, now=now)
        count += len(ids)
        pause()
    changes: dict[str, datetime] = {"upto": max(upto, state.upto or upto)}
    if everything:
        changes["swept_at"] = now
    Maturity.objects.filter(pk=state.pk).update(**changes)
    return count


def _listening(*, now: datetime, sweep: bool) -> Iterator[Project]:
    """The projects in which something may have become certain by silence."""
    projects = Project.objects.filter(
        silence=Project.Silence.NEGATIVE,
        task=Project.Task.BINARY,
        horizon__isnull=False,
    ).select_related("maturity")
    for project in projects:
        state = getattr(project, "maturity", None)
        if sweep or state is None or _has_news(project, state, now):
            yield project


def _has_news(project: Project, state: Maturity, now: datetime) -> bool:
    if _sweep_is_due(state, now) or project.horizon is None:
        return True
    found = _unheard(project, after=state.upto, upto=now - project.horizon)
    return next(found, None) is not None


def _sweep_is_due(state: Maturity, now: datetime) -> bool:
    # The clock may go back: a demo replays last month.
    return state.swept_at is None or not now - SWEEP < state.swept_at <= now


def _unheard(
    project: Project, *, after: datetime | None, upto: datetime
) -> Iterator[list[UUID]]:
    """Ids of predictions without a match, in pieces, by version and moment."""
    heard = Match.objects.filter(prediction_id=OuterRef("pk"))
    for version in project.versions.values_list("pk", flat=True):
        rows = Prediction.objects.filter(
            ~Exists(heard), version_id=version, at__lte=upto, test=False
        ).order_by("at", "pk")
        rest = rows if after is None else rows.filter(at__gt=after)
        while piece := list(rest.values_list("at", "pk")[: matching.CHUNK]):
            yield [pk for _, pk in piece]
            at, pk = piece[-1]
            rest = rows.filter(Q(at__gt=at) | Q(at=at, pk__gt=pk))
