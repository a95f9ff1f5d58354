"""Registry: the definitions of this process, read from modules once, at its start.

Those of MLSYSTEM_DEFINITIONS, then the examples; an example makes no project, it counts
for the one that is in the database (`manage.py demo` puts it there).
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from django.conf import settings

from registry.definitions import DefinitionError
from registry.definitions import Project as Definition
from registry.errors import DomainError, NotFound
from registry.models import Project

logger = logging.getLogger(__name__)

_loaded: dict[str, dict[str, Definition]] = {}  # by module, by slug
_hashes: dict[str, str] = {}  # by module: of the text it was loaded from
_broken: dict[str, str] = {}  # by module: what is wrong; a new process tries again


class DefinitionBroken(DomainError):
    """A module that should declare a project cannot be read."""

    status = 503
    title = "A project definition is broken"
    permanent = True


def modules() -> list[str]:
    """The modules whose definitions count."""
    return list(dict.fromkeys([*settings.MLSYSTEM_DEFINITIONS, *examples()]))


@cache
def examples() -> list[str]:
    """The modules of the example package."""
    package = importlib.import_module(settings.EXAMPLE_DEFINITIONS)
    found = pkgutil.iter_modules(package.__path__)
    return sorted(f"{package.__name__}.{module.name}" for module in found)


def load(module: str) -> dict[str, Definition]:
    """The definitions of a module, by slug. Raises DefinitionBroken with the line."""
    if module in _broken:
        raise DefinitionBroken(_broken[module])
    if module not in _loaded:
        try:
            imported = importlib.import_module(module)
        except Exception as error:  # the boundary of a declared function
            logger.exception("definition module %s cannot be read", module)
            _broken[module] = _told(module, error)
            raise DefinitionBroken(_broken[module]) from error
        found = [
            value
            for value in vars(imported).values()
            if isinstance(value, Definition) and value.module == module
        ]
        _loaded[module] = {definition.slug: definition for definition in found}
        for definition in found:
            _hashes[module] = sha256(definition.path.read_bytes()).hexdigest()
    return _loaded[module]


def load_all() -> list[str]:
    """Read every module at the start of a process; what is wrong is told, not raised."""
    problems = []
    for module in modules():
        try:
            load(module)
        except DefinitionBroken as error:
            problems.append(error.detail)
    return problems


def find(slug: str) -> Definition | None:
    """The definition of that slug in any module that counts. DefinitionBroken only where
    no module declares it: a broken one might have."""
    broken = []
    for module in modules():
        try:
            if definition := load(module).get(slug):
                return definition
        except DefinitionBroken as error:
            broken.append(error.detail)
    if broken:
        raise DefinitionBroken("; ".join(broken))
    return None


def definition_of(project: Project) -> Definition | None:
    """The definition a project was declared by, or None. A module that no longer
    counts, or no longer declares it, declares nothing."""
    if not project.definition or project.definition not in modules():
        return None
    return load(project.definition).get(project.slug)


def content_hash(definition: Definition) -> str:
    """The SHA-256 of the module's text as this process read it: what a change of code
    is known by."""
    return _hashes[definition.module]


def declared(project: Project) -> dict[str, str]:
    """What code declares of a project: the attribute, and where ("module, line 12")."""
    definition = definition_of(project)
    if definition is None:
        return {}
    return {name: definition.place(line) for name, line in definition.lines.items()}


def function_path(definition: Definition, name: str) -> str:
    """How a model version names the function of a declared baseline."""
    return f"{definition.module}:{definition.slug}/{name}"


def baseline_function(function: str) -> Callable[[Mapping[str, Any]], Any]:
    """The function of a declared baseline, by "module:slug/name"."""
    module, _, name = function.partition(":")
    slug, _, name = name.partition("/")
    if module in modules() and (definition := load(module).get(slug)):
        for baseline in definition.baselines:
            if baseline.name == name and baseline.function is not None:
                return baseline.function
    raise NotFound(f"No definition declares {function} any more.")


def _told(module: str, error: Exception) -> str:
    if isinstance(error, DefinitionError):
        return str(error)  # it names its place itself
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith(module.replace(".", "/") + ".py")
    ]
    line = getattr(error, "lineno", None) or (own[-1].lineno if own else None)
    place = f"{module}, line {line}" if line else module
    return f"{place}: {type(error).__name__}: {error}"
