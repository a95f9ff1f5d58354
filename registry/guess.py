"""Registry: the schema and the task of a table nobody described. Pure.

In order: boolean, integer, numeric, datetime, image, categorical, text. What is all
distinct and short is an identifier: excluded, with a finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry import findings, frames, images
from registry.classes import class_key, class_name, find_class, spellings
from registry.errors import FieldError, InvalidInput
from registry.findings import Finding

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS = 20  # with a target
MOST_CLASSES = 1_000
INTEGER_CLASSES = 20  # integers with more values are a regression
FEW_CATEGORIES, MOST_CATEGORIES, CATEGORY_SHARE = 50, 1_000, 0.05
MOMENTS_SHARE = 0.99
POSITIVE = ("yes", "true", "1")
INTEGER = r"[+-]?(?:0|[1-9]\d{0,15})(?:\.0*)?"
NUMERIC = r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
ISO_DAY = r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d.*)?"


@dataclass(frozen=True)
class Guess:
    """What a table is about: enough to make a project of it."""

    task: str
    fields: list[dict[str, Any]]
    classes: list[str] = field(default_factory=list)
    positive_class: str = ""
    findings: list[Finding] = field(default_factory=list)


def of_table(
    frame: pd.DataFrame,
    *,
    target: str,
    task: str = "",
    positive: str = "",
    apart: Sequence[str] = (),
    told: Mapping[str, Mapping[str, Any]] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Guess:
    """Task, classes and input fields; `apart` are columns that are no inputs, such as
    time and group; what is `told` of a field is not guessed, nor are known kinds."""
    about = of_target(frame, target=target, task=task, positive=positive, apart=apart)
    inputs, found = [], []
    for name in frame.columns:
        if name == target or name in apart:
            continue
        known = (told or {}).get(name, {})
        kind = known.get("kind") or (kinds or {}).get(name, "")
        described, finding = field_of(name, frame[name], kind=kind)
        if finding:
            found.append(finding)
        if not (finding and finding.drop) or known:
            inputs.append({**described, **known})
    if not inputs:
        raise InvalidInput(
            nothing_left(target, list(frame.columns)),
            errors=[FieldError(finding.column, finding.text) for finding in found],
        )
    return Guess(about.task, inputs, about.classes, about.positive_class, found)


def nothing_left(target: str, columns: Sequence[str]) -> str:
    """That no column is an input, and what may be wrong with these columns."""
    return f"No column is left to predict {target} from. {_which_columns(columns)}"


def of_target(
    frame: pd.DataFrame,
    *,
    target: str,
    task: str = "",
    positive: str = "",
    apart: Sequence[str] = (),
) -> Guess:
    """Task and classes alone: what the target's own column tells."""
    truth = _truth(frame, target, apart)
    task = task or task_of(truth)
    classes = _classes(truth, task, target)
    chosen = _positive(classes, truth, target, positive) if task == "binary" else ""
    if chosen:  # the probability of the positive class comes second
        classes = [c for c in classes if c != chosen] + [chosen]
    return Guess(task, [], classes, chosen)


def _truth(frame: pd.DataFrame, target: str, apart: Sequence[str]) -> pd.Series:
    """The target where it is known, if there is enough to learn from."""
    for name in (target, *apart):
        if name not in frame:
            raise InvalidInput(
                f"The table has no column {name}. {_which_columns(frame.columns)}",
                errors=[FieldError(name, _which_columns(frame.columns))],
            )
    truth = frame[target][~frames.missing(frame[target])]
    if len(truth) < FEWEST_ROWS:
        raise _refused(
            target,
            f"{len(truth)} rows have a value of {target}: "
            f"at least {FEWEST_ROWS} are needed.",
        )
    if truth.nunique() < 2:
        raise _refused(
            target, f"{target} is {truth.iloc[0]} in every row: nothing to learn."
        )
    return truth


def field_of(
    name: str, values: pd.Series, *, kind: str = ""
) -> tuple[dict[str, Any], Finding | None]:
    """One column as a field, and why it should be left out, if it should."""
    kind = kind or kind_of(values)
    typed = frames.convert(values, kind)
    described: dict[str, Any] = {"name": name, "kind": kind}
    if kind == "categorical":
        described["categories"] = sorted(typed.dropna().unique())
    return described, findings.of_column(name, kind, typed)


