"""What was really the case: append-only, because somebody was told it is stored."""

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Substr

from labelling.models.examples import OF_PREDICTION
from registry.models import Project, User


class GroundTruth(models.Model):
    """What was really the case, by key. Rows are added, never changed: of a key's rows
    the strongest source counts, then the one observed last, then the highest version.
    A retracted row says that its source no longer says anything about its key."""

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
    value = models.JSONField(null=True)  # class, list of classes, or number
    retracted = models.BooleanField(default=False)  # a label was undone
    source = models.CharField(max_length=8, choices=Source.choices)
    version = models.PositiveIntegerField(default=1)  # counts up by key and source
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    observed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    author = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+"
    )
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
            models.CheckConstraint(
                condition=Q(retracted=True) ^ Q(value__isnull=False),
                name="truth_says_a_value_unless_retracted",
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
            models.Index(
                fields=["project", "received_at"],
                condition=Q(source="expert"),
                name="truth_of_experts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_kind} {self.key} = {self.value}"


def said_again() -> Q:
    """Truths that say nothing new: the word on an answer that is kept no longer, under
    its card's own key, with the moment in which it came."""
    same = GroundTruth.objects.filter(
        project=OuterRef("project"),
        key_kind=GroundTruth.KeyKind.PREDICTION,
        key=Substr(OuterRef("key"), len(OF_PREDICTION) + 1),
        source=GroundTruth.Source.EXPERT,
        received_at=OuterRef("received_at"),
    )
    return Q(
        Exists(same),
        key_kind=GroundTruth.KeyKind.EXAMPLE,
        key__startswith=OF_PREDICTION,
    )


class TruthInbox(models.Model):
    """Predictions whose match is new, changed or gone, not yet folded by the monitor:
    written in the match's commit, so that commit order never matters."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    prediction_id = models.UUIDField()
    truth = models.ForeignKey(  # None: silence
        GroundTruth, null=True, on_delete=models.CASCADE, related_name="+"
    )

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
    source = models.CharField(max_length=8)  # the truth's, or "silence"
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


class Maturity(models.Model):
    """How far the pass that turns silence into truth has come in a project."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="maturity"
    )
    upto = models.DateTimeField(null=True)  # a prediction's `at`
    swept_at = models.DateTimeField(null=True)  # last look at everything before it

    def __str__(self) -> str:
        return f"{self.project}: mature up to {self.upto}"


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
    received_at = models.DateTimeField()

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
    received_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "prediction_id"], name="feedback_by_answer")
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id}: {'right' if self.correct else 'wrong'}"
