"""Component 4, Monitor: the job that brings the buckets of a project up to date."""

from time import monotonic

from monitoring.monitor.days import merge_days
from monitoring.monitor.fold import fold_predictions
from monitoring.monitor.truths import dirty_buckets, mark_hours, recompute_all
from registry.jobs import Continue, JobContext
from registry.models import Project

LONGEST = 40.0  # seconds in one message of the quick lane


def bring_up_to_date(project: Project, *, seconds: float = LONGEST) -> bool:
    """Fold new predictions, then the hours that new truth touches. False: there is
    more than fits into `seconds`."""
    end = monotonic() + seconds
    while monotonic() < end and fold_predictions(project):
        pass
    while monotonic() < end and mark_hours(project):
        pass
    while monotonic() < end and (buckets := dirty_buckets(project)):
        recompute_all(project, buckets)
    while merge_days(project) and monotonic() < end:
        pass
    return monotonic() < end


def fold_job(context: JobContext) -> None:
    assert context.project is not None
    if not bring_up_to_date(context.project):
        raise Continue
