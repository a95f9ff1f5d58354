"""What was tried and what came out: runs, steps, trials, model versions, schedules."""

from django.db import models
from django.db.models import Q


class Run(models.Model):
    """A pipeline (six steps) or a build (the Model Builder alone)."""

    class Kind(models.TextChoices):
        PIPELINE = "pipeline"
        BUILD = "build"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Verdict(models.TextChoices):
        NONE = ""
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        WAITING = "waiting_approval"

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="runs"
    )
    number = models.PositiveIntegerField()  # counts up by project
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    budget_seconds = models.PositiveIntegerField()
    as_of = models.DateTimeField(null=True, blank=True)  # back-test: publishes nothing
    params = models.JSONField(default=dict)
    train = models.ForeignKey(
        "registry.Dataset", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    validation = models.ForeignKey(
        "registry.Dataset", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    reasons = models.JSONField(default=list)  # [{"rule", "passed", "text", "numbers"}]
    report = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    trigger = models.CharField(max_length=40, default="button")
    requested_by = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    build_deadline = models.DateTimeField(null=True)  # absolute, set at the first slot

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "number"], name="run_number_is_unique"
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(kind="pipeline", state__in=["queued", "running"]),
                name="one_running_pipeline_per_project",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project}/run {self.number}"

    @property
    def is_over(self) -> bool:
        return self.state in {
            self.State.SUCCEEDED,
            self.State.FAILED,
            self.State.CANCELLED,
        }


class Step(models.Model):
    """One of the six steps of a pipeline; a job does it and may resume it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    job = models.ForeignKey(
        "registry.Job", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    cache_key = models.CharField(max_length=64, blank=True)
    inputs = models.JSONField(default=dict)
    outputs = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    log = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "name"], name="step_happens_once_in_a_run"
            )
        ]
        indexes = [models.Index(fields=["cache_key"], name="step_by_cache_key")]

    def __str__(self) -> str:
        return f"{self.run}: {self.name}"


class Trial(models.Model):
    """One candidate the builder trained; Optuna's study is rebuilt from these rows."""

    class State(models.TextChoices):
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    family = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    token = models.PositiveIntegerField(default=0)  # the slot job's fencing token
    fold_scores = models.JSONField(default=list)
    score = models.FloatField(null=True)  # the run's metric, in its own direction
    metrics = models.JSONField(default=dict)  # out-of-fold
    seconds = models.FloatField(null=True)
    uri = models.CharField(max_length=500, blank=True)  # out-of-fold predictions
    # name, threshold, refit_seconds and the files that any slot may need again
    outcome = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "number"], name="trial_number_is_unique_in_its_run"
            ),
            models.CheckConstraint(
                condition=~Q(state="finished") | Q(score__isnull=False),
                name="finished_trial_has_a_score",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run}: trial {self.number}"


class ModelVersion(models.Model):
    """What came out. Rejected ones too; the number counts up by project, the first
    baseline is 1. A version owns its input schema, features, thresholds and decision."""

    class Kind(models.TextChoices):
        TRAINED = "trained"
        BASELINE = "baseline"
        UPLOADED = "uploaded"

    class State(models.TextChoices):
        BUILT = "built"
        REJECTED = "rejected"
        WAITING = "waiting_approval", "waiting for approval"
        ACCEPTED = "accepted"
        ARCHIVED = "archived"

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.BUILT)
    name = models.CharField(max_length=120)  # "tenure < 12", "lightgbm, 31 leaves"
    algorithm = models.CharField(max_length=60)
    params = models.JSONField(default=dict)
    run = models.ForeignKey(
        Run, null=True, on_delete=models.SET_NULL, related_name="versions"
    )
    dataset = models.ForeignKey(
        "registry.Dataset",
        null=True,
        on_delete=models.SET_NULL,
        related_name="versions",
    )
    fields = models.JSONField()  # input schema, as Project.fields
    features = models.JSONField(default=dict)  # featurizer parameters and feature names
    decision = models.JSONField(default=dict)
    costs = models.JSONField(default=dict)
    classes = models.JSONField(default=list)
    uri = models.CharField(max_length=500, blank=True)  # skops; "" for a function
    sha256 = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=64, blank=True)  # HMAC with SECRET_KEY
    function = models.CharField(max_length=300, blank=True)  # "module:name" baseline
    size_bytes = models.BigIntegerField(default=0)
    golden = models.JSONField(default=list)  # rows and answers, checked at every load
    latency_us = models.FloatField(null=True)  # one row, measured at registration
    proof = models.JSONField(default=dict)
    environment = models.JSONField(default=dict)
    card = models.JSONField(default=dict)  # metrics, slices, findings, limits
    reasons = models.JSONField(default=list)  # the gate's
    created_by = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "number"], name="version_number_is_unique"
            ),
            models.CheckConstraint(
                condition=~Q(uri="") | ~Q(function=""),
                name="version_has_an_artefact_or_a_function",
            ),
            models.CheckConstraint(
                condition=Q(uri="") | ~Q(sha256=""), name="artefact_has_a_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.slug}/{self.number}"


class Schedule(models.Model):
    """A recurring job; a slot is claimed by moving `next_at` with one UPDATE."""

    project = models.ForeignKey(
        "registry.Project",
        null=True,
        on_delete=models.CASCADE,
        related_name="schedules",
    )
    task = models.CharField(max_length=80)
    args = models.JSONField(default=dict)
    cron = models.CharField(max_length=80)
    zone = models.CharField(max_length=60, default="UTC")
    next_at = models.DateTimeField()
    enabled = models.BooleanField(default=True)
    lane = models.CharField(max_length=5, default="quick")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "task"], name="one_schedule_per_project_and_task"
            ),
            models.UniqueConstraint(
                fields=["task"],
                condition=Q(project__isnull=True),
                name="one_schedule_per_task_of_the_house",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} at {self.cron} ({self.zone})"
