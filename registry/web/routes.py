"""Every address there is, with who may use it: for the doorkeeper, checks and tests."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from registry.web.access import Access

PART = re.compile(r"<(?:(\w+):)?(\w+)>")  # of a path: <int:number>

# Guarded by Django itself: is_staff, and our sign-in page.
GUARDED_NAMESPACES = frozenset({"admin"})


@dataclass(frozen=True)
class Route:
    path: str  # "/api/v1/projects/<slug:project>/keys"
    name: str
    callback: Callable[..., Any]
    namespaces: tuple[str, ...]

    @property
    def access(self) -> Access | None:
        return access_of(self.callback)

    @property
    def view(self) -> Any:
        """The class of an endpoint, or the function of a page."""
        return getattr(self.callback, "cls", self.callback)

    @property
    def guarded_elsewhere(self) -> bool:
        return not GUARDED_NAMESPACES.isdisjoint(self.namespaces)


def access_of(callback: Callable[..., Any]) -> Access | None:
    """The rules of a page or an endpoint; None where somebody forgot them."""
    found = getattr(callback, "access", None)
    if found is None:
        found = getattr(getattr(callback, "cls", None), "access", None)
    return found or None


def walk() -> Iterator[Route]:
    """All routes of the root URLconf."""
    yield from _walk(get_resolver().url_patterns, "/", ())


def _walk(
    patterns: list[URLPattern | URLResolver], prefix: str, spaces: tuple[str, ...]
) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from _walk(pattern.url_patterns, path, inner)
        else:
            yield Route(path, pattern.name or "", pattern.callback, spaces)
