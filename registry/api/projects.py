"""One project: what it predicts, and the templates its next version copies."""

from typing import Any

from rest_framework import serializers

from registry import cards, plans, precedence, projects
from registry.api.project_fields import (
    Costs,
    Days,
    Decision,
    Gate,
    InputField,
    PlanStep,
    Share,
)
from registry.catalogue import TASKS
from registry.models import Project
from registry.web import etag
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    operation,
)


class ProjectSettings(StrictSerializer):
    """What may be told about a project beside slug, task and target."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True
    )
    strict_inputs = serializers.BooleanField(
        required=False, help_text="Refuse unknown fields, from the next request on."
    )
    unit = serializers.CharField(max_length=40, required=False, allow_blank=True)
    positive_class = serializers.CharField(max_length=200, required=False)
    horizon_days = Days(required=False, allow_null=True, source="horizon")
    silence = serializers.ChoiceField(choices=Project.Silence.values, required=False)
    primary_metric = serializers.CharField(max_length=60, required=False)
    gate = Gate(required=False)
    costs = Costs(required=False)
    decision = Decision(required=False)
    plan = PlanStep(many=True, required=False, max_length=plans.MAX_STEPS)  # type: ignore[call-arg]
    card = serializers.ListField(
        child=serializers.CharField(max_length=120),
        required=False,
        max_length=cards.MOST_COLUMNS,
        help_text="Columns a labeller sees, in this order; [] shows every input.",
    )
    truth_precedence = serializers.ListField(
        child=serializers.ChoiceField(choices=precedence.SOURCES),
        required=False,
        max_length=len(precedence.SOURCES),
        help_text="Whose word counts, the strongest first; those left out follow in "
        "the usual order. For truth that comes in from now on.",
    )
    control_share = Share(
        required=False,
        help_text="Percent of users whom the baseline answers whatever is rolled out, "
        "from the next request on: models are measured against them.",
    )
    zone = serializers.CharField(max_length=60, required=False)
    retention_days = Days(
        min_value=1,
        required=False,
        allow_null=True,
        source="retention",
        help_text="Older answers are deleted with their inputs; null keeps them.",
    )
    autopilot = serializers.ChoiceField(
        choices=Project.Autopilot.values, required=False
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # A class attribute called `fields` would hide the serializer's own.
        many = InputField(many=True, required=False, max_length=2_000)  # type: ignore[call-arg]
        return {**super().get_fields(), "fields": many}


class ProjectOutput(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    task = serializers.ChoiceField(choices=TASKS)
    target = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    classes = serializers.ListField(child=serializers.CharField())
    positive_class = serializers.CharField(allow_blank=True)
    strict_inputs = serializers.BooleanField()
    entity = serializers.ListField(child=serializers.CharField())
    time_column = serializers.CharField(allow_blank=True)
    group_column = serializers.CharField(allow_blank=True)
    horizon_days = Days(allow_null=True, source="horizon")
    silence = serializers.ChoiceField(choices=Project.Silence.values)
    primary_metric = serializers.CharField()
    gate = serializers.DictField()
    costs = serializers.DictField()
    decision = serializers.DictField()
    plan = serializers.ListField(child=serializers.DictField())
    card = serializers.ListField(child=serializers.CharField())
    truth_precedence = serializers.ListField(child=serializers.CharField())
    control_share = Share()
    zone = serializers.CharField()
    retention_days = Days(allow_null=True, source="retention")
    autopilot = serializers.ChoiceField(choices=Project.Autopilot.values)
    definition = serializers.CharField(
        allow_blank=True, help_text="The module that declares it, if any."
    )
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field]:
        listed = serializers.ListField(child=serializers.DictField())
        return {**super().get_fields(), "fields": listed}


class ProjectDetailApi(ProjectApi):
    access = {"GET": allow("member", "read"), "PATCH": allow("owner", "manage")}

    @operation("Read a project.", output=ProjectOutput, revision=True)
    def get(self, request: Request, project: str) -> Response:
        return self._tagged(self.project)

    @operation(
        "Change a project.",
        input=ProjectSettings,
        output=ProjectOutput,
        revision=True,
        errors=(409,),
    )
    def patch(self, request: Request, project: str) -> Response:
        """Fields, costs, decision and the zone of its features are templates that the
        next version copies: what serves now stays as it is. The rest acts at once, as
        `strict_inputs` does from the next request on. The positive class is fixed by
        the first data: 409. With If-Match, only if nobody edited it meanwhile."""
        guarded = etag.check(request, self.project.revision)
        changed = projects.update_project(
            project=self.project,
            by=self.actor,
            revision=self.project.revision if guarded else None,
            changes=_plain(self.body()),
        )
        return self._tagged(changed)

    def _tagged(self, project: Project) -> Response:
        response = self.answer(project)
        response.headers["ETag"] = etag.of(project.revision)
        return response


def _plain(value: Any) -> Any:
    """Serializers hand out ordered dicts; JSON columns are compared with plain ones."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
