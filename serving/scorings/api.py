"""Scorings over REST: ask, watch, fetch, stop."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from rest_framework import serializers

from registry import jobs
from registry.models import Job
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
from serving.scorings import verbs

LARGEST_NUMBER = 2**31 - 1


class ScoringOutput(serializers.Serializer):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(Job.State.values, source="state")
    progress = serializers.FloatField()
    message = serializers.CharField(allow_blank=True)
    model = serializers.SerializerMethodField()
    rows = serializers.SerializerMethodField()
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]
    sha256 = serializers.SerializerMethodField()
    created_at = Moment()
    finished_at = Moment(allow_null=True)
    url = serializers.SerializerMethodField()
    file = serializers.SerializerMethodField()

    def get_model(self, job: Job) -> int:
        return int(job.result.get("model") or job.args["model"])

    def get_rows(self, job: Job) -> int:
        """Rows done so far, wrong ones too."""
        return int(job.checkpoint.get("done", 0))

    def get_errors(self, job: Job) -> int:
        """Rows that could not be answered; the file says why."""
        return int(job.checkpoint.get("errors", 0))

    def get_sha256(self, job: Job) -> str | None:
        return job.result.get("sha256")

    def get_url(self, job: Job) -> str:
        project: Any = job.project
        return f"/api/v1/projects/{project.slug}/scorings/{job.pk}"

    def get_file(self, job: Job) -> str | None:
        """Where the Parquet file is, once the scoring has succeeded; it is kept as long
        as answers are, for 29 days at most."""
        done = job.state == Job.State.SUCCEEDED and "uri" in job.result
        return f"{self.get_url(job)}/file" if done else None


class ScoringsApi(ProjectApi):
    access = {"POST": allow("viewer", "predict", people="owner")}

    class Input(StrictSerializer):
        dataset = serializers.IntegerField(
            min_value=1, max_value=LARGEST_NUMBER, required=False
        )
        source = serializers.CharField(  # type: ignore[assignment]
            max_length=60, required=False
        )
        query = serializers.CharField(max_length=10_000, required=False)
        model = serializers.IntegerField(
            min_value=1, max_value=LARGEST_NUMBER, required=False
        )

    @operation(
        "Score a dataset or a source.",
        input=Input,
        output=ScoringOutput,
        status=202,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """A job: Parquet out, its rows logged and watched like other predictions."""
        job = verbs.start(project=self.project, by=self.actor, **self.body())
        return self.answer(job)


class OfScoring(ProjectApi):
    """What addresses of one scoring share."""

    def found(self, id: UUID) -> Job:
        job = verbs.find(project=self.project, id=id)
        verbs.check_rights(self.actor)
        return job


class ScoringApi(OfScoring):
    access = {"GET": allow("viewer", "predict", people="owner")}

    @operation("Read how far a scoring is.", output=ScoringOutput)
    def get(self, request: Request, project: str, id: UUID) -> Response:
        return self.answer(self.found(id))


class ScoringFileApi(OfScoring):
    access = {"GET": allow("viewer", "predict", people="owner")}
    produces = ("application/vnd.apache.parquet", "application/json")

    @operation("Fetch a scoring's Parquet file.", errors=(409, 503))
    def get(self, request: Request, project: str, id: UUID) -> FileResponse:
        job = self.found(id)
        return FileResponse(
            verbs.file_of(job).open("rb"),
            as_attachment=True,
            filename=f"{self.project.slug}-{job.pk}.parquet",
            content_type="application/vnd.apache.parquet",
            headers={
                "ETag": f'"{job.result["sha256"]}"',
                "X-Content-SHA256": job.result["sha256"],
                "X-Content-Type-Options": "nosniff",
            },
        )


class ScoringCancelApi(OfScoring):
    access = {"POST": allow("viewer", "predict", people="owner")}

    @operation(
        "Stop a scoring.", input=StrictSerializer, output=ScoringOutput, errors=(409,)
    )
    @idempotent
    def post(self, request: Request, project: str, id: UUID) -> Response:
        """What was scored until then stays in the log; there is no file."""
        self.body()
        job = self.found(id)
        return self.answer(jobs.cancel(job=job))
