"""Datasets over REST: uploaded whole or not at all; test truth is in no answer."""

from typing import Any

from django.db import transaction
from django.http import FileResponse
from rest_framework import serializers

from registry import dataset_rows, intake, storage, tables
from registry.api.imports import ImportOutput
from registry.errors import NotFound
from registry.models import Dataset, Job, Project
from registry.splits import PARTS
from registry.web import keyset
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.uploads import LINES, UPLOAD_LIMIT, Upload, Uploads

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


class UploadForm(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)


class DatasetsApi(Uploads, ProjectApi):  # type: ignore[misc]
    access = {"GET": allow("viewer", "read"), "POST": allow("owner", "manage")}
    uploads = ("text/csv", PARQUET, *LINES)
    upload_limit = UPLOAD_LIMIT

    class Input(StrictSerializer):
        source = serializers.CharField(max_length=60)  # type: ignore[assignment]
        name = serializers.CharField(max_length=120, required=False)

    @operation("List the datasets, the newest first.", output=DatasetOutput, paged=True)
    def get(self, request: Request, project: str) -> Response:
        self.query()
        return self.page(self.project.datasets.select_related("split"), order="-number")

    @operation(
        "Upload a table (CSV, Parquet, JSON Lines), or read a source anew.",
        input=Input,
        form=UploadForm,
        output=DatasetDetail,
        status=201,
        later=ImportOutput,
        errors=(409,),
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """Its parts are fixed at once. What is broken is told by row and column, and
        nothing is imported half. In a project without a model its baseline answers a
        moment later. A job is left sources, and files above 32 MB unpacked, or as a
        table of eight bytes a value (JSON Lines: and 64 a row), and gzipped Parquet."""
        if not self.has_upload:
            return self._from_source(**self.body())
        upload = self.upload()
        suffix = {"text/csv": ".csv", **dict.fromkeys(LINES, ".jsonl")}
        name = upload.name or f"upload{suffix.get(upload.content_type, '.parquet')}"
        title = upload.fields.get("name") or name
        if not tables.is_quick(path=upload.path, name=name, most=intake.AT_ONCE):
            return self._by_job(upload, name=name, title=title)
        frame, read = tables.read_table(path=upload.path, name=name)
        lineage = {"upload": name, "sha256": upload.sha256, **read}
        prepared = intake.prepare(
            project=self.project, frame=frame, name=title, lineage=lineage
        )
        with transaction.atomic():
            dataset = intake.commit(prepared, by=self.actor)
            response = self.answer(dataset)
            self.remember(response.status_code, response.data)
        return response

    def _from_source(self, *, source: str, name: str = "") -> Response:
        with transaction.atomic():
            job = intake.later_from_source(
                project=self.project, source=source, title=name, by=self.actor.user
            )
            return self._taken_in(job)

    def _by_job(self, upload: Upload, *, name: str, title: str) -> Response:
        staged = intake.keep_file(project=self.project, path=upload.path)
        with transaction.atomic():
            job = intake.later_from_file(
                project=self.project,
                staged=staged,
                name=name,
                title=title,
                by=self.actor.user,
            )
            return self._taken_in(job)

    def _taken_in(self, job: Job) -> Response:
        response = self.answer_later(job)
        self.remember(response.status_code, response.data)
        return response


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


class DatasetRow(serializers.Serializer):
    row = serializers.IntegerField(help_text="Counted from 0, as the table came.")
    part = serializers.ChoiceField(PARTS)
    values = serializers.DictField(help_text="By column; no target in test rows.")


class DatasetRowsApi(ProjectApi):
    access = {"GET": allow("owner", "manage")}

    @operation(
        "A dataset's rows, page by page.",
        output=DatasetRow,
        paged=True,
        query={"part": serializers.ChoiceField(PARTS, required=False)},
    )
    def get(self, request: Request, project: str, number: int) -> Response:
        """Rows of the test part come without their target: that is sealed."""
        dataset, part = dataset_of(self.project, number), self.query().get("part", "")

        def read(after: Any, count: int) -> list[dict[str, Any]]:
            return dataset_rows.rows_after(dataset, after=after, count=count, part=part)

        return Response(keyset.page_of(read, request, order="row"))
