"""Sources, immutable datasets with their fixed splits, and facts for features."""

from django.db import models
from django.db.models import Q


class Source(models.Model):
    """An existing database or folder to read from; its URL is in the settings."""

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="sources"
    )
    name = models.CharField(max_length=60)
    setting = models.CharField(max_length=60, blank=True)  # NAME of SOURCE_<NAME>_URL
    table = models.CharField(max_length=200, blank=True)
    sql = models.TextField(blank=True)
    file = models.CharField(max_length=400, blank=True)  # beside the definition module
    watermark = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], name="source_name_is_unique_in_its_project"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project}:{self.name}"


class Dataset(models.Model):
    """One immutable version of a table: Parquet under ARTIFACTS_URL, by SHA-256.

    The Parquet holds the target of training and validation rows only; the truth of
    the test rows lies sealed in the split.
    """

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="datasets"
    )
    number = models.PositiveIntegerField()  # counts up by project
    name = models.CharField(max_length=120)
    uri = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    rows = models.PositiveIntegerField()
    # as Project.fields, all columns, with "role": input|target|time|group|entity|excluded
    columns = models.JSONField()
    profile = models.JSONField(default=dict)  # by column, test rows left out
    findings = models.JSONField(default=list)  # [{"column", "rule", "level", "text"}]
    lineage = models.JSONField(default=dict)  # where it came from, counted
    created_by = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "number"], name="dataset_number_is_unique"
            ),
            models.CheckConstraint(condition=Q(rows__gt=0), name="dataset_has_rows"),
        ]

    def __str__(self) -> str:
        return f"{self.project}/dataset {self.number}"


class Split(models.Model):
    """A dataset's fixed parts. The test part is two artefacts: inputs, and the truth,
    written once and read only by the Evaluator's sealed door, which counts the look."""

    class Kind(models.TextChoices):
        HASH = "hash"
        GROUP = "group"
        TIME = "time"

    dataset = models.OneToOneField(
        Dataset, on_delete=models.CASCADE, related_name="split"
    )
    kind = models.CharField(max_length=5, choices=Kind.choices)
    cuts = models.JSONField(default=dict)  # {"validation_from", "test_from"} by time
    counts = models.JSONField()  # {"training": n, "validation": n, "test": n}
    test_inputs_uri = models.CharField(max_length=500)
    test_inputs_sha256 = models.CharField(max_length=64)
    test_truth_uri = models.CharField(max_length=500)
    test_truth_sha256 = models.CharField(max_length=64)
    looks = models.PositiveIntegerField(default=0)  # it wears out
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"split of {self.dataset}"


class Event(models.Model):
    """A fact for real-time features, by stream, key and the moment it became known."""

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="events"
    )
    stream = models.CharField(max_length=60)
    event_id = models.CharField(max_length=200)
    key = models.CharField(max_length=300)  # canonical JSON of the key columns
    known_at = models.DateTimeField()
    value = models.FloatField(null=True)
    payload = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "stream", "event_id"], name="event_counts_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["project", "stream", "key", "known_at", "value"],
                name="event_window",
            ),
            models.Index(  # windows of all keys
                fields=["project", "stream", "known_at", "value"],
                name="event_window_of_all",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream}:{self.event_id}"


class LookupRow(models.Model):
    """A stored row of a look-up, by key: what fills an input that lacks it. Copied from
    the source by a job, so that no request waits for somebody else's database."""

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="+"
    )
    lookup = models.CharField(max_length=60)  # the source's name
    key = models.CharField(max_length=300)  # canonical JSON of the key columns
    values = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "lookup", "key"], name="one_row_per_lookup_and_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lookup}:{self.key}"
