"""Django's admin, for staff: people and what they may; the rest is there to be read."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from registry import models, people
from registry.actors import Actor
from registry.errors import Forbidden
from registry.web import problems
from registry.web.access import client_address
from registry.web.pages import sign_in_first


def _sign_in(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """One door for all: limits, audit and links are there."""
    if request.user.is_authenticated:
        return problems.respond(request, Forbidden("The admin is for staff."))
    return sign_in_first(request)


admin.site.login = _sign_in  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "mlsystem"
admin.site.unregister(Group)  # roles are memberships


class MembershipInline(admin.TabularInline):
    model = models.Membership
    extra = 0
    autocomplete_fields = ("project",)


@admin.register(models.User)
class PersonAdmin(UserAdmin):
    """People. New ones get a link by the action, and choose their own password."""

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

    @admin.action(description="Make one-time invitation links")
    def invite(self, request: HttpRequest, queryset: QuerySet[models.User]) -> None:
        by = Actor(user=request.user, address=client_address(request))  # type: ignore[arg-type]
        for user in queryset.filter(is_active=True, is_service=False):
            link = people.invite(user=user, by=by)
            messages.success(request, f"{user.get_username()}: {link}")


class ReadOnly(admin.ModelAdmin):
    """To look at. Changes go through the services, which check and write them down."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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


OTHERS: tuple[type[Model], ...] = (
    models.Source,
    models.Split,
    models.Schedule,
    models.Webhook,
)
for other in OTHERS:
    admin.site.register(other, ReadOnly)
