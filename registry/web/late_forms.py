"""A form that came too late: its session or its token is over, so nothing of it is stored.
Its page says so, leads back, and shows what was typed."""

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from registry.web import problems

EXPIRED = "The form has expired, or cookies are off. Load the page again."
SIGNED_OUT = (
    "You are signed out: what you sent is not stored. Sign in and send it again."
)
WITHOUT_SECRETS = ("/p/", "/new/")  # pages whose forms ask for no password
OURS = {"csrfmiddlewaretoken", "revision", "do", "next"}
MOST_FIELDS, MOST_CHARACTERS = 50, 10_000  # shown again


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`."""
    problem = problems.plain(403, EXPIRED)
    if problems.speaks_json(request.path):
        return problems.respond(request, problem)
    if request.headers.get("HX-Request"):  # the page that sent it says it
        return JsonResponse(problem, status=403, content_type=problems.MEDIA_TYPE)
    return shown(request)


def shown(request: HttpRequest) -> HttpResponse:
    """The page with what was typed."""
    context = {"page": page_of(request), "typed": _typed(request)}
    return render(request, "late_form.html", context, status=403)


def is_one(request: HttpRequest) -> bool:
    """Whether somebody sent a form whose fields may be shown again."""
    return request.path.startswith(WITHOUT_SECRETS) and not in_background(request)


def in_background(request: HttpRequest) -> bool:
    """Whether a script sent it, and sees to the answer itself: browsers say so."""
    return request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"


def page_of(request: HttpRequest) -> str:
    """The page of this house that a form was on; the first one where nobody says."""
    told = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, allowed_hosts={request.get_host()}):
        return "/"
    parts = urlsplit(told)
    query = f"?{parts.query}" if parts.query else ""
    return f"/{parts.path.lstrip('/')}{query}"  # //host would be another house


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """Fields and what was in them, to be copied: sent again by a button, anybody's page
    could send them."""
    if not request.path.startswith(WITHOUT_SECRETS):
        return []
    found: list[tuple[str, Any]] = [
        (name, text[:MOST_CHARACTERS])
        for name, several in request.POST.lists()
        for text in several
        if name not in OURS and isinstance(text, str) and text.strip()
    ]
    return found[:MOST_FIELDS]
