"""Truth and labels: append-only where somebody was told it is stored."""

import uuid

from django.db import models
from django.db.models import Q

from registry.models import ModelVersion, Project, User


class GroundTruth(models.Model):
    """What was really the case, by key. Rows are added, never changed: the row of a
    key with the strongest source, then the highest version, is what counts."""

    class Source(models.TextChoices):
        EXPERT = "expert"
        OUTCOME = "outcome"
        FEEDBACK = "feedback"
        IMPORT = "import"

    class KeyKind(models.TextChoices):
        PREDICTION = "prediction"
        REFERENCE = "reference"
        ENTITY = "entity"
        EXAMPLE = "example"  # labelled, never predicted

    class State(models.TextChoices):
        WAITING = "waiting"
        MATCHED = "matched"
        EXPIRED = "expired"

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="truths"
    )
    key_kind = models.CharField(max_length=10, choices=KeyKind.choices)
    key = models.CharField(max_length=300)
    at = models.DateTimeField(null=True)  # picks one prediction of an entity
    value = models.JSONField()  # class, list of classes, or number
    source = models.CharField(max_length=8, choices=Source.choices)
    version = models.PositiveIntegerField(default=1)  # counts up by key and source
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    observed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    api_key_id = models.BigIntegerField(null=True)
    confidence = models.FloatField(null=True)  # of a consensus
    altered_by_us = models.BooleanField(default=False)  # our decision changed it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "key_kind", "key", "at", "source", "version"],
                condition=Q(at__isnull=False),
                name="truth_version_counts_up_by_key_and_moment",
            ),
            models.UniqueConstraint(
                fields=["project", "key_kind", "key", "source", "version"],
                condition=Q(at__isnull=True),
                name="truth_version_counts_up_by_key",
            ),
            models.CheckConstraint(
                condition=~Q(source="expert") | Q(author__isnull=False),
                name="expert_truth_has_an_author",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "state", "-id"], name="truth_by_state"),
            models.Index(
                fields=["project", "key_kind", "key", "observed_at"],
                name="truth_by_key",
            ),
            models.Index(
                fields=["project", "observed_at"], name="truth_by_observation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_kind} {self.key} = {self.value}"


class TruthInbox(models.Model):
    """Predictions whose truth is new or changed, not yet folded by the monitor."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    prediction_id = models.UUIDField()
    truth = models.ForeignKey(GroundTruth, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.prediction_id)


class Match(models.Model):
    """Which truth counts for which prediction now; recomputed when truth changes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    prediction_id = models.UUIDField(unique=True)
    truth = models.ForeignKey(
        GroundTruth, null=True, on_delete=models.CASCADE, related_name="matches"
    )
    value = models.JSONField()  # the truth's, or the negative class by silence
    by_silence = models.BooleanField(default=False)
    source = models.CharField(max_length=8)
    observed_at = models.DateTimeField()
    predicted_at = models.DateTimeField()  # the prediction's `at`
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(truth__isnull=False) | Q(by_silence=True),
                name="match_has_a_truth_or_is_silence",
            )
        ]
        indexes = [
            models.Index(fields=["project", "predicted_at"], name="match_by_moment")
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id}: {self.value}"


class Outcome(models.Model):
    """Application metrics (orders, revenue, retention), for rollouts and impact."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="outcomes"
    )
    unit = models.CharField(max_length=200, blank=True)
    prediction_id = models.UUIDField(null=True)
    metric = models.CharField(max_length=60)
    value = models.FloatField()
    at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(unit="") | Q(prediction_id__isnull=False),
                name="outcome_names_a_user_or_a_prediction",
            )
        ]
        indexes = [
            models.Index(fields=["project", "metric", "at"], name="outcome_by_metric")
        ]

    def __str__(self) -> str:
        return f"{self.metric} = {self.value}"


class Feedback(models.Model):
    """The end user's word. A bare "wrong" asks for a label; it never counts as truth."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="feedback"
    )
    prediction_id = models.UUIDField()
    correct = models.BooleanField()
    value = models.JSONField(null=True)
    comment = models.TextField(blank=True)
    by_token = models.BooleanField(default=False)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "prediction_id"], name="feedback_by_answer")
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id}: {'right' if self.correct else 'wrong'}"


