"""Component 5, Featurizer: what a feature may see of one prediction, in rows and in
frames: inputs, what look-ups fill in, the entity's columns, and `at`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from registry.frames import dtype_of
from registry.guarded import FAILED, Guarded
from registry.identifiers import entity_parts
from registry.models import Project
from registry.schema import STRINGS, check_value

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def entity_columns(project: Project, entity: object) -> Row:
    """The entity's columns: of one column it is the bare value, of several an object,
    or the canonical JSON that predictions are stored with."""
    columns = project.entity
    if entity is None or entity == "" or not columns:
        return {}
    if isinstance(entity, Mapping):
        return {name: entity.get(name) for name in columns}
    return entity_parts(columns, str(entity))


def frame_context(project: Project, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns a feature may see of a table, typed; what is not there is missing."""
    import pandas as pd

    columns = {}
    for name, kind in context_kinds(project).items():
        source = project.time_column if name == "at" and name not in frame else name
        columns[name] = (
            frame[source].reset_index(drop=True).astype(dtype_of(kind))
            if source in frame
            else pd.Series(None, index=pd.RangeIndex(len(frame)), dtype=dtype_of(kind))
        )
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def context_kinds(project: Project) -> dict[str, str]:
    """The name and kind of everything a feature may see, but look-ups' own."""
    kinds = {"at": "datetime"}
    kinds |= dict.fromkeys(project.entity, "categorical")
    return kinds | {field["name"]: field["kind"] for field in project.fields}


def call(guarded: Guarded, kind: str, row: Row) -> Any:
    """A declared feature's answer of its kind; None where it failed or makes no sense."""
    answer = guarded(row)
    if answer is FAILED or answer is None:
        return None
    try:
        return as_kind(kind, answer)
    except (TypeError, ValueError) as error:
        guarded.reject(answer, str(error), row)
        return None


def as_kind(kind: str, answer: Any) -> Any:
    """numpy's scalars, NaN and truth values as the kind wants them."""
    if hasattr(answer, "item"):
        answer = answer.item()
    if answer is None or answer != answer:  # NaN
        return None
    if kind in STRINGS:
        return check_value({"kind": kind}, str(answer))
    if kind in {"numeric", "integer"} and isinstance(answer, bool):
        answer = int(answer)
    if kind == "boolean" and answer in {0, 1}:
        answer = bool(answer)
    return check_value({"kind": kind}, answer)


def moments(at: Sequence[datetime] | datetime | None, n: int) -> list[datetime | None]:
    """One moment a row."""
    if at is None or isinstance(at, datetime):
        return [at] * n
    return list(at)
