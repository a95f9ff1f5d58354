"""A table somebody brought, and what they said of it until it is a project."""

import uuid

from django.db import models


class Draft(models.Model):
    """One table on its way to a project. Its rows wait as Parquet under ARTIFACTS_URL;
    they go when the project is made, or when nobody came back for a week."""

    class State(models.TextChoices):
        READING = "reading"
        BROKEN = "broken", "broken: the table cannot be read"
        READY = "ready"
        CREATING = "creating"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        "registry.User", on_delete=models.CASCADE, related_name="drafts"
    )
    name = models.CharField(max_length=255)  # the file's, or "source: table"
    state = models.CharField(max_length=8, choices=State.choices, default=State.READING)
    uri = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    rows = models.PositiveIntegerField(default=0)
    # [{"name", "kind", "samples", "missing", "distinct", "finding"?}]
    columns = models.JSONField(default=list)
    lineage = models.JSONField(default=dict)
    # by step: what was typed, as the forms clean it
    answers = models.JSONField(default=dict)
    problem = models.JSONField(default=dict)  # {"detail", "errors": [message]}
    job = models.ForeignKey(
        "registry.Job", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    project = models.ForeignKey(
        "registry.Project", null=True, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="ready") | ~models.Q(uri=""),
                name="ready_draft_has_a_table",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
