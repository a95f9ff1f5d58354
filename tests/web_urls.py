"""Endpoints that exist in tests alone, to look at what every endpoint shares."""

import errno

from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers

from registry.errors import Conflict, TooMany
from registry.models import Project, Source
from registry.web import etag
from registry.web.api import (
    HouseApi,
    InferenceApi,
    Moment,
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.pages import project_page
from registry.web.uploads import Uploads


class SourcesApi(ProjectApi):
    """Sources stand in for anything that is listed and created."""

    access = {"GET": allow("viewer", "read"), "POST": allow("owner", "manage")}

    class Input(StrictSerializer):
        name = serializers.CharField(max_length=20)
        size = serializers.IntegerField(required=False, min_value=0)
        share = serializers.FloatField(required=False)
        on = serializers.BooleanField(required=False)
        at = Moment(required=False)
        tags = serializers.ListField(child=serializers.CharField(), required=False)

    class Output(serializers.Serializer):
        name = serializers.CharField()

    @operation(
        "List.",
        output=Output,
        paged=True,
        query={
            "on": serializers.BooleanField(required=False),
            "share": serializers.FloatField(required=False),
        },
    )
    def get(self, request: Request, project: str) -> Response:
        return self.page(self.project.sources.all(), order=("table", "-id"))

    @operation("Create.", input=Input, output=Output, status=201)
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        name = self.body()["name"]
        source = Source.objects.create(project=self.project, name=name)
        if name == "refused":
            raise Conflict("This name is refused, after the row was written.")
        return self.answer(source)


class SlowApi(SourcesApi):
    """As one that predicts: slow work first, then one short transaction of its own."""

    access = {"POST": allow("owner", "manage")}

    @operation("Create.", input=SourcesApi.Input, status=201)
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        answer = {"name": self.body()["name"]}
        with transaction.atomic():
            Source.objects.create(project=self.project, **answer)
            self.remember(201, answer)
        return self.answer(answer, status=201)


class BrokenApi(HouseApi):
    access = {"GET": allow("anyone")}

    @operation("Break.", query={"how": serializers.CharField()})
    def get(self, request: Request) -> Response:
        errors: dict[str, Exception] = {
            "bug": RuntimeError("a secret detail"),
            "busy": OperationalError("database is locked"),
            "full": OperationalError("database or disk is full"),
            "no room": OSError(errno.ENOSPC, "No space left on device"),
            "often": TooMany("Slowly.", retry_after=7),
        }
        raise errors[self.query()["how"]]


class EditApi(ProjectApi):
    access = {"PUT": allow("owner", "manage")}

    @operation("Edit revision 7.", errors=(428,), revision=True)
    def put(self, request: Request, project: str) -> Response:
        etag.require(request, 7)
        return self.answer({"edited": True})


class FilesApi(Uploads, ProjectApi):
    access = {"POST": allow("owner", "manage")}
    uploads = ("text/csv",)
    upload_limit = 20 * 2**20

    class Form(StrictSerializer):
        name = serializers.CharField(max_length=20, required=False)

    class Output(serializers.Serializer):
        name = serializers.CharField()
        size = serializers.IntegerField()
        head = serializers.CharField()
        sha256 = serializers.CharField()
        fields_ = serializers.DictField(source="fields")

    @operation("Send a file.", form=Form, output=Output)
    def post(self, request: Request, project: str) -> Response:
        upload = self.upload()
        upload.head = upload.path.read_text()[:20]  # type: ignore[attr-defined]
        return self.answer(upload)


class InferApi(InferenceApi):
    access = {"POST": allow("viewer", "predict")}

    @operation("Echo.")
    def post(self, request: Request, project: str) -> Response:
        return self.answer(request.data)


class ForgottenApi(ProjectApi):
    """Nobody said who may use it."""

    def get(self, request: Request, project: str) -> Response:
        return Response("open")


def forgotten_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


@project_page("viewer", POST="owner")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    if "full" in request.GET:
        raise OSError(errno.ENOSPC, "No space left on device")
    return HttpResponse(f"{project} for {request.actor.name}")  # type: ignore[attr-defined]


P = "api/v1/projects/<slug:project>"
urlpatterns = [
    path(f"{P}/sources", SourcesApi.as_view(), name="sources"),
    path(f"{P}/slow", SlowApi.as_view(), name="slow"),
    path(f"{P}/edit", EditApi.as_view(), name="edit"),
    path(f"{P}/files", FilesApi.as_view(), name="files"),
    path(f"{P}/forgotten", ForgottenApi.as_view(), name="forgotten"),
    path("api/v1/broken", BrokenApi.as_view(), name="broken"),
    path("v2/models/<slug:project>/infer", InferApi.as_view(), name="infer"),
    path("p/<slug:project>/page", page, name="page"),
    path("forgotten-page", forgotten_page, name="forgotten-page"),
    path("sign-in", forgotten_page, name="sign-in"),
    path("palette", forgotten_page, name="palette"),
]
handler400 = "registry.web.problems.bad_request"
handler403 = "registry.web.problems.permission_denied"
handler404 = "registry.web.problems.not_found"
handler500 = "registry.web.problems.server_error"