def kind_of(values: pd.Series) -> str:
    """The kind of a column of any type."""
    import pandas as pd

    present = values[~frames.missing(values)]
    if present.empty:
        return "categorical"
    if pd.api.types.is_bool_dtype(present.dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return "datetime"
    if pd.api.types.is_numeric_dtype(present.dtype):
        fits = not frames.convert(present, "integer").isna().any()
        return "integer" if fits else "numeric"
    return _kind_of_text(frames.convert(present, "text"))


def _kind_of_text(text: pd.Series) -> str:
    values = text.drop_duplicates()
    if values.str.lower().isin(["true", "false", "yes", "no"]).all():
        return "boolean"
    if values.str.fullmatch(INTEGER).all() and _converts(values, "integer"):
        return "integer"
    if values.str.fullmatch(NUMERIC).all() and _converts(values, "numeric"):
        return "numeric"
    if _are_moments(text):
        return "datetime"
    if all(images.format_of(value) for value in values.head(100)):
        return "image"
    most = min(MOST_CATEGORIES, CATEGORY_SHARE * len(text))
    few = len(values) <= max(FEW_CATEGORIES, most)
    return "categorical" if few and values.str.len().max() <= 1_000 else "text"


def _converts(values: pd.Series, kind: str) -> bool:
    return not frames.convert(values, kind).isna().any()


def _are_moments(text: pd.Series) -> bool:
    shaped = text.str.fullmatch(ISO_DAY)
    if shaped.mean() < MOMENTS_SHARE:
        return False
    return bool(frames.convert(text, "datetime").notna().mean() >= MOMENTS_SHARE)


def task_of(truth: pd.Series) -> str:
    """binary, multiclass or regression, by the target's values without missing ones."""
    distinct = len({class_key(value) for value in truth.unique().tolist()})
    if distinct == 2:
        return "binary"
    kind = kind_of(truth)
    if kind == "numeric" or (kind == "integer" and distinct > INTEGER_CLASSES):
        return "regression"
    return "multiclass"


def _classes(truth: pd.Series, task: str, target: str) -> list[str]:
    if task == "regression":
        if kind_of(truth) not in {"numeric", "integer"}:
            raise _refused(target, f"{target} holds text: a regression needs numbers.")
        return []
    names = sorted(spellings(_counts(truth)).values(), key=_by_number)
    if len(names) < 2:
        raise _refused(
            target, f"{target} is {names[0]} in every row: nothing to learn."
        )
    if task == "binary" and len(names) != 2:
        raise _refused(target, f"{target} has {len(names)} values, not two.")
    if len(names) > MOST_CLASSES or len(names) == len(truth):
        raise _refused(
            target,
            f"{target} has {len(names)} classes in {len(truth)} rows, at most "
            f"{MOST_CLASSES} are possible: is it an identifier, or a number?",
        )
    return names


def _by_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name


def _positive(classes: list[str], truth: pd.Series, target: str, given: str) -> str:
    """The given one; yes, true, 1 or the target's own name; else the rarer."""
    if given:
        if (named := find_class(classes, given)) is None:
            raise _refused(target, f"{given} is no class: {', '.join(classes)}.")
        return named
    for word in (*POSITIVE, target.lower()):
        for name in classes:
            if class_key(name).lower() == word:
                return name
    counts = counts_of(truth, classes)
    return min(reversed(classes), key=counts.__getitem__)


def counts_of(truth: pd.Series, classes: Sequence[str]) -> dict[str, int]:
    """How often each class occurs, however it is spelt."""
    counts = dict.fromkeys(classes, 0)
    for name, n in _counts(truth).items():
        if (named := find_class(classes, name)) is not None:
            counts[named] += n
    return counts


def _counts(truth: pd.Series) -> dict[str, int]:
    return {name: int(n) for name, n in truth.map(class_name).value_counts().items()}


def _refused(column: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[FieldError(column, message)])


def _which_columns(columns: Sequence[str]) -> str:
    names = [str(name) for name in columns[:20]]
    if len(names) == 1:
        return (
            f"Its one column is {names[0][:200]!r}: is the delimiter a comma, "
            "semicolon, tab or |?"
        )
    return f"Its columns: {', '.join(names)}{', …' if len(columns) > 20 else ''}."
