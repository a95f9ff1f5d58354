"""What every page is built on: `@project_page("viewer", POST="owner")`.

    @project_page("viewer", POST="owner")
    def models(request: PageRequest, project: Project) -> HttpResponse: ...

The view gets the project itself; `request.actor` and `request.project` are set.
"""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from registry.actors import Actor
from registry.errors import DomainError, InvalidInput
from registry.models import Project, User
from registry.web import access, late_forms, problems
from registry.web.access import Access, Rule, allow


class PageRequest(HttpRequest):
    """What views of pages get: an HttpRequest, and who asks in which project."""

    actor: Actor
    project: Project | None


View = Callable[..., HttpResponse]
Roles = str | tuple[str, ...]
LONGEST_NUMBER = 9  # digits; fits into 32 bits


def project_page(get: Roles = (), **methods: Roles) -> Callable[[View], View]:
    """A page of the project named by the path's `project`."""
    rules = _rules(get, methods)

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def page(request: Any, project: str, **kwargs: Any) -> HttpResponse:
            rule = rules.get(_method(request))
            if not request.user.is_authenticated:
                return sign_in_first(request)
            user: User = request.user
            request.project, request.actor = access.enter(
                slug=project,
                user=user,
                key=None,
                address=access.client_address(request),
            )
            if rule is None:
                return HttpResponseNotAllowed(list(rules))
            _check(rule, request)
            _check_form(request)
            return view(request, request.project, **kwargs)

        return _finish(page, rules)

    return decorate


def house_page(get: Roles = (), **methods: Roles) -> Callable[[View], View]:
    """A page outside of projects: "anyone", "user", "creator" or "staff"."""
    rules = _rules(get, methods)

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def page(request: Any, **kwargs: Any) -> HttpResponse:
            rule = rules.get(_method(request))
            public = any(each.public for each in rules.values())
            signed_in = request.user.is_authenticated
            if not signed_in and not (rule.public if rule else public):
                return sign_in_first(request)
            request.project = None
            request.actor = Actor(
                user=request.user if signed_in else None,
                address=access.client_address(request),
            )
            if rule is None:
                return HttpResponseNotAllowed(list(rules))
            if not rule.public:
                _check(rule, request)
            _check_form(request)
            return view(request, **kwargs)

        return _finish(page, rules)

    return decorate


def sign_in_first(request: Any) -> HttpResponse:
    """To the sign-in page and back; the whole page goes there, not a fragment. Of what
    somebody sent and is not stored, a page says so."""
    htmx = getattr(request, "htmx", None)
    wanted = htmx.current_url_abs_path if htmx else request.get_full_path()
    if request.method not in {"GET", "HEAD"}:
        if not htmx and late_forms.is_one(request):
            return late_forms.shown(request)
        if htmx or not late_forms.in_background(request):
            messages.warning(request, late_forms.SIGNED_OUT)
        wanted = wanted if htmx else late_forms.page_of(request)
    address = f"{reverse('sign-in')}?{urlencode({'next': wanted or '/'})}"
    if htmx:
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)


def onwards(request: Any, name: str, *parts: Any) -> HttpResponse:
    """To another page; a fragment that asked takes the whole page there."""
    address = reverse(name, args=parts)
    if getattr(request, "htmx", None):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def whole_number(text: str | None) -> int | None:
    """What a form or an address says, if it is a number a row can have."""
    found = (text or "").strip()
    plain = found.isascii() and found.isdigit() and len(found) <= LONGEST_NUMBER
    return int(found) if plain else None


def _check_form(request: Any) -> None:
    """No field of a form holds a NUL, which no database stores."""
    texts = (text for _, several in request.POST.lists() for text in several)
    if any("\x00" in text for text in texts):
        raise InvalidInput("A field holds a NUL character.")


def safe_next(request: HttpRequest) -> str:
    """Where to go on to: an address of this house, never somebody else's."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    local = wanted.startswith("/") and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts=None
    )
    return wanted if local else "/"


def _rules(get: Roles, methods: dict[str, Roles]) -> Access:
    wanted = {"GET": get, **methods} if get else methods
    return {
        method: allow(*((roles,) if isinstance(roles, str) else roles))
        for method, roles in wanted.items()
    }


def _method(request: HttpRequest) -> str:
    return "GET" if request.method == "HEAD" else str(request.method)


def _check(rule: Rule, request: Any) -> None:
    what = f"{request.method} {request.path}"
    access.check(rule, actor=request.actor, project=request.project, what=what)


def _finish(page: View, rules: Access) -> View:
    """Domain errors become pages, the rules stay readable, nothing is cached."""

    @functools.wraps(page)
    def finished(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            response = page(request, **kwargs)
        except DomainError as error:
            response = problems.respond(request, error)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response

    finished.access = rules  # type: ignore[attr-defined]
    return finished
