"""REST of the house: the projects one may see, and new ones."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from registry import project_rules, projects
from registry.api.projects import ProjectOutput, ProjectSettings
from registry.catalogue import TASKS
from registry.models import ApiKey, Membership, Project
from registry.web.api import (
    HouseApi,
    Request,
    Response,
    allow,
    idempotent,
    operation,
)
from serving.models import Rollout

COLUMN = {"max_length": 120, "required": False, "allow_blank": True}


class ProjectRow(serializers.Serializer):
    """A project in the list of those one may see."""

    slug = serializers.CharField()
    name = serializers.CharField()
    task = serializers.ChoiceField(choices=TASKS)
    target = serializers.CharField()
    role = serializers.SerializerMethodField()
    live = serializers.SerializerMethodField()
    baseline = serializers.SerializerMethodField()
    rollout = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_role(self, project: Project) -> str:
        user = self.context["view"].actor.user
        found = [m for m in project.memberships.all() if m.user_id == user.pk]
        return found[0].role if found else ""

    def get_live(self, project: Project) -> int | None:
        """The number of the version that answers, null before the first dataset."""
        rollout = rollout_of(project)
        return rollout.live.number if rollout else None

    def get_baseline(self, project: Project) -> int | None:
        rollout = rollout_of(project)
        return rollout.baseline.number if rollout else None

    def get_rollout(self, project: Project) -> str | None:
        rollout = rollout_of(project)
        return str(rollout.state) if rollout else None

    def get_url(self, project: Project) -> str:
        return f"/api/v1/projects/{project.slug}"


class NewProject(ProjectSettings):
    slug = serializers.CharField(max_length=50)
    task = serializers.ChoiceField(choices=project_rules.TASKS)
    target = serializers.CharField(max_length=120)
    classes = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=1000
    )
    entity = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, max_length=10
    )
    time_column = serializers.CharField(**COLUMN)  # type: ignore[arg-type]
    group_column = serializers.CharField(**COLUMN)  # type: ignore[arg-type]


class ProjectsApi(HouseApi):
    access = {"GET": allow("user", "read"), "POST": allow("creator")}

    @operation("List the projects one may see.", output=ProjectRow, paged=True)
    def get(self, request: Request) -> Response:
        return self.page(visible(self.actor.user, self.actor.key), order="slug")

    @operation(
        "Create a project and become its admin.",
        input=NewProject,
        output=ProjectOutput,
        status=201,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request) -> Response:
        made = projects.create_project(by=self.actor.user, **_plain(self.body()))
        return self.answer(made)


def visible(user: Any, key: ApiKey | None) -> QuerySet[Project]:
    """A key sees its own project, a person those they have a role in."""
    if key is not None:
        seen = Project.objects.filter(pk=key.project_id)
    else:
        mine = Membership.objects.filter(user=user)
        seen = Project.objects.filter(pk__in=mine.values("project"))
    return seen.select_related("rollout__live", "rollout__baseline").prefetch_related(
        "memberships"
    )


def rollout_of(project: Project) -> Rollout | None:
    found: Rollout | None = getattr(project, "rollout", None)
    return found


def _plain(value: Any) -> Any:
    """Serializers hand out ordered dicts; a project keeps plain ones."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
