"""Datasets over REST: uploaded whole or not at all; test truth is in no answer."""

from typing import Any

from django.http import FileResponse
from rest_framework import serializers

from registry import audit, datasets, storage, tables
from registry.errors import NotFound
from registry.models import Dataset, Project
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    allow,
    idempotent,
    operation,
)
from registry.web.uploads import UPLOAD_LIMIT, Uploads

PARQUET = "application/vnd.apache.parquet"


class DatasetOutput(serializers.ModelSerializer):
    id = serializers.IntegerField(source="number")
    parts = serializers.DictField(
        source="split.counts", help_text="Rows for training, validation and test."
    )
    looks = serializers.IntegerField(
        source="split.looks", help_text="How often the sealed test truth was used."
    )

    class Meta:
        model = Dataset
        fields = ("id", "name", "rows", "size_bytes", "sha256", "parts", "looks", "created_at")  # fmt: skip


class DatasetDetail(DatasetOutput):
    columns = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.DictField())
    profile = serializers.DictField(help_text="By column; test rows left out.")
    lineage = serializers.DictField()

    class Meta(DatasetOutput.Meta):
        fields = (*DatasetOutput.Meta.fields, "columns", "findings", "profile", "lineage")  # type: ignore[assignment]  # fmt: skip


class DatasetsApi(Uploads, ProjectApi):  # type: ignore[misc]
    access = {"GET": allow("viewer", "read"), "POST": allow("owner", "manage")}
    uploads = ("text/csv", PARQUET, "application/x-ndjson")
    upload_limit = UPLOAD_LIMIT

    @operation("List the datasets, the newest first.", output=DatasetOutput, paged=True)
    def get(self, request: Request, project: str) -> Response:
        self.query()
        return self.page(self.project.datasets.select_related("split"), order="-number")

    @operation(
        "Upload a table: CSV, Parquet or JSON Lines; its parts are fixed at once.",
        output=DatasetDetail,
        status=201,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """What is broken is told by row and column, and nothing is imported half. In a
        project without a model its baseline answers a moment later."""
        upload = self.upload()
        suffix = {"text/csv": ".csv", "application/x-ndjson": ".jsonl"}
        name = upload.name or f"upload{suffix.get(upload.content_type, '.parquet')}"
        frame, read = tables.read_table(path=upload.path, name=name)
        dataset = datasets.register_dataset(
            project=self.project,
            frame=frame,
            name=upload.fields.get("name") or name,
            lineage={"upload": name, "sha256": upload.sha256, **read},
            by=self.actor.user,
        )
        audit.record(
            project=self.project,
            actor=self.actor,
            action="dataset.upload",
            target=str(dataset),
        )
        return self.answer(dataset)


def dataset_of(project: Project, number: int) -> Dataset:
    found = project.datasets.select_related("split").filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no dataset {number}.")
    return found


class DatasetApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation("A dataset: columns, findings, profile, lineage.", output=DatasetDetail)
    def get(self, request: Request, project: str, number: int) -> Response:
        self.query()
        return self.answer(dataset_of(self.project, number))


class DatasetDownloadApi(ProjectApi):
    access = {"GET": allow("owner", "manage")}
    produces = (PARQUET,)

    @operation("Training and validation rows, as Parquet.", download=(PARQUET,))
    def get(self, request: Request, project: str, number: int) -> Any:
        """Test rows stand in it without their target: that is sealed."""
        self.query()
        dataset = dataset_of(self.project, number)
        path = storage.local_copy(uri=dataset.uri, sha256=dataset.sha256)
        return FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=f"{self.project.slug}-{dataset.number}.parquet",
            content_type=PARQUET,
        )
