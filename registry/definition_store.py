"""Registry: the definitions of this process, and their traces in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.errors import NotFound
from registry.models import Project


def definition_of(project: Project) -> Any | None:
    """The definition a project was declared by, or None."""
    return None


def declared(project: Project) -> dict[str, str]:
    """What code declares of a project: the attribute, and where ("module, line 12")."""
    return {}


def own_metrics(project: Project) -> list[str]:
    """The keys of metrics the project's definition adds."""
    return []


def baseline_function(function: str) -> Callable[[dict[str, Any]], Any]:
    """The function of a declared baseline, by "module:name"."""
    raise NotFound(f"No definition declares {function}.")
