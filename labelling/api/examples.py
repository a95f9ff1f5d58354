"""Component 2, Data Labeller, over REST: examples in and listed, labels out."""

from typing import Any

from django.http import StreamingHttpResponse
from rest_framework import serializers

from labelling.labeller import export, files
from labelling.labeller.drafts import BadExample, read_draft
from labelling.labeller.intake import Taken, import_examples
from labelling.models import Example
from registry.clock import now as clock_now
from registry.errors import FieldError, InvalidInput, TooLarge
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.fields import ExampleField, TruthField
from registry.web.uploads import LINES, UPLOAD_LIMIT, Uploads

LARGEST_LIST = 10_000
REVIEW = allow("reviewer", "label")


class ExampleItem(StrictSerializer):
    """A payload; of all else null is as good as left out."""

    payload = ExampleField(help_text="What the labeller sees; the target is hidden.")
    key = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=200,
        help_text="Your id; default: the content's hash.",
    )
    overlap = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=20,
        help_text="How many people answer.",
    )
    gold = TruthField(
        required=False,
        allow_null=True,
        help_text="Known truth, to test labellers with.",
    )
    priority = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=-1000,
        max_value=1000,
        help_text="The highest first.",
    )


class ExampleOutput(serializers.ModelSerializer):
    payload = serializers.DictField(source="payload.data")
    answer = TruthField(allow_null=True, help_text="What the experts agreed on.")
    prediction = serializers.UUIDField(
        source="prediction_id",
        allow_null=True,
        help_text="The answer it came from; null of what was imported.",
    )

    class Meta:
        model = Example
        fields = [
            "id", "key", "payload", "state", "answer", "agreement", "overlap",
            "open_slots", "priority", "reason", "predicted", "score", "prediction",
            "duplicate_of", "created_at",
        ]  # fmt: skip


class ExamplesApi(Uploads, ProjectApi):  # type: ignore[misc]
    access = {"GET": REVIEW, "POST": REVIEW}
    uploads = LINES
    upload_limit = UPLOAD_LIMIT

    class Output(serializers.Serializer):
        created = serializers.IntegerField()
        duplicates = serializers.IntegerField(help_text="Were here under their key.")
        failed = serializers.IntegerField()
        errors = serializers.ListField(  # type: ignore[assignment]
            child=serializers.DictField(), help_text="By index; the first thousand."
        )

    @operation(
        "List the examples, the newest first.",
        output=ExampleOutput,
        paged=True,
        query={
            "state": serializers.ChoiceField(Example.State.choices, required=False),
            "key": serializers.CharField(
                required=False, max_length=200, trim_whitespace=False
            ),
            "reason": serializers.CharField(required=False, max_length=40),
        },
    )
    def get(self, request: Request, project: str) -> Response:
        asked = self.query()
        wanted = {n: asked[n] for n in ("state", "key", "reason") if n in asked}
        rows = Example.objects.filter(project=self.project, **wanted)
        return self.page(rows.select_related("payload"), order="-id")

    @operation(
        "Add examples to label.",
        input=ExampleItem,
        or_list=LARGEST_LIST,
        output=Output,
        status=201,
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """One, a list, or any number as NDJSON, a line each. Exact duplicates are one
        card that answers all; what is here already is counted, so an import that broke
        off is sent again as it is."""
        taken = self._take()
        answer = {
            "created": taken.created,
            "duplicates": taken.duplicates,
            "failed": taken.failed,
            "errors": taken.errors,
        }
        self.remember(201, answer)
        return Response(answer, status=201)

    def _take(self) -> Taken:
        now = clock_now()
        if self.has_upload:
            items: Any = files.read_lines(self.upload().path)
            return import_examples(project=self.project, items=items, now=now)
        said = self.request.data
        if isinstance(said, list):
            if len(said) > LARGEST_LIST:
                raise TooLarge(f"More than {LARGEST_LIST} in a list; send NDJSON.")
            items = enumerate(said)
            return import_examples(project=self.project, items=items, now=now)
        taken = import_examples(
            project=self.project, items=[(0, self._one(said))], now=now
        )
        if taken.errors:
            raise _refused(taken.errors[0]["message"])
        return taken

    def _one(self, said: Any) -> Any:
        try:
            read_draft(project=self.project, item=said, index=0)
        except BadExample as error:
            raise _refused(str(error)) from error
        return said


def _refused(message: str) -> InvalidInput:
    field, colon, _ = message.partition(":")
    place = field if colon and field.isidentifier() else "payload"
    return InvalidInput(message, errors=[FieldError(place, message)])


class LabelsApi(ProjectApi):
    access = {"GET": REVIEW}
    produces = tuple(
        kind.partition(";")[0] for kind in dict.fromkeys(export.MEDIA_TYPES.values())
    )

    @operation(
        "Download the labels.",
        query={
            "format": serializers.ChoiceField(
                list(export.MEDIA_TYPES), required=False, default="csv"
            )
        },
        download=produces,
    )
    def get(self, request: Request, project: str) -> Any:
        kind = self.query()["format"]
        name = export.file_name(project=self.project, kind=kind)
        return StreamingHttpResponse(
            export.stream(project=self.project, kind=kind),
            content_type=export.MEDIA_TYPES[kind],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
