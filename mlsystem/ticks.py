"""The house's pulse: every ten seconds what is due is sent, and every floor looks.

A tick does no work of its own: it sends jobs and writes new ones. One part that fails
is logged and never stops the others.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from celery import shared_task
from django.db.models import Q

from labelling import housekeeping as labelling_housekeeping
from mlsystem import baselines
from mlsystem.orchestrator import pipeline, triggers
from monitoring import housekeeping as monitoring_housekeeping
from registry import definition_sync, drafts, imports, people, schedules, sending
from registry.clock import now as clock_now
from registry.models import Invitation, Job
from registry.web import idempotency
from serving import housekeeping as serving_housekeeping

logger = logging.getLogger(__name__)

JOBS_KEPT = timedelta(days=30)
PAUSE = 5.0  # seconds between two ticks of a process: half of beat's, which wavers

Part = Callable[[datetime], object]

# When this process began a tick. The quick lane has one child, so nothing need be shared:
# several lanes tick beside each other, which does no harm, and a tick that is killed
# takes this with it.
_began = float("-inf")


def _each(parts: tuple[Part, ...], *, now: datetime) -> None:
    for part in parts:
        try:
            part(now)
        except Exception:  # the boundary of the supervisor: the next part still runs
            logger.exception("%s failed in a tick", part.__name__)


def _send_due_jobs(now: datetime) -> None:
    sending.resend_due(now=now)


def _start_due_schedules(now: datetime) -> None:
    schedules.start_due(now=now)


def _forget_the_old(now: datetime) -> None:
    idempotency.prune(now=now)
    Invitation.objects.filter(expires_at__lt=now - JOBS_KEPT).delete()
    _forget_jobs(now)


def _forget_jobs(now: datetime) -> None:
    """But, for as long again, those that alone know of a file that is to be deleted."""
    stopped = Q(state__in=(Job.State.FAILED, Job.State.CANCELLED))
    inside = Q(args__has_any_keys=["uri", "input"])
    inside |= Q(checkpoint__has_any_keys=["input", "parts"])
    holds = stopped & inside | Q(result__has_key="uri")
    old = Job.objects.filter(finished_at__lt=now - JOBS_KEPT)
    old.filter(~holds | Q(finished_at__lt=now - 2 * JOBS_KEPT)).delete()


def _adopt_orphans(now: datetime) -> None:
    del now
    people.adopt_orphans()


@shared_task(name="mlsystem.tick")
def tick() -> None:
    """Every 10 s on the quick lane. Those that waited behind a slow fold come all at
    once: the first of them does what there is to do."""
    global _began
    began = monotonic()
    if began - _began < PAUSE:
        return
    _began = began
    _each(
        (
            _send_due_jobs,
            _start_due_schedules,
            definition_sync.notice,
            pipeline.advance_all,
            baselines.open_missing,
            triggers.answer_alerts,
            triggers.answer_labels,
            labelling_housekeeping.tick,
            monitoring_housekeeping.tick,
        ),
        now=clock_now(),
    )


@shared_task(name="mlsystem.sweep")
def sweep() -> None:
    """Every minute on the quick lane, what was promised within it first. What takes
    longer than a look is a job that it asks for."""
    _each(
        (
            monitoring_housekeeping.sweep,
            labelling_housekeeping.sweep,
            _adopt_orphans,
            _forget_the_old,
        ),
        now=clock_now(),
    )


@shared_task(name="mlsystem.clean")
def clean() -> None:
    """Every ten minutes on the long lane: files that nobody will read any more. A storage
    far away may keep them waiting, and nothing else."""
    _each(
        (
            drafts.forget_old,
            imports.forget_files,
            serving_housekeeping.clean,
            labelling_housekeeping.clean,
        ),
        now=clock_now(),
    )
