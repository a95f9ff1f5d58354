"""Component 5, Featurizer: the lengths of windows as parameters of a build.

A parameter is named after its window and unit, `route_delay.hours`. What comes before the
first window that is tuned is computed once for a build; only the rest for every length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from registry.definition_parts import Feature
from registry.featurizer import windows
from registry.featurizer.batch import Seen, compute_into, looked_up
from registry.featurizer.spec import Computed, Spec, chosen, with_lengths
from registry.models import Project
from registry.windows import Window

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd


def name_of(window: Window) -> str:
    return f"{window.name}.{window.length.unit}"


def is_length(parameter: str) -> bool:
    """Whether a trial's parameter is a window's length; a model's have no dot."""
    return "." in parameter


def space(project: Project, spec: Spec) -> dict[str, dict[str, Any]]:
    """What is tuned: by parameter the bounds, the scale and where it starts."""
    found = {}
    for window in tuned(project, spec):
        assert window.length.tune is not None
        low, high, scale = (*window.length.tune, "linear")[:3]
        found[name_of(window)] = {
            "low": low,
            "high": high,
            "log": scale == "log",
            "start": window.length.amount,
        }
    return found


def tuned(project: Project, spec: Spec) -> list[Window]:
    """The spec's windows whose length the builder may choose."""
    _, declared = chosen(project, spec)
    return [
        one
        for one in declared
        if isinstance(one, Window) and one.length.tune is not None
    ]


def at_lengths(
    project: Project, spec: Spec, params: Mapping[str, Any]
) -> dict[str, Any]:
    """The spec over the lengths that a trial's parameters name."""
    lengths = {
        window.name: window.length.of(params[name_of(window)])
        for window in tuned(project, spec)
        if name_of(window) in params
    }
    return with_lengths(spec, lengths)


def prepared(project: Project, spec: Spec, frame: pd.DataFrame) -> Seen:
    """A table with everything computed that no length changes."""
    seen = looked_up(project=project, features=spec, frame=frame)
    compute_into(project, seen, _parts(project, spec)[0], spec)
    return seen


def retuned(project: Project, spec: Spec, seen: Seen) -> pd.DataFrame:
    """The columns of features that lengths change, over the spec's."""
    rest = _parts(project, spec)[1]
    compute_into(project, seen, rest, spec)
    names = set(_names(rest))
    return seen.table[[f["name"] for f in spec["fields"] if f["name"] in names]]


def pruned(project: Project, spec: Spec, kept: Iterable[str]) -> dict[str, Any]:
    """The spec with these fields; a window goes that nothing reads any more: no kept
    field, and no feature that is declared after it."""
    names = set(kept)
    _, declared = chosen(project, spec)
    asked = spec.get("windows", {})
    needed = {}
    for place, one in enumerate(declared):
        later = any(isinstance(other, Feature) for other in declared[place:])
        if isinstance(one, Window) and (later or names & set(one.aggregates)):
            needed[one.name] = asked[one.name]
    fields = [field for field in spec["fields"] if field["name"] in names]
    return {**spec, "fields": fields, "windows": needed}


def facts_of(project: Project, spec: Spec, until: datetime | None) -> list[Any]:
    """What tells one state of the facts from another, as far as rows up to `until` see
    them: later ones change nothing for these rows."""
    streams = sorted({window["events"] for window in spec.get("windows", {}).values()})
    return [
        [stream, *windows.snapshot(project, stream, until=until)] for stream in streams
    ]


def newest(moments: pd.Series) -> datetime | None:
    """The last of a table's moments, if it has any."""
    known = moments.dropna()
    return None if known.empty else known.max().to_pydatetime()


def _parts(project: Project, spec: Spec) -> tuple[list[Computed], list[Computed]]:
    """What is computed before the first tuned window, and from there on."""
    _, declared = chosen(project, spec)
    names = {window.name for window in tuned(project, spec)}
    first = next(
        (place for place, one in enumerate(declared) if one.name in names),
        len(declared),
    )
    return declared[:first], declared[first:]


def _names(declared: Iterable[Computed]) -> Iterable[str]:
    for one in declared:
        if isinstance(one, Window):
            yield from one.aggregates
        else:
            yield one.name
