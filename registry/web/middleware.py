"""In front of every view: one spelling of an address, sane headers, and nothing that
forgot its rules."""

import logging
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from registry.errors import DomainError, no_room
from registry.web import problems, routes

logger = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponse]

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
KEEPS_ITS_SLASH = ("/admin", settings.STATIC_URL)


class Addresses:
    """Both spellings of an address answer, with and without the slash at its end."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        query = request.META.get("QUERY_STRING", "")
        if CONTROL.search(path) or "%00" in query:
            return problems.respond(
                request, problems.plain(400, "The address holds a control character.")
            )
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get(
            "CONTENT_LENGTH"
        ):
            return problems.respond(
                request, problems.plain(411, "Send a Content-Length.")
            )
        if path.endswith("/") and path != "/" and not path.startswith(KEEPS_ITS_SLASH):
            bare = path.rstrip("/") or "/"
            request.path_info = bare
            request.path = request.path.removesuffix(path) + bare
        return self.get_response(request)


class Doorkeeper:
    """A view without rules does not exist; nothing private is kept by caches."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        match = request.resolver_match
        spaces = match.namespaces if match else []
        if not routes.GUARDED_NAMESPACES.isdisjoint(spaces):
            return None
        if routes.access_of(view) is None:
            logger.error("%s has no access rules, so it is closed", request.path)
            return problems.not_found(request)
        return None

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        """What a page raised outside of its own handling; endpoints have DRF's."""
        known = isinstance(error, (DomainError, OperationalError, InterfaceError))
        if known or no_room(error):
            return problems.respond(request, error)
        return None
