"""What people label: examples, the queue's head, leases, annotations."""

import uuid

from django.db import models
from django.db.models import Q

from registry.models import ModelVersion, Project, User

OF_PREDICTION = "prediction:"  # begins the key of a card that production asked for
# Also where its prediction is kept no longer.
FROM_PRODUCTION = Q(prediction_id__isnull=False) | Q(key__startswith=OF_PREDICTION)


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
    content_hash = models.CharField(max_length=64)
    # Exact duplicates are one card: it is handed out, and answers for the others.
    duplicate_of = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="duplicates"
    )
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
    answer = models.JSONField(null=True)  # the consensus
    agreement = models.FloatField(null=True)  # share of answers that say the same
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
            models.Index(
                fields=["prediction_id"],
                condition=Q(prediction_id__isnull=False),
                name="example_of_prediction",
            ),
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


class ExampleVector(models.Model):
    """What the ranker knows of a card: computed once, at import, and stored."""

    example = models.OneToOneField(
        Example, on_delete=models.CASCADE, primary_key=True, related_name="vector"
    )
    layout = models.CharField(max_length=12)  # of which fields; another one: again
    data = models.BinaryField()  # labelling/labeller/vectors.py

    def __str__(self) -> str:
        return f"vector of {self.example_id}"


class Queue(models.Model):
    """Which head of the queue is current; a refresh flips `version` at its end."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="queue"
    )
    version = models.PositiveIntegerField(default=0)
    refreshed_at = models.DateTimeField(null=True)
    labels_at_refresh = models.PositiveIntegerField(default=0)
    newest_at_refresh = models.BigIntegerField(default=0)  # id of the newest example
    # [{"version", "at", "labels", "strategy", "right", "n", "seconds"}], oldest first
    history = models.JSONField(default=list)

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
    predicted = models.JSONField(null=True)  # {"value", "probability"?} of the ranker

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
    predicted = models.JSONField(null=True)  # by the model, shown or not
    suggestion_shown = models.JSONField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Given back because its time was up. The row stays a day, so that a late answer
    # is known to be one.
    ended = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["example", "user"], name="one_lease_per_example_and_person"
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(ended=False), name="lease_by_expiry"
            )
        ]

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
    predicted = models.JSONField(null=True)  # by the model, before this answer
    suggestion = models.JSONField(null=True)  # what the person saw of it
    seconds = models.FloatField(null=True)
    late = models.BooleanField(default=False)  # after its lease had ended
    decides = models.BooleanField(default=False)  # a reviewer's, on a disputed example
    created_at = models.DateTimeField()

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
