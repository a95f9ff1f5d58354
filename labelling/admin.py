"""Django's admin, for staff: truth and annotations are looked at, never edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from labelling.models import (
    Annotation,
    AnnotatorStat,
    Example,
    Feedback,
    GroundTruth,
    Lease,
    Match,
    Outcome,
)


class ReadOnly(admin.ModelAdmin):
    """Append-only rows: somebody was told they are stored."""

    show_full_result_count = False  # a count of millions at every click

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(GroundTruth)
class GroundTruthAdmin(ReadOnly):
    list_display = ["key_kind", "key", "value", "source", "version", "state"]
    list_filter = ["state", "source", "project"]
    search_fields = ["=key"]


@admin.register(Match)
class MatchAdmin(ReadOnly):
    list_display = ["prediction_id", "value", "source", "observed_at"]
    list_filter = ["by_silence", "project"]


@admin.register(Outcome)
class OutcomeAdmin(ReadOnly):
    list_display = ["metric", "value", "unit", "prediction_id", "at"]
    list_filter = ["metric", "project"]


@admin.register(Feedback)
class FeedbackAdmin(ReadOnly):
    list_display = ["prediction_id", "correct", "value", "comment", "received_at"]
    list_filter = ["correct", "project"]


@admin.register(Example)
class ExampleAdmin(ReadOnly):
    list_display = ["key", "state", "answer", "agreement", "overlap", "open_slots"]
    list_filter = ["state", "project"]
    search_fields = ["=key"]


@admin.register(Annotation)
class AnnotationAdmin(ReadOnly):
    list_display = ["example_id", "user", "state", "value", "created_at"]
    list_filter = ["state"]
    list_select_related = ["user"]


@admin.register(Lease)
class LeaseAdmin(ReadOnly):
    list_display = ["example_id", "user", "expires_at", "ended"]
    list_select_related = ["user"]


@admin.register(AnnotatorStat)
class AnnotatorStatAdmin(admin.ModelAdmin):
    """Pausing somebody is the one thing to be done by hand."""

    list_display = ["project", "user", "submitted", "median_seconds", "paused"]
    list_filter = ["paused", "project"]
    readonly_fields = [
        "project", "user", "submitted", "skipped", "gold_seen", "gold_right",
        "median_seconds",
    ]  # fmt: skip
