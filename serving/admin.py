"""Django's admin, for staff: what serves, who changed it, and what was answered."""

from django.contrib import admin

from registry.admin import ReadOnly
from serving.models import Prediction, PredictionInbox, Rollout, RolloutEvent


@admin.register(Rollout)
class RolloutAdmin(ReadOnly):
    list_display = ("project", "live", "candidate", "mode", "state", "percent")
    list_filter = ("mode", "state")
    list_select_related = ("project", "live__project", "candidate__project")


@admin.register(RolloutEvent)
class RolloutEventAdmin(ReadOnly):
    list_display = ("at", "project", "action", "author_name", "live", "candidate")
    list_filter = ("action", "project")
    list_select_related = ("project",)


@admin.register(Prediction)
class PredictionAdmin(ReadOnly):
    """The log. Found by id, reference or entity: it is too long to be counted."""

    list_display = ("id", "project", "version", "role", "reference", "entity", "at")
    list_filter = ("role", "source", "project")
    list_select_related = ("project", "version__project")
    search_fields = ("=reference", "=entity")


@admin.register(PredictionInbox)
class PredictionInboxAdmin(ReadOnly):
    list_display = ("prediction_id", "project")
    list_select_related = ("project",)
