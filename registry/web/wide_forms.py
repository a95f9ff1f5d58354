"""Forms of thousands of fields, for those who may send them; of everybody else a form is
refused before it is taken apart, which costs a second for 200 000 fields."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.request import UnreadablePostError

from registry.actors import Actor
from registry.errors import NotFound
from registry.web import access, routes

FORM = "application/x-www-form-urlencoded"
View = TypeVar("View", bound=Callable[..., HttpResponse])


def wide_form(most: int) -> Callable[[View], View]:
    """Above a page whose form has up to `most` fields, for the roles of its POST."""

    def decorate(page: View) -> View:
        page.most_fields = most  # type: ignore[attr-defined]
        return page

    return decorate


class WideForms:
    """In front of the check against forgery, which reads the whole form for its token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> None:
        most = getattr(view, "most_fields", 0)
        form = request.method == "POST" and request.content_type == FORM
        if not (most and form and _may_post(request, view, kwargs)):
            return
        found = QueryDict(mutable=True)
        try:
            pairs = parse_qsl(
                request.body.decode(), keep_blank_values=True, max_num_fields=most
            )
        except (ValueError, UnreadablePostError):
            return  # refused with every other form, a moment later
        for name, value in pairs:
            found.appendlist(name, value)
        request.POST = found  # type: ignore[assignment]


def _may_post(request: HttpRequest, view: Any, kwargs: dict[str, Any]) -> bool:
    rule = (routes.access_of(view) or {}).get("POST")
    if rule is None or not request.user.is_authenticated:
        return False
    if "project" not in kwargs:
        return access.may(rule, actor=Actor(user=request.user))
    try:
        _, actor = access.enter(
            slug=kwargs["project"], user=request.user, key=None, address=None
        )
    except NotFound:
        return False
    return access.may(rule, actor=actor)
