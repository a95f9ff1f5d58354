"""Django's admin, for staff: what was judged, folded, decided and told, to look at."""

from django.contrib import admin

from monitoring import models
from registry.admin import ReadOnly


@admin.register(models.Evaluation)
class EvaluationAdmin(ReadOnly):
    list_display = ("id", "version", "kind", "n", "run", "dataset", "created_at")
    list_filter = ("kind", "project")
    list_select_related = ("version__project", "run__project", "dataset__project")


class BucketAdmin(ReadOnly):
    """A sum over predictions; the packed histograms are no text."""

    list_filter = ("role", "project")
    list_select_related = ("version__project",)


@admin.register(models.HourBucket)
class HourBucketAdmin(BucketAdmin):
    list_display = ("hour", "version", "role", "slice", "n", "truths", "dirty")


@admin.register(models.DayBucket)
class DayBucketAdmin(BucketAdmin):
    list_display = ("day", "version", "role", "slice", "n", "truths", "closed")


@admin.register(models.ReferenceProfile)
class ReferenceProfileAdmin(ReadOnly):
    list_display = ("version", "n", "created_at")
    list_select_related = ("version__project",)


@admin.register(models.AlertRule)
class AlertRuleAdmin(ReadOnly):
    list_display = ("project", "kind", "metric", "limit", "enabled", "retrain")
    list_filter = ("kind", "enabled", "project")
    list_select_related = ("project",)


@admin.register(models.Alert)
class AlertAdmin(ReadOnly):
    list_display = ("opened_at", "rule", "version", "state", "message", "resolved_at")
    list_filter = ("state", "project")
    list_select_related = ("rule__project", "version__project")


@admin.register(models.Note)
class NoteAdmin(ReadOnly):
    list_display = ("at", "project", "text", "author")
    list_filter = ("project",)
    list_select_related = ("project", "author")


@admin.register(models.RolloutDecision)
class RolloutDecisionAdmin(ReadOnly):
    list_display = ("at", "project", "candidate", "verdict", "text")
    list_filter = ("verdict", "project")
    list_select_related = ("project", "candidate__project")


@admin.register(models.Standing)
class StandingAdmin(ReadOnly):
    list_display = ("project", "at", "revision")
    list_select_related = ("project",)


@admin.register(models.Target)
class TargetAdmin(ReadOnly):
    list_display = ("project", "metric", "value", "set_by", "set_at")
    list_select_related = ("project", "set_by")
