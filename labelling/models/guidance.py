"""What people say to each other about labelling: guidelines, flags and replies."""

from django.db import models
from django.db.models import Q

from labelling.models.examples import Example
from registry.models import Project, User


class Guideline(models.Model):
    """How to label here, in words; every change is a version of its own, and an answer
    knows which one its author could read."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="guidelines"
    )
    version = models.PositiveIntegerField()
    text = models.TextField()
    author = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"], name="guideline_version_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project}: guideline {self.version}"


class Flag(models.Model):
    """A labeller's word to the reviewers about one example, and their reply."""

    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="flags")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    comment = models.CharField(max_length=500)
    reply = models.CharField(max_length=500, blank=True)
    replied_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    replied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(comment=""), name="flag_says_something")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.example_id}: {self.comment[:40]}"
