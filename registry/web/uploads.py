"""Files coming in: multipart or the bare body, streamed to disk, never into memory.

class DatasetsApi(Uploads, ProjectApi):
    uploads = ("text/csv", "application/x-ndjson")

    def post(...):
        upload = self.upload()  # .path .name .content_type .size .sha256 .fields
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.http import HttpRequest
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from registry.errors import FieldError, InvalidInput, TooLarge, UnsupportedMedia
from registry.web.idempotency import CSRF_FIELD
from registry.web.operations import Operation
from registry.web.serializers import StrictSerializer
from registry.web.strict_json import StrictJSONParser

UPLOAD_LIMIT = 2**30
CHUNK = 2**20
LINES = ("application/x-ndjson", "application/jsonl")  # one format, two names
MULTIPART = "multipart/form-data"
FILE = "file"  # the field that holds it


@dataclass
class Upload:
    """One file, on disk until the request is over."""

    path: Path
    name: str  # as the client calls it: show it, never open it
    content_type: str
    size: int
    fields: dict[str, str] = field(default_factory=dict)  # beside it in the form
    spool: IO[bytes] | None = None  # closing it deletes the file; None: Django does

    @cached_property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()


class Uploads:
    """Mixed into an endpoint: beside JSON it takes files of the kinds in `uploads`."""

    uploads: tuple[str, ...] = ()
    upload_limit = UPLOAD_LIMIT
    request: Request
    operation: Operation
    spooled: Upload | None = None

    def get_parsers(self) -> list[BaseParser]:
        raw = [_raw(kind)() for kind in self.uploads]
        return [StrictJSONParser(), MultiPartParser(), *raw]

    @property
    def has_upload(self) -> bool:
        kind = (self.request.content_type or "").partition(";")[0].strip().lower()
        return kind != StrictJSONParser.media_type

    def upload(self) -> Upload:
        """The file sent; 400 where there is none, an empty one, or more than one, or
        beside it what the operation's form does not know."""
        data = self.request.data
        if isinstance(data, Upload):
            return data
        if not self.has_upload:
            kinds = ", ".join((MULTIPART, *self.uploads))
            raise UnsupportedMedia(f"Send a file as {kinds}.")
        files = self.request.FILES
        sent = [file for name in files for file in files.getlist(name)]
        if len(sent) != 1:
            raise InvalidInput(
                f"{len(sent)} files in the form; send one.",
                errors=[FieldError("file", "Send one file.")],
            )
        if FILE not in files:
            raise _wrong(next(iter(files)), f"Send the file in the field {FILE}.")
        if not sent[0].size:
            raise _wrong(FILE, "The file is empty.")
        self.spooled = _of_form(sent[0], self._form_fields(data))
        return self.spooled

    def _form_fields(self, data: Any) -> dict[str, str]:
        """The texts beside the file, as the operation's form takes them."""
        given = {name: data.getlist(name) for name in data}
        for name in (FILE, CSRF_FIELD):
            given.pop(name, None)
        for name, several in given.items():
            if len(several) > 1:
                raise _wrong(name, "Given twice.")
        form = self.operation.form or StrictSerializer
        checked = form(data={name: text for name, (text,) in given.items()})
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        if self.spooled and self.spooled.spool:
            self.spooled.spool.close()
        return super().finalize_response(*args, **kwargs)  # type: ignore[misc]


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])


@contextmanager
def form_file(request: HttpRequest, name: str = "file") -> Iterator[Upload]:
    """The one file of a page's form, on disk within the block."""
    sent = request.FILES.getlist(name)
    if len(sent) != 1 or not sent[0].name:
        raise InvalidInput(
            "Choose a file.", errors=[FieldError(name, "Choose a file.")]
        )
    if (sent[0].size or 0) > UPLOAD_LIMIT:
        raise TooLarge(f"The file is larger than {UPLOAD_LIMIT // 2**20} MB.")
    upload = _of_form(sent[0], {})
    try:
        yield upload
    finally:
        if upload.spool:
            upload.spool.close()


def _raw(kind: str) -> type[BaseParser]:
    """A parser that writes the body to disk as it comes."""

    class Raw(BaseParser):
        media_type = kind

        def parse(  # type: ignore[override]
            self,
            stream: IO[bytes],
            media_type: str | None = None,
            parser_context: Any = None,
        ) -> Upload:
            view = (parser_context or {})["view"]
            chunks = iter(lambda: stream.read(CHUNK), b"")
            view.spooled = _spool(
                chunks, name="", content_type=kind, limit=view.upload_limit
            )
            return view.spooled

    return Raw


def _of_form(sent: UploadedFile, fields: dict[str, str]) -> Upload:
    name, kind = sent.name or "", sent.content_type or ""
    if isinstance(sent, TemporaryUploadedFile):
        path = Path(sent.temporary_file_path())
        return Upload(path, name, kind, sent.size or 0, fields)
    upload = _spool(sent.chunks(CHUNK), name=name, content_type=kind)
    upload.fields = fields
    return upload


def _spool(
    chunks: Iterable[bytes], *, name: str, content_type: str, limit: int = UPLOAD_LIMIT
) -> Upload:
    size = 0
    file = tempfile.NamedTemporaryFile(prefix="upload-")  # noqa: SIM115
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            file.close()
            raise TooLarge(f"The file is larger than {limit // 2**20} MB.")
        file.write(chunk)
    file.flush()
    return Upload(Path(file.name), name, content_type, size, spool=file)
