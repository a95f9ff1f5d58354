"""Every error outside of pages is a problem document (RFC 9457), Django's own too."""

import logging
import re
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from rest_framework import exceptions as drf_errors
from rest_framework.response import Response

from registry import errors
from registry.errors import kind_of

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
API_PREFIXES = ("/api/", "/v2")
BROKEN = 500
UNAVAILABLE_SECONDS = 2
FULL = ("disk is full", "No space left")  # as SQLite and PostgreSQL say it
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    BROKEN: "Our mistake",
}


def speaks_json(path: str) -> bool:
    """Whether an address belongs to programs rather than to people."""
    return path.startswith(API_PREFIXES)


def document(
    *, status: int, title: str, detail: str, errors: Any = None, **extra: Any
) -> dict[str, Any]:
    """The members of a problem document; `type` is stable and names the kind.

    >>> document(status=409, title="No model yet", detail="Train one.")["type"]
    'urn:mlsystem:problem:no-model-yet'
    """
    body = {
        "type": kind_of(title),
        "title": title,
        "status": status,
        "detail": detail,
        **extra,
    }
    if errors:
        body["errors"] = errors
    return body


def of(error: Exception) -> dict[str, Any] | None:
    """The document for an error we understand, else None (a 500 with a traceback)."""
    if isinstance(error, errors.DomainError):
        return _domain(error)
    if isinstance(error, (drf_errors.ValidationError, django_errors.ValidationError)):
        return _invalid(error)
    if isinstance(error, drf_errors.APIException):
        return plain(error.status_code, str(error.detail))
    for kind, status, detail in DJANGO:
        if isinstance(error, kind):
            return plain(status, detail)
    down = _unavailable(error)
    return _domain(down) if down else None


def _unavailable(error: Exception) -> errors.Unavailable | None:
    """Whoever asks can only wait; whoever runs the house reads in the log what to do."""
    room = errors.no_room(error)
    if room is None and not isinstance(error, (OperationalError, InterfaceError)):
        return None
    logger.error("it cannot be stored or asked for now: %s", error)
    if any(words in str(error) for words in FULL):
        room = errors.Unavailable(errors.DISK_IS_FULL)
    return room or errors.Unavailable("The database is busy; try again.")


DJANGO: tuple[tuple[type[Exception], int, str], ...] = (
    (Http404, 404, "There is nothing here."),
    (django_errors.ObjectDoesNotExist, 404, "There is nothing here."),
    (django_errors.PermissionDenied, 403, "You may not do this."),
    (django_errors.RequestDataTooBig, 413, "The form is larger than 10 MB."),
    (django_errors.TooManyFieldsSent, 400, "The form has too many fields."),
    (django_errors.SuspiciousOperation, 400, "The request is malformed."),
    (MultiPartParserError, 400, "The form is malformed."),
)


def _domain(error: errors.DomainError) -> dict[str, Any]:
    fields = [{"field": e.field, "message": e.message} for e in error.errors]
    return document(
        status=error.status,
        title=error.title,
        detail=error.detail,
        errors=fields,
        **error.extra,
    )


def plain(status: int, detail: str) -> dict[str, Any]:
    return document(status=status, title=TITLES.get(status, "Refused"), detail=detail)


def _invalid(
    error: drf_errors.ValidationError | django_errors.ValidationError,
) -> dict[str, Any]:
    if isinstance(error, drf_errors.ValidationError):
        detail: Any = error.detail
    else:
        detail = getattr(error, "message_dict", None) or error.messages
    fields = [{"field": f, "message": m} for f, m in _flatten(detail, "")]
    first = fields[0] if fields else {"field": "", "message": "Not valid."}
    where = f"{first['field']}: " if first["field"] else ""
    return document(
        status=400,
        title=errors.InvalidInput.title,
        detail=f"{where}{first['message']}",
        errors=fields,
    )


def _flatten(detail: Any, place: str) -> Iterator[tuple[str, str]]:
    """DRF's nested errors as ("requests[3].at", message) pairs."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if isinstance(name, int):  # the place in a list
                yield from _flatten(inner, f"{place}[{name}]")
            elif name == "non_field_errors":
                yield from _flatten(inner, place)
            else:
                yield from _flatten(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, (dict, list))
            yield from _flatten(inner, f"{place}[{index}]" if nested else place)
    else:
        yield place, str(detail)


def headers_of(error: Exception) -> dict[str, str]:
    """WWW-Authenticate, Retry-After and Allow, where the error has them."""
    found = {}
    error = errors.no_room(error) or error
    if challenge := getattr(error, "auth_header", None):
        found["WWW-Authenticate"] = challenge
    wait = getattr(error, "retry_after", None) or getattr(error, "wait", None)
    if isinstance(error, (OperationalError, InterfaceError)) or (
        getattr(error, "status", 0) == 503 and not wait
    ):
        wait = UNAVAILABLE_SECONDS
    if wait:
        found["Retry-After"] = str(max(1, round(wait)))
    return found


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler."""
    body = of(error)
    if body is None:
        return None
    if isinstance(error, errors.DomainError):
        _name_as_sent(body, getattr(context["view"], "operation", None))
    request = context["request"]
    response = Response(shaped(request.path, body), status=body["status"])
    for name, value in headers_of(error).items():
        response.headers[name] = value
    response.content_type = content_type(request.path)
    return response


def _name_as_sent(body: dict[str, Any], about: Any) -> None:
    """A verb names attributes of ours: `horizon` where the client wrote `horizon_days`."""
    if "errors" not in body or not getattr(about, "input", None):
        return
    sent = {field.source: name for name, field in about.input().fields.items()}
    for one in body["errors"]:
        first = re.split(r"[.\[]", one["field"], maxsplit=1)[0]
        one["field"] = sent.get(first, first) + one["field"].removeprefix(first)


def shaped(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The V2 protocol knows `{"error": "…"}` alone."""
    if path.startswith("/v2"):
        return {"error": f"{body['title']}: {body['detail']}"}
    return body


def content_type(path: str) -> str:
    return "application/json" if path.startswith("/v2") else MEDIA_TYPE


def respond(request: HttpRequest, error: Exception | dict[str, Any]) -> HttpResponse:
    """An error outside of DRF: a problem document for programs, a page for people."""
    body = of(error) if isinstance(error, Exception) else error
    body = body or plain(500, "Something broke here. It has been written down.")
    if speaks_json(request.path):
        response: HttpResponse = JsonResponse(
            shaped(request.path, body),
            status=body["status"],
            content_type=content_type(request.path),
        )
    else:
        # A project is set once it is known that who asks may see it. Where the database
        # failed, it cannot be asked for what stands round the page either.
        down = isinstance(error, InterfaceError | OperationalError)
        sound = not down and body["status"] != BROKEN
        if down and not hasattr(request, "_cached_user"):
            request.user = AnonymousUser()  # nobody can be looked up now
        project = getattr(request, "project", None) if sound else None
        context = {"problem": body, "project": project}
        response = render(request, "problem.html", context, status=body["status"])
    if isinstance(error, Exception):
        for name, value in headers_of(error).items():
            response.headers[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`."""
    return respond(request, of(exception) or plain(400, "The request is malformed."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    return respond(request, plain(403, str(exception) or "You may not do this."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """`handler404`."""
    return respond(request, plain(404, "There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`."""
    return respond(
        request, plain(500, "Something broke here. It has been written down.")
    )