class Example(models.Model):
    """One item to label: only narrow columns; what is shown lies in its payload."""

    class State(models.TextChoices):
        OPEN = "open"
        DISPUTED = "disputed"
        LABELLED = "labelled"
        CANNOT_TELL = "cannot_tell", "cannot tell"
        WITHDRAWN = "withdrawn"

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="examples"
    )
    key = models.CharField(max_length=200)  # the client's id, else the content's hash
    content_hash = models.CharField(max_length=64)  # exact duplicates are one card
    prediction_id = models.UUIDField(null=True)  # came from production
    shuffle = models.IntegerField()  # random at import
    overlap = models.PositiveSmallIntegerField(default=1)
    open_slots = models.SmallIntegerField(default=1)
    state = models.CharField(max_length=11, choices=State.choices, default=State.OPEN)
    reason = models.CharField(max_length=40, blank=True)  # why it was put in
    priority = models.SmallIntegerField(default=0)  # a user's "wrong" goes first
    gold = models.JSONField(null=True)
    cluster = models.IntegerField(null=True)
    predicted = models.CharField(max_length=200, blank=True)
    score = models.FloatField(null=True)
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    agreement = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "key"], name="example_key_is_unique_in_its_project"
            ),
            models.CheckConstraint(
                condition=Q(open_slots__gte=0), name="no_slot_is_given_twice"
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-priority", "shuffle"],
                condition=Q(open_slots__gt=0),
                name="example_open",
            ),
            models.Index(fields=["project", "state", "-id"], name="example_by_state"),
            models.Index(fields=["project", "content_hash"], name="example_by_content"),
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.key}"


class ExamplePayload(models.Model):
    example = models.OneToOneField(
        Example, on_delete=models.CASCADE, primary_key=True, related_name="payload"
    )
    data = models.JSONField()

    def __str__(self) -> str:
        return f"payload of {self.example_id}"


class Queue(models.Model):
    """Which head of the queue is current; a refresh flips `version` at its end."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="queue"
    )
    version = models.PositiveIntegerField(default=0)
    refreshed_at = models.DateTimeField(null=True)
    labels_at_refresh = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"queue of {self.project}"


class QueueEntry(models.Model):
    """The head only (500 rows); the rest comes in `shuffle` order."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=40)
    score = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version", "position"], name="queue_place_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.example_id}"


class Lease(models.Model):
    """An example handed to one person for some minutes; the token proves it."""

    example = models.ForeignKey(
        Example, on_delete=models.CASCADE, related_name="leases"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    token = models.UUIDField(default=uuid.uuid4, unique=True)
    reason = models.CharField(max_length=40, blank=True)
    queue_version = models.PositiveIntegerField(default=0)
    suggestion_shown = models.JSONField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["example", "user"], name="one_lease_per_example_and_person"
            )
        ]
        indexes = [models.Index(fields=["expires_at"], name="lease_by_expiry")]

    def __str__(self) -> str:
        return f"{self.example_id} with {self.user_id}"


class Annotation(models.Model):
    """One person's answer; append-only but for its state."""

    class State(models.TextChoices):
        DRAFT = "draft"
        SUBMITTED = "submitted"
        SKIPPED = "skipped"
        SUPERSEDED = "superseded"
        UNDONE = "undone"

    example = models.ForeignKey(
        Example, on_delete=models.CASCADE, related_name="annotations"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="annotations")
    client_key = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices)
    value = models.JSONField(null=True)
    cannot_tell = models.BooleanField(default=False)
    comment = models.CharField(max_length=500, blank=True)  # also a skip's reason
    reason = models.CharField(max_length=40, blank=True)  # of the hand-out
    queue_version = models.PositiveIntegerField(default=0)
    guideline_version = models.PositiveIntegerField(default=0)
    suggestion = models.JSONField(null=True)  # what the person saw
    seconds = models.FloatField(null=True)
    late = models.BooleanField(default=False)  # after its lease had ended
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "client_key"], name="client_key_submits_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="submitted")
                | Q(cannot_tell=True)
                | Q(value__isnull=False),
                name="submitted_annotation_says_something",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="annotation_by_person"),
            models.Index(fields=["example", "state"], name="annotation_by_example"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.example_id}: {self.state}"


class AnnotatorStat(models.Model):
    """Running figures of one person in one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    submitted = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    gold_seen = models.PositiveIntegerField(default=0)
    gold_right = models.PositiveIntegerField(default=0)
    median_seconds = models.FloatField(null=True)
    paused = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user"], name="one_stat_per_person_and_project"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.submitted}"
