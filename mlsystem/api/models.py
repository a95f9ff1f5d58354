"""REST of the registry's versions: list, card and lineage; approve, reject, archive."""

from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mlsystem.api.shapes import Reason
from mlsystem.orchestrator import approval
from monitoring.evaluator.api import Measured
from monitoring.models import Evaluation
from registry.errors import NotFound
from registry.models import ModelVersion, Project
from registry.web.api import (
    Moment,
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from serving import rollout as rollouts


class ModelRow(serializers.Serializer):
    """A version in the leaderboard: how good it is on the sealed test, and its role."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    algorithm = serializers.CharField()
    state = serializers.CharField()
    roles = serializers.SerializerMethodField()
    metric = serializers.SerializerMethodField()
    test = serializers.SerializerMethodField()
    latency_us = serializers.FloatField(allow_null=True)
    size_bytes = serializers.IntegerField()
    run = serializers.SerializerMethodField()
    dataset = serializers.SerializerMethodField()
    created_at = Moment()
    url = serializers.SerializerMethodField()

    def get_roles(self, version: ModelVersion) -> list[str]:
        """What it does in the rollout now: live, baseline, candidate, previous, shadow."""
        found: list[str] = self.context["view"].roles.get(version.pk, [])
        return found

    def get_metric(self, version: ModelVersion) -> str:
        return version.project.primary_metric

    def get_test(self, version: ModelVersion) -> dict[str, Any] | None:
        """The project's metric on the sealed test, with its interval."""
        report = getattr(version, "report", None) or {}  # annotated by versions_of
        metrics = report.get("metrics", {})
        found = metrics.get(version.project.primary_metric)
        return found if isinstance(found, dict) else None

    def get_run(self, version: ModelVersion) -> int | None:
        return version.run.number if version.run else None

    def get_dataset(self, version: ModelVersion) -> int | None:
        return version.dataset.number if version.dataset else None

    def get_url(self, version: ModelVersion) -> str:
        return f"/api/v1/projects/{version.project.slug}/models/{version.number}"


class ModelDetail(ModelRow):
    params = serializers.DictField()
    features = serializers.DictField()
    decision = serializers.DictField()
    costs = serializers.DictField()
    classes = serializers.ListField(child=serializers.CharField())
    reasons = Reason(many=True)
    card = serializers.DictField()
    metrics = serializers.DictField(
        child=Measured(),
        source="report.metrics",
        allow_null=True,
        help_text="On the sealed test, as the Evaluator said last.",
    )
    report = serializers.SerializerMethodField()
    proof = serializers.DictField()
    lineage = serializers.SerializerMethodField()
    decided_by = serializers.SerializerMethodField()
    decided_at = Moment(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        # A class attribute called `fields` would hide the serializer's own.
        listed = serializers.ListField(child=serializers.DictField())
        return {**super().get_fields(), "fields": listed}

    @extend_schema_field({"type": ["object", "null"]})
    def get_report(self, version: ModelVersion) -> dict[str, Any] | None:
        """What the Evaluator said beside the metrics; aggregates only."""
        report: dict[str, Any] | None = version.report  # type: ignore[attr-defined]
        if report is None:
            return None
        return {name: part for name, part in report.items() if name != "metrics"}

    def get_lineage(self, version: ModelVersion) -> dict[str, Any]:
        """From which data, run and environment it came; and the file's hash."""
        dataset = version.dataset
        return {
            "dataset": dataset.number if dataset else None,
            "data_sha256": dataset.sha256 if dataset else None,
            "run": version.run.number if version.run else None,
            "environment": version.environment,
            "sha256": version.sha256 or None,
            "function": version.function or None,
            "created_by": version.created_by and version.created_by.get_username(),
        }

    def get_decided_by(self, version: ModelVersion) -> str | None:
        return version.decided_by.get_username() if version.decided_by else None


class VersionsApi(ProjectApi):
    @cached_property
    def roles(self) -> dict[int, list[str]]:
        """What each version does in the project's rollout; read once a request."""
        return rollouts.roles_in(self.project)


class ModelsApi(VersionsApi):
    access = {"GET": allow("viewer", "read")}

    @operation(
        "List the model versions, the newest first.",
        output=ModelRow,
        paged=True,
        query={
            "state": serializers.ChoiceField(
                choices=ModelVersion.State.choices, required=False
            )
        },
    )
    def get(self, request: Request, project: str) -> Response:
        found = versions_of(self.project)
        if state := self.query().get("state"):
            found = found.filter(state=state)
        return self.page(found, order="-number")


class ModelApi(VersionsApi):
    access = {"GET": allow("viewer", "read")}

    @operation("A version: card, metrics, reasons, lineage.", output=ModelDetail)
    def get(self, request: Request, project: str, number: int) -> Response:
        return self.answer(find_version(self.project, number))


class WithReason(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class ApproveApi(VersionsApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Approve a version that waits for a second person; its rollout begins.",
        input=WithReason,
        output=ModelDetail,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, number: int) -> Response:
        version = find_version(self.project, number)
        approval.approve(version=version, by=self.actor, **self.body())
        return self.answer(find_version(self.project, number))


class RejectApi(VersionsApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Reject a version that does not serve.",
        input=WithReason,
        output=ModelDetail,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, number: int) -> Response:
        version = find_version(self.project, number)
        approval.reject(version=version, by=self.actor, **self.body())
        return self.answer(find_version(self.project, number))


class ArchiveApi(VersionsApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Archive a version that does not serve; it is kept for ever, and an owner brings "
        "it back on its page.",
        input=WithReason,
        output=ModelDetail,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, number: int) -> Response:
        version = find_version(self.project, number)
        approval.archive(version=version, by=self.actor, **self.body())
        return self.answer(find_version(self.project, number))


def versions_of(project: Project) -> QuerySet[ModelVersion]:
    """Versions with the newest report on a sealed test, and what their shapes show."""
    tested = Evaluation.objects.filter(
        version=OuterRef("pk"), kind=Evaluation.Kind.TEST
    )
    newest = Subquery(tested.order_by("-pk").values("report")[:1])
    return (
        ModelVersion.objects.filter(project=project)
        .select_related("project", "run", "dataset", "created_by", "decided_by")
        .annotate(report=newest)
    )


def find_version(project: Project, number: int) -> ModelVersion:
    version = versions_of(project).filter(number=number).first()
    if version is None:
        raise NotFound("There is no such version in this project.")
    return version
