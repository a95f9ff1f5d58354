"""System checks: no address without rules, no rule without a method, no method that
the schema does not describe."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register

from registry.actors import INCLUDES, LEAST_ROLE
from registry.web import routes
from registry.web.access import MEMBER, Rule
from registry.web.routes import Route


@register()
def every_address_has_rules(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(f"{route.path}: {problem}", hint=hint, id=f"registry.E{number:03}")
        for route in routes.walk()
        if not route.guarded_elsewhere
        for number, problem, hint in _problems(route)
    ]


def _problems(route: Route) -> Iterator[tuple[int, str, str]]:
    if route.access is None:
        yield (
            1,
            "nobody is told who may use it.",
            "Use @project_page or @house_page, or give the endpoint an `access`.",
        )
        return
    for method, rule in route.access.items():
        if problem := _unreachable(rule):
            yield 2, f"{method}: {problem}", "See LEAST_ROLE in registry/actors.py."
        if isinstance(route.view, type):
            yield from _undescribed(route.view, method)


def _unreachable(rule: Rule) -> str:
    """A key whose service user has the scope's least role must get in."""
    if not {MEMBER, "user"}.isdisjoint(rule.roles):
        return ""
    for scope in rule.scopes:
        least = LEAST_ROLE[scope]
        if scope != "manage" and INCLUDES[least].isdisjoint(rule.roles):
            return f"no key with scope {scope} may, its service user is a {least}."
    return ""


def _undescribed(view: type, method: str) -> Iterator[tuple[int, str, str]]:
    handler = getattr(view, method.lower(), None)
    if handler is None:
        yield 3, f"{method} has a rule and no handler.", "Remove the line."
    elif not hasattr(handler, "operation"):
        yield 4, f"{method} is not described.", "Decorate it with @operation(…)."
    elif _creates(method, handler) and not getattr(handler, "idempotent", False):
        hint = (
            "Decorate it with @idempotent, under @operation; where it writes no row, "
            "say creates=False."
        )
        yield 5, "POST ignores Idempotency-Key.", hint


def _creates(method: str, handler: Any) -> bool:
    return method == "POST" and handler.operation.creates
