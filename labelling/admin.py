"""Django's admin, for staff: truth and annotations are looked at, never edited."""

from django.contrib import admin

from labelling.models import (
    Annotation,
    AnnotatorStat,
    Example,
    Feedback,
    Flag,
    GroundTruth,
    Guideline,
    Lease,
    Match,
    Maturity,
    Outcome,
    Queue,
    QueueEntry,
    TruthInbox,
)
from registry.admin import ReadOnly


@admin.register(GroundTruth)
class GroundTruthAdmin(ReadOnly):
    list_display = ["key_kind", "key", "value", "source", "version", "state"]
    list_filter = ["state", "source", "project"]
    search_fields = ["=key"]


@admin.register(Match)
class MatchAdmin(ReadOnly):
    list_display = ["prediction_id", "value", "source", "observed_at"]
    list_filter = ["by_silence", "project"]


@admin.register(TruthInbox)
class TruthInboxAdmin(ReadOnly):
    list_display = ["prediction_id", "project", "truth"]
    list_select_related = ["project", "truth"]


@admin.register(Maturity)
class MaturityAdmin(ReadOnly):
    list_display = ["project", "upto", "swept_at"]
    list_select_related = ["project"]


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


@admin.register(Queue)
class QueueAdmin(ReadOnly):
    list_display = ["project", "version", "refreshed_at", "labels_at_refresh"]
    list_select_related = ["project"]


@admin.register(QueueEntry)
class QueueEntryAdmin(ReadOnly):
    list_display = ["project", "version", "position", "example_id", "reason", "score"]
    list_filter = ["project"]
    list_select_related = ["project"]


@admin.register(Guideline)
class GuidelineAdmin(ReadOnly):
    list_display = ["project", "version", "author", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project", "author"]


@admin.register(Flag)
class FlagAdmin(ReadOnly):
    list_display = ["example_id", "user", "comment", "reply", "created_at"]
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
