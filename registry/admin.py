"""Django's admin, for staff: people and what they may; the rest is there to be read."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from registry import audit, models, people
from registry.actors import Actor
from registry.errors import Forbidden
from registry.web import problems
from registry.web.access import client_address
from registry.web.pages import sign_in_first

MOST_ROWS = 10_000  # of a list, counted and shown


def _sign_in(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """One door for all: limits, audit and links are there."""
    if request.user.is_authenticated:
        return problems.respond(request, Forbidden("The admin is for staff."))
    return sign_in_first(request)


admin.site.login = _sign_in  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "mlsystem"
admin.site.unregister(Group)  # roles are memberships


class ToLookAt:
    """Changes go through the services, which check and write them down."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(ToLookAt, admin.TabularInline):
    """To look at. Roles are given and taken under a project's Settings, Members: there
    a last admin stays, sessions end, keys are revoked, and it is written down."""

    model = models.Membership
    extra = 0
    fields = ("project", "role")


@admin.register(models.User)
class PersonAdmin(UserAdmin):
    """People. New ones get a link by the action, and choose their own password. Nobody
    is deleted: what they did keeps their name, and who is not active cannot sign in."""

    list_display = ("username", "email", "is_staff", "is_active", "is_service")
    list_filter = ("is_staff", "is_active", "is_service")
    fieldsets = (
        (None, {"fields": ("username", "email", "password")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("House", {"fields": ("may_create_projects", "is_service")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "usable_password")}),)
    filter_horizontal = ()
    readonly_fields = ("is_service",)
    inlines = (MembershipInline,)
    actions = ("invite",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _note(request, "person.create", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Called in the change's transaction, for passwords too."""
        _note(request, "person.change", obj, message)
        return super().log_change(request, obj, message)

    @admin.action(description="Make one-time invitation links")
    def invite(self, request: HttpRequest, queryset: QuerySet[models.User]) -> None:
        by = _by(request)
        for user in queryset.filter(is_active=True, is_service=False):
            link = people.invite(user=user, by=by)
            messages.success(request, f"{user.get_username()}: {link}")


def _by(request: HttpRequest) -> Actor:
    return Actor(user=request.user, address=client_address(request))  # type: ignore[arg-type]


def _note(request: HttpRequest, action: str, person: models.User, told: Any) -> None:
    """In the house's own trail too, which nobody changes."""
    detail = {"told": told if isinstance(told, list) else [str(told)]}
    audit.record(
        project=None,
        actor=_by(request),
        action=action,
        target=person.get_username(),
        detail=detail,
    )


class FirstPages(Paginator):
    """The first pages: all of millions would be counted at every click."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:MOST_ROWS].count()


class ReadOnly(ToLookAt, admin.ModelAdmin):
    paginator = FirstPages
    show_full_result_count = False  # nor what no filter has chosen


@admin.register(models.Project)
class ProjectAdmin(ReadOnly):
    list_display = ("slug", "name", "task", "target", "created_at")
    list_filter = ("task",)
    search_fields = ("slug", "name")


@admin.register(models.ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ("name", "project", "user", "prefix", "expires_at", "revoked_at")
    list_filter = ("project",)
    exclude = ("digest",)


@admin.register(models.AuditEntry)
class AuditAdmin(ReadOnly):
    list_display = ("at", "actor_name", "action", "target", "project_slug", "allowed")
    list_filter = ("allowed", "action")
    search_fields = ("actor_name", "target", "project_slug")
    date_hierarchy = "at"


@admin.register(models.Job)
class JobAdmin(ReadOnly):
    list_display = ("task", "project", "state", "attempt", "progress", "created_at")
    list_filter = ("state", "lane", "task")


@admin.register(models.Dataset)
class DatasetAdmin(ReadOnly):
    list_display = ("project", "number", "name", "rows", "created_at")
    list_filter = ("project",)


@admin.register(models.Run)
class RunAdmin(ReadOnly):
    list_display = ("project", "number", "kind", "state", "verdict", "created_at")
    list_filter = ("state", "kind", "project")


@admin.register(models.ModelVersion)
class ModelVersionAdmin(ReadOnly):
    list_display = ("project", "number", "name", "kind", "state", "created_at")
    list_filter = ("state", "kind", "project")


@admin.register(models.Step)
class StepAdmin(ReadOnly):
    list_display = ("run", "name", "state", "started_at", "finished_at")
    list_filter = ("state", "name", "run__project")
    list_select_related = ("run__project",)


@admin.register(models.Trial)
class TrialAdmin(ReadOnly):
    list_display = ("run", "number", "family", "state", "score", "seconds")
    list_filter = ("state", "family", "run__project")
    list_select_related = ("run__project",)


@admin.register(models.Event)
class EventAdmin(ReadOnly):
    list_display = ("project", "stream", "event_id", "key", "known_at", "value")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("=event_id", "=key")


@admin.register(models.LookupRow)
class LookupRowAdmin(ReadOnly):
    list_display = ("project", "lookup", "key")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("=key",)


@admin.register(models.Webhook)
class WebhookAdmin(ReadOnly):
    """Without its secret."""

    list_display = ("project", "url", "enabled", "created_at")
    list_select_related = ("project",)
    fields = ("project", "url", "events", "enabled", "created_at")


OTHERS: tuple[type[Model], ...] = (models.Source, models.Split, models.Schedule)
for other in OTHERS:
    admin.site.register(other, ReadOnly)
