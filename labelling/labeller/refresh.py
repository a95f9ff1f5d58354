"""Component 2, Data Labeller: when a queue is ranked anew, and the job that does it."""

from datetime import datetime, timedelta

from labelling.labeller.heads import HEAD, labels_of, newest_of, refresh
from labelling.labeller.honesty import step
from labelling.models import Example, Queue
from registry.clock import now as clock_now
from registry.jobs import JobContext, enqueue
from registry.models import Job, Project

TASK = "labelling.rerank"
MOST = HEAD // 2  # or the head runs dry
EVERY = timedelta(minutes=10)


def is_due(queue: Queue, *, labels: int, newest: int, now: datetime) -> bool:
    """After max(10, 10 %) new labels; after ten minutes if anything is new; at once
    where nothing was ranked yet. A stale order costs more than a good one gains."""
    if not newest:
        return False
    if queue.refreshed_at is None:
        return True
    grown = abs(labels - queue.labels_at_refresh)
    if grown >= min(step(queue.labels_at_refresh), MOST):
        return True
    anything = grown > 0 or newest > queue.newest_at_refresh
    return anything and now - queue.refreshed_at >= EVERY


def request_due(now: datetime) -> int:
    """One job for every project whose queue is due; a second is never written."""
    count = 0
    for queue in Queue.objects.select_related("project"):
        project = queue.project
        if is_due(
            queue, labels=labels_of(project), newest=newest_of(project), now=now
        ) and _anything_open(project):
            request(project)
            count += 1
    return count


def request(project: Project) -> Job:
    return enqueue(task=TASK, project=project, key=f"{TASK}:{project.pk}")


def _anything_open(project: Project) -> bool:
    return Example.objects.filter(project=project, open_slots__gt=0).exists()


def do_rerank(context: JobContext) -> None:
    """Under a minute: what is read is bounded (pool.py)."""
    import numpy as np

    project = context.project
    assert project is not None
    rng = np.random.default_rng()
    head = refresh(project=project, now=clock_now(), rng=rng)
    context.result({"strategy": head.strategy, "rows": len(head.places)})
