"""Background work as rows, answers given once, and where notifications go."""

import uuid

from django.db import models
from django.db.models import Q


class Job(models.Model):
    """A long job. Celery carries only its id; this row knows everything else."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Lane(models.TextChoices):
        QUICK = "quick", "quick: under a minute"
        LONG = "long"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=80)  # Celery's name of the task
    lane = models.CharField(max_length=5, choices=Lane.choices)
    project = models.ForeignKey(
        "registry.Project", null=True, on_delete=models.CASCADE, related_name="jobs"
    )
    args = models.JSONField(default=dict)
    key = models.CharField(max_length=120, blank=True)  # one unfinished job a key
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    token = models.PositiveIntegerField(default=0)  # fences off who lost the lease
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    sends = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0)  # 0-1
    message = models.CharField(max_length=300, blank=True)
    log = models.TextField(blank=True)
    checkpoint = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=~Q(key="") & Q(state__in=["queued", "running"]),
                name="one_unfinished_job_per_key",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False),
                name="running_job_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lane", "due_at"],
                condition=Q(state__in=["queued", "running"]),
                name="job_unfinished",
            ),
            models.Index(fields=["project", "-created_at"], name="job_by_project"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.id}"

    @property
    def is_over(self) -> bool:
        return self.state in {
            self.State.SUCCEEDED,
            self.State.FAILED,
            self.State.CANCELLED,
        }


class IdempotencyRecord(models.Model):
    """The answer a POST gave, kept so that the same key gives it again."""

    project = models.ForeignKey(
        "registry.Project", null=True, on_delete=models.CASCADE, related_name="+"
    )
    actor = models.CharField(max_length=60)  # "key:12" or "user:3"
    route = models.CharField(max_length=200)  # the path, so the project too
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "route", "key"], name="idempotency_key_answers_once"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class Webhook(models.Model):
    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="webhooks"
    )
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=64)
    events = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.url
