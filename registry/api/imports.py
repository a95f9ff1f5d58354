"""Tables on their way in over REST: sources to read, and imports left to a job."""

from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from registry import definition_store, intake
from registry.errors import DomainError, NotFound
from registry.models import Job, Project, Source
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


class ImportOutput(serializers.Serializer):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(Job.State.values, source="state")
    progress = serializers.FloatField()
    message = serializers.CharField(allow_blank=True)
    dataset = serializers.SerializerMethodField()
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]
    created_at = Moment()
    finished_at = Moment(allow_null=True)
    url = serializers.SerializerMethodField()

    def get_dataset(self, job: Job) -> int | None:
        """The number of the dataset that came out."""
        return job.result.get("dataset")

    def get_errors(self, job: Job) -> list[dict[str, Any]]:
        """What was wrong with the table, by column; then nothing was imported."""
        return job.result.get("errors", [])

    def get_url(self, job: Job) -> str:
        project: Any = job.project
        return f"/api/v1/projects/{project.slug}/imports/{job.pk}"


class SourceOutput(serializers.Serializer):
    name = serializers.CharField()
    reads = serializers.SerializerMethodField()
    setting = serializers.SerializerMethodField()
    is_set = serializers.SerializerMethodField()
    is_learnt = serializers.SerializerMethodField()

    def get_reads(self, source: Source) -> str:
        """A file, a table, or "a query"."""
        return source.file or source.table or "a query"

    def get_setting(self, source: Source) -> str | None:
        """The variable that says where it is; null for a file beside the definition."""
        return f"SOURCE_{source.setting.upper()}_URL" if source.setting else None

    def get_is_set(self, source: Source) -> bool:
        return not source.setting or source.setting in settings.SOURCES

    def get_is_learnt(self, source: Source) -> bool:
        """Whether datasets are made of it; the others only feed look-ups."""
        return source.name in self.context["learnt"]


class SourcesApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation("List the sources it is declared to read.", output=SourceOutput, paged=True)  # fmt: skip
    def get(self, request: Request, project: str) -> Response:
        self.query()
        return self.page(self.project.sources.all(), order="name")

    @property
    def _context(self) -> dict[str, Any]:
        return {**super()._context, "learnt": learnt_by(self.project)}


def learnt_by(project: Project) -> list[str]:
    """The sources that datasets are made of; the others only feed look-ups."""
    try:
        definition = definition_store.definition_of(project)
    except DomainError:  # broken: it says so elsewhere
        return []
    return [source.name for source in definition.sources[:1]] if definition else []


def import_of(project: Project, id: UUID) -> Job:
    job = Job.objects.filter(project=project, task=intake.TASK, pk=id).first()
    if job is None:
        raise NotFound("There is no such import.")
    return job


class ImportApi(ProjectApi):
    access = {"GET": allow("owner", "manage")}

    @operation("Read how far an import is.", output=ImportOutput)
    def get(self, request: Request, project: str, id: UUID) -> Response:
        self.query()
        return self.answer(import_of(self.project, id))


class ImportCancelApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Stop an import; nothing of it stays.",
        input=StrictSerializer,
        output=ImportOutput,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, id: UUID) -> Response:
        self.body()
        return self.answer(intake.stop(job=import_of(self.project, id)))
