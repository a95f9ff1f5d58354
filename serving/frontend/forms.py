"""Component 9, Front-end: a request sent as a form, where a file is an image.

    curl -F image=@seven.png -F explain=true …/predict

A part is a field of the input, or one of the words a request knows; `input.` before its
name says it is a field. `request` holds all the rest as JSON.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from registry import images
from registry.errors import FieldError, InvalidInput
from registry.schema import LONGEST_IMAGE, Field
from registry.web import strict_json
from registry.web.idempotency import CSRF_FIELD
from serving.frontend.asks import KNOWN

REQUEST, PREFIX = "request", "input."
WORDS = {"true": True, "false": False}
FORM = {
    "type": "object",
    "description": "An image as a file under its field's name; other parts are fields "
    "of the input, or of the request.",
    "properties": {
        REQUEST: {"type": "string", "description": "The rest of the request, as JSON."}
    },
}


def read(data: MultiValueDict[str, Any], *, fields: Sequence[Field]) -> dict[str, Any]:
    """The request that a form stands for; InvalidInput names the part that is wrong."""
    kinds = {field["name"]: field["kind"] for field in fields}
    request, given = _rest(data), {}
    for part in data:
        if part in {REQUEST, CSRF_FIELD}:
            continue
        values = data.getlist(part)
        if len(values) != 1:
            raise _wrong(part, "It is there twice: send it once.")
        name = part.removeprefix(PREFIX)
        if name == part and part in KNOWN and part not in {"input", *kinds}:
            request[part] = _word(part, values[0])
        elif isinstance(values[0], UploadedFile):
            field = _image_field(part, name, kinds)
            given[field] = as_base64(part, values[0])
        elif values[0] != "":
            given[name] = typed(values[0], kinds.get(name, ""))
    if given:
        rest = request.get("input") or {}
        if not isinstance(rest, Mapping):
            raise _wrong(REQUEST, "Its input must be an object, beside other parts.")
        request["input"] = {**rest, **given}
    return request


def typed(text: str, kind: str) -> Any:
    """What was typed, as JSON would carry it; what does not fit stays text, and the
    schema says what is wrong with it.

    >>> typed("3", "integer"), typed("true", "boolean"), typed("x", "numeric")
    (3, True, 'x')
    """
    if kind == "boolean":
        return WORDS.get(text.lower(), text)
    try:
        return {"integer": int, "numeric": float}.get(kind, str)(text)
    except ValueError:
        return text


def _rest(data: MultiValueDict[str, Any]) -> dict[str, Any]:
    texts = data.getlist(REQUEST)
    if not texts:
        return {}
    text = texts[0].read() if isinstance(texts[0], UploadedFile) else texts[0].encode()
    rest = strict_json.parse(text)
    if len(texts) > 1 or not isinstance(rest, dict):
        raise _wrong(REQUEST, "Write one JSON object.")
    return rest


def _word(part: str, value: Any) -> Any:
    if isinstance(value, UploadedFile):
        raise _wrong(part, "Send it as text, not as a file.")
    return WORDS.get(value, value) if part in {"explain", "test"} else value


def _image_field(part: str, name: str, kinds: Mapping[str, str]) -> str:
    """The image a file is for: the one it names, else the only one there is."""
    known = [field for field, kind in kinds.items() if kind == "image"]
    if name in known:
        return name
    if name in {"file", "input"} and len(known) == 1:
        return known[0]
    if not known:
        raise _wrong(part, "This project reads no images: send its value as text.")
    raise _wrong(part, f"A file is an image: name it {' or '.join(known)}.")


def as_base64(part: str, file: UploadedFile) -> str:
    """A file as an image's field wants it."""
    if (file.size or 0) * 4 / 3 > LONGEST_IMAGE:
        most = LONGEST_IMAGE * 3 // 4 // 10**6
        raise _wrong(part, f"The file is larger than {most} MB: send a smaller image.")
    text = base64.b64encode(file.read()).decode()
    if images.format_of(text) is None:
        raise _wrong(part, "The file is no PNG, JPEG or WebP image.")
    return text


def _wrong(part: str, message: str) -> InvalidInput:
    return InvalidInput(f"{part}: {message}", errors=[FieldError(part, message)])
