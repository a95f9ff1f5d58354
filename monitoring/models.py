"""Judgements: evaluations, hour and day buckets, alerts, notes, rollout decisions."""

from django.db import models
from django.db.models import Q

from registry import clock
from registry.models import Dataset, ModelVersion, Project, Run, User


class Evaluation(models.Model):
    """A model version on a test set or a period of production, by the Evaluator."""

    class Kind(models.TextChoices):
        TEST = "test", "sealed test set"
        VALIDATION = "validation"
        PRODUCTION = "production"
        EXTERNAL = "external", "predictions sent from outside"

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="evaluations"
    )
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.CASCADE, related_name="evaluations"
    )
    dataset = models.ForeignKey(
        Dataset, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    period_from = models.DateTimeField(null=True)
    period_to = models.DateTimeField(null=True)
    n = models.PositiveIntegerField()
    report = models.JSONField()  # monitoring.evaluator.evaluate's
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["version", "kind", "-id"], name="evaluation_latest")
        ]

    def __str__(self) -> str:
        return f"{self.version} on {self.kind}"


class Bucket(models.Model):
    """Folded predictions of one model version × role × slice, by prediction time."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="+"
    )
    role = models.CharField(max_length=8)
    slice = models.CharField(max_length=200, blank=True)  # "" is everything
    n = models.PositiveIntegerField(default=0)  # predictions
    errors = models.PositiveIntegerField(default=0)
    fallbacks = models.PositiveIntegerField(default=0)
    inputs = models.BinaryField(default=bytes)  # packed histograms of all features
    truths = models.PositiveIntegerField(default=0)  # predictions whose truth is known
    outcomes = models.BinaryField(default=bytes)  # packed scores by truth, sums

    class Meta:
        abstract = True


class HourBucket(Bucket):
    hour = models.DateTimeField()
    dirty = models.PositiveIntegerField(default=0)  # counts up; cleared by compare
    cleaned = models.PositiveIntegerField(default=0)
    unmerged = models.BooleanField(default=True)  # its day does not hold it yet
    # Some of its answers are gone: its outcomes stay as they were
    frozen = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "role", "slice", "hour"], name="one_bucket_per_hour"
            )
        ]
        indexes = [
            models.Index(fields=["project", "hour"], name="hour_by_project"),
            models.Index(
                fields=["project", "version"],
                condition=Q(dirty__gt=models.F("cleaned")),
                name="hour_dirty",
            ),
            models.Index(
                fields=["project", "hour"],
                condition=Q(unmerged=True),
                name="hour_unmerged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.role} {self.hour:%F %H}"


class DayBucket(Bucket):
    day = models.DateField()
    closed = models.BooleanField(default=False)  # its hours are gone: it stays

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "role", "slice", "day"], name="one_bucket_per_day"
            )
        ]
        indexes = [models.Index(fields=["project", "day"], name="day_by_project")]

    def __str__(self) -> str:
        return f"{self.version} {self.role} {self.day}"


class ReferenceProfile(models.Model):
    """What a version's inputs and scores looked like when it was made; frozen."""

    version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="reference"
    )
    n = models.PositiveIntegerField()
    profile = models.JSONField()  # monitoring.monitor.reference's
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"reference of {self.version}"


class AlertRule(models.Model):
    """What is watched, and from where on somebody should know."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="alert_rules"
    )
    kind = models.CharField(max_length=30)  # performance, drift, errors, latency, …
    metric = models.CharField(max_length=60, blank=True)
    limit = models.FloatField(null=True)
    window_hours = models.PositiveIntegerField(default=24)
    pending_evaluations = models.PositiveSmallIntegerField(default=2)
    enabled = models.BooleanField(default=True)
    retrain = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "metric"], name="one_rule_per_metric"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.kind} {self.metric}"


class Alert(models.Model):
    """One episode of one rule, from pending to resolved."""

    class State(models.TextChoices):
        PENDING = "pending"
        FIRING = "firing"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"
        NO_DATA = "no_data", "no data"
        MUTED = "muted"

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="alerts"
    )
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(max_length=12, choices=State.choices)
    evaluations = models.PositiveSmallIntegerField(default=0)  # in this direction
    message = models.CharField(max_length=500)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n = models.PositiveIntegerField(null=True)
    coverage = models.FloatField(null=True)  # share whose truth was known
    limit = models.FloatField(null=True)
    detail = models.JSONField(default=dict)  # window, features, link to the rows
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    muted_until = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule"],
                condition=~Q(state="resolved"),
                name="one_open_alert_per_rule",
            )
        ]
        indexes = [models.Index(fields=["project", "state"], name="alert_by_state")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.state}"


class Glance(models.Model):
    """When somebody last looked at the alerts of a project, for what is new since."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    before = models.DateTimeField(null=True)  # the visit before the last one
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_glance_each")
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.project}"


class Note(models.Model):
    """The owner's own words on a moment of every chart."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField()
    text = models.CharField(max_length=500)
    author = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return self.text[:60]


class RolloutDecision(models.Model):
    """A verdict on a rollout, with the numbers it was made on."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="rollout_decisions"
    )
    at = models.DateTimeField(default=clock.now)
    candidate = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="+"
    )
    verdict = models.CharField(max_length=20)  # hold, step, promote, rollback
    text = models.CharField(max_length=500)
    numbers = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.text[:60]}"


class Standing(models.Model):
    """How a project stood when the monitor last looked: what lists of projects show."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="standing"
    )
    at = models.DateTimeField()
    revision = models.PositiveIntegerField()  # of the rollout it was made of
    summary = models.JSONField()  # monitoring.owner.standing's

    def __str__(self) -> str:
        return f"{self.project} at {self.at:%F %H:%M}"


class Target(models.Model):
    """What the owner wants the goal metric to be; every chart of it draws the line."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="target_set"
    )
    metric = models.CharField(max_length=60)
    value = models.FloatField()
    set_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    set_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.metric} of {self.value:g}"
