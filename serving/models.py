"""What serves whom, and every answer given."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from registry import clock
from registry.models import ModelVersion, Project


class Rollout(models.Model):
    """One row a project: exactly one live version, one baseline, at most one candidate."""

    class Mode(models.TextChoices):
        NONE = "none"
        SHADOW = "shadow"
        CANARY = "canary"
        AB = "ab", "A/B"

    class State(models.TextChoices):
        IDLE = "idle"
        RUNNING = "running"
        PAUSED = "paused"
        HELD = "held"

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="rollout"
    )
    live = models.ForeignKey(ModelVersion, on_delete=models.RESTRICT, related_name="+")
    baseline = models.ForeignKey(
        ModelVersion, on_delete=models.RESTRICT, related_name="+"
    )
    previous = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.RESTRICT, related_name="+"
    )
    candidate = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.RESTRICT, related_name="+"
    )
    shadows = models.ManyToManyField(ModelVersion, related_name="+", blank=True)
    mode = models.CharField(max_length=6, choices=Mode.choices, default=Mode.NONE)
    state = models.CharField(max_length=7, choices=State.choices, default=State.IDLE)
    held_because = models.CharField(max_length=300, blank=True)
    baseline_for_all = models.BooleanField(default=False)
    percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    salt = models.CharField(max_length=32)  # new with every rollout, kept over a pause
    targets = models.JSONField(default=list)
    plan = models.JSONField(default=list)
    step = models.PositiveSmallIntegerField(default=0)  # of the plan
    step_since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__gte=0) & Q(percent__lte=100),
                name="rollout_percent_is_0_to_100",
            ),
            models.CheckConstraint(
                condition=(Q(mode="none") & Q(candidate__isnull=True))
                | (~Q(mode="none") & Q(candidate__isnull=False)),
                name="rollout_mode_and_candidate_agree",
            ),
            models.CheckConstraint(
                condition=(Q(state="idle") & Q(mode="none"))
                | (~Q(state="idle") & ~Q(mode="none")),
                name="idle_rollout_has_no_mode",
            ),
            models.CheckConstraint(
                condition=Q(candidate__isnull=True) | ~Q(candidate=F("live")),
                name="candidate_is_not_live",
            ),
            models.CheckConstraint(
                condition=Q(mode__in=["canary", "ab"]) | Q(percent=0),
                name="only_canary_and_ab_take_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"rollout of {self.project}"

    @property
    def is_stopped(self) -> bool:
        """Whether a candidate answers nobody until somebody resumes."""
        return self.state == self.State.PAUSED or self.baseline_for_all

    @property
    def plan_waits(self) -> bool:
        """Whether nothing grows until somebody resumes."""
        return self.is_stopped or self.state == self.State.HELD

    @property
    def share(self) -> Decimal:
        """The percent that the candidate gets now; `percent` once it is resumed."""
        return Decimal(0) if self.is_stopped else Decimal(self.percent)

    @property
    def goes_back_to(self) -> ModelVersion | None:
        """Who is live after a rollback without a candidate: the version before or, where
        that may serve no more, the baseline."""
        if self.previous is None or self.previous.state == ModelVersion.State.ACCEPTED:
            return self.previous
        return self.baseline if self.baseline_id != self.live_id else None


class RolloutEvent(models.Model):
    """Every change of what serves: who, why, and the numbers it was made on."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="rollout_events"
    )
    at = models.DateTimeField(default=clock.now)
    action = models.CharField(max_length=20)  # start, percent, pause, promote, …
    author = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=200)  # "the plan" where nobody pressed
    reason = models.CharField(max_length=500, blank=True)
    revision = models.PositiveIntegerField()
    # Numbers of versions after the change: "what served at T?" is one query.
    live = models.PositiveIntegerField()
    baseline = models.PositiveIntegerField()
    candidate = models.PositiveIntegerField(null=True)
    mode = models.CharField(max_length=6)
    state = models.CharField(max_length=7)
    percent = models.DecimalField(max_digits=5, decimal_places=2)
    baseline_for_all = models.BooleanField(default=False)
    numbers = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-id"], name="rollout_history")]

    def __str__(self) -> str:
        return f"{self.action} by {self.author_name}"


class Prediction(models.Model):
    """One row an answer. Nothing has a foreign key to it and the id is its only unique
    column, so that PostgreSQL can partition it later."""

    class Role(models.TextChoices):
        LIVE = "live"
        CANARY = "canary"
        SHADOW = "shadow"
        BASELINE = "baseline"
        FALLBACK = "fallback"

    id = models.UUIDField(primary_key=True, editable=False)  # UUIDv7 of received_at
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="predictions"
    )
    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="+"
    )
    role = models.CharField(max_length=8, choices=Role.choices)
    shadow_of = models.UUIDField(null=True)  # the answer it shadows
    reference = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=200, blank=True)  # sticky unit
    entity = models.CharField(max_length=300, blank=True)  # canonical, see entities.py
    at = models.DateTimeField()  # the moment predicted for
    received_at = models.DateTimeField()
    input = models.JSONField(default=dict)
    # What the Featurizer added or changed: {**input, **features} is what the model saw.
    features = models.JSONField(default=dict)
    output = models.JSONField(
        default=dict
    )  # prediction, score, probabilities, interval
    score = models.FloatField(null=True)  # positive class, or the value predicted
    decision = models.JSONField(null=True)
    explanation = models.JSONField(null=True)
    warnings = models.JSONField(default=list)
    latency_ms = models.FloatField()
    fallback = models.CharField(max_length=300, blank=True)  # reason of a fall-back
    # It failed, and this is no answer: where it should have given one (live, canary),
    # that is another row, which this one shadows.
    error = models.CharField(max_length=500, blank=True)
    test = models.BooleanField(default=False)
    key_id = models.BigIntegerField(null=True)  # the ApiKey that asked
    source = models.CharField(max_length=12, default="online")  # or scoring, external

    class Meta:
        indexes = [
            models.Index(fields=["project", "-id"], name="prediction_log"),
            models.Index(
                fields=["project", "reference"],
                condition=~Q(reference=""),
                name="prediction_by_reference",
            ),
            models.Index(
                fields=["project", "entity", "at"],
                condition=~Q(entity=""),
                name="prediction_by_entity",
            ),
            models.Index(fields=["version", "at"], name="prediction_by_version"),
            models.Index(
                fields=["project", "-id"],
                condition=~Q(fallback=""),
                name="prediction_fell_back",
            ),
            models.Index(
                fields=["project", "-id"],
                condition=~Q(error=""),
                name="prediction_failed",
            ),
            models.Index(
                fields=["project", "-id"],
                condition=Q(test=True),
                name="prediction_tests",
            ),
            models.Index(
                fields=["shadow_of"],
                condition=Q(shadow_of__isnull=False),
                name="prediction_shadows",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class PredictionInbox(models.Model):
    """Ids the monitor has not folded yet: written in the prediction's commit, deleted
    in the fold's, so that commit order never matters."""

    prediction_id = models.UUIDField()
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.prediction_id)
