"""What the house's pulse asks of this floor."""

from datetime import datetime, timedelta

from django.db.models import F, Q

from labelling.models import TruthInbox
from monitoring.judging.rollouts import judge_all
from monitoring.models import HourBucket
from monitoring.monitor import keeping
from registry.jobs import enqueue
from registry.models import Job, Project
from serving.models import PredictionInbox, Rollout

FOLD = "monitoring.fold"
REST = timedelta(minutes=10)  # short, because guardrails see nothing meanwhile
ALERTS_EVERY = timedelta(minutes=10)


def tick(now: datetime) -> None:
    """Ask for a fold wherever something is new, and the last one did not fail just now:
    one that always does would only fill the list of what failed."""
    waiting = set(PredictionInbox.objects.values_list("project", flat=True).distinct())
    waiting |= set(TruthInbox.objects.values_list("project", flat=True).distinct())
    dirty = HourBucket.objects.filter(Q(dirty__gt=F("cleaned")) | Q(unmerged=True))
    waiting |= set(dirty.values_list("project", flat=True).distinct())
    failed = Job.objects.filter(
        project__in=waiting,
        created_at__gt=now - timedelta(days=1),  # by the index: there are many jobs
        task=FOLD,
        state=Job.State.FAILED,
        finished_at__gt=now - REST,
    )
    resting = set(failed.values_list("project", flat=True))
    for project in Project.objects.filter(pk__in=waiting - resting):
        enqueue(task=FOLD, project=project, key=f"fold:{project.pk}")


def sweep(now: datetime) -> None:
    """Judge rollouts every minute, alert rules every ten; let go what is too old."""
    judge_all(now)
    keeping.request_due(now)
    lately = Job.objects.filter(
        task="monitoring.alerts", created_at__gt=now - ALERTS_EVERY
    ).values("project")
    serving = Rollout.objects.exclude(project__in=lately).select_related("project")
    for rollout in serving:
        enqueue(
            task="monitoring.alerts",
            project=rollout.project,
            key=f"alerts:{rollout.project_id}",
        )
