"""Component 4, Monitor: the job that brings the buckets of a project up to date."""

from time import monotonic

from monitoring.monitor.days import merge_days
from monitoring.monitor.fold import Place, fold_predictions
from monitoring.monitor.truths import dirty_buckets, mark_hours, recompute_all
from registry.jobs import Continue, JobContext
from registry.models import Project

LONGEST = 40.0  # seconds in one message of the quick lane


def bring_up_to_date(project: Project, *, seconds: float = LONGEST) -> bool:
    """Fold new predictions, then the hours that new truth touches. False: there is
    more than fits into `seconds`."""
    end = monotonic() + seconds
    touched: set[Place] = set()
    while monotonic() < end and (places := fold_predictions(project)):
        touched |= places
    while monotonic() < end and (places := mark_hours(project)):
        touched |= places
    while monotonic() < end and (buckets := dirty_buckets(project)):
        touched |= recompute_all(project, buckets)
    merge_days(project, touched)
    return monotonic() < end


def fold_job(context: JobContext) -> None:
    assert context.project is not None
    if not bring_up_to_date(context.project):
        raise Continue
