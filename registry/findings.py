"""Registry: what is suspicious about a table, in words an owner understands. Pure.

Columns are judged on training and validation rows together; the truth of test rows is
only counted by class, before it is sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from registry.schema import NUMBERS
from registry.written import percent, whole

if TYPE_CHECKING:
    import pandas as pd

LONGEST_IDENTIFIER = 40  # characters, and at most three words
IDENTIFIERS_FROM = 20  # values; fewer may be distinct by chance
MOSTLY = 0.5
MANY_CATEGORIES = 1_000
RARE_CLASS = 10
LEAK = 0.999  # of the rows are told by one column alone
LEAK_BASE = 0.98  # a target more lopsided than this tells nothing about leaks
LEAK_VALUES = 50
DECIMAL_COMMA = r"[+-]?\d+,\d+"


@dataclass(frozen=True)
class Finding:
    """One suspicion. `drop`: the column should be no input, whoever decides."""

    column: str  # "" is the whole table
    rule: str
    level: str  # info, warning, error
    text: str
    drop: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def of_table(
    *,
    columns: Sequence[Mapping[str, Any]],
    frame: pd.DataFrame,
    target: pd.Series,
    parts: pd.Series,
    task: str,
) -> list[dict[str, Any]]:
    """Everything found in a conforming table, as kept in `Dataset.findings`."""
    seen = (parts != "test").to_numpy()
    inputs = [c for c in columns if c["role"] == "input"]
    found: list[Finding] = []
    for column in columns:
        if column["role"] in {"input", "excluded"}:
            values = frame.loc[seen, column["name"]]
            finding = of_column(column["name"], column["kind"], values)
            found += [finding] if finding else []
    found += _duplicate_columns(inputs, frame[seen])
    for column in inputs:
        values = frame.loc[seen, column["name"]]
        if finding := leaking(
            column["name"], column["kind"], values, target[seen], task
        ):
            found.append(finding)
    found += _of_rows(inputs, frame, parts)
    found += _of_parts(target, parts, task)
    return [finding.as_json() for finding in found]


def of_column(name: str, kind: str, values: pd.Series) -> Finding | None:
    """The gravest thing to say of one column alone."""
    present = values.dropna()
    if present.empty:
        return Finding(name, "all_missing", "warning", "No row has a value.", drop=True)
    return _useless(name, kind, values, present) or _odd(name, kind, values, present)


def _useless(
    name: str, kind: str, values: pd.Series, present: pd.Series
) -> Finding | None:
    distinct = present.nunique()
    if distinct == 1 and len(present) == len(values):
        text = f"Every row has the same value, {_as_read(present.iloc[0])}."
        return Finding(name, "constant", "warning", text, drop=True)
    if _is_identifier(kind, present, distinct):
        text = "Every row has another value: an identifier, nothing to learn from."
        return Finding(name, "identifier", "warning", text, drop=True)
    return None


def _as_read(value: Any) -> str:
    """A value as the table has it: whole numbers are floats only where some miss."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)[:60]


def _odd(name: str, kind: str, values: pd.Series, present: pd.Series) -> Finding | None:
    distinct = present.nunique()
    if kind in {"categorical", "text"} and _have_decimal_commas(present):
        text = "These look like numbers with a decimal comma: write a point."
        return Finding(name, "decimal_comma", "warning", text)
    if kind == "categorical" and distinct > MANY_CATEGORIES:
        text = f"{whole(distinct)} categories: most are too rare to learn from."
        return Finding(name, "many_categories", "warning", text)
    if kind == "text" and present.str.len().max() <= LONGEST_IDENTIFIER:
        text = f"{whole(distinct)} different short values: read as text, not as categories."
        return Finding(name, "many_categories", "info", text)
    if (share := 1 - len(present) / len(values)) > MOSTLY:
        return Finding(name, "mostly_missing", "info", f"{percent(share)} are missing.")
    return None


def _is_identifier(kind: str, present: pd.Series, distinct: int) -> bool:
    if distinct < len(present) or distinct < IDENTIFIERS_FROM:
        return False
    if kind == "integer":
        return True
    if kind not in {"categorical", "text"}:
        return False
    short = present.str.len().max() <= LONGEST_IDENTIFIER
    if not short or present.str.count(r"\s").max() > 2:
        return False
    return not _have_decimal_commas(present)  # amounts differ in every row, too


def _have_decimal_commas(present: pd.Series) -> bool:
    return bool(present.str.fullmatch(DECIMAL_COMMA).all())


def leaking(
    name: str, kind: str, values: pd.Series, target: pd.Series, task: str
) -> Finding | None:
    """Whether one column alone tells the target, as something known only afterwards."""
    share = _told_by(kind, values, target, task)
    if share < LEAK:
        return None
    text = (
        f"It alone tells {percent(share, 1)} of the target. If it is known only after the "
        "moment of prediction, exclude it."
    )
    return Finding(name, "leaking", "error", text)


def _told_by(kind: str, values: pd.Series, target: pd.Series, task: str) -> float:
    """From 0 to 1: how far the target follows from this column, at best."""
    if len(values) < IDENTIFIERS_FROM or kind in {"text", "image"}:
        return 0.0
    groups = _grouped(kind, values)
    if task == "regression":
        told = _explained(groups, target)
        if kind in NUMBERS and values.nunique() > LEAK_VALUES:
            rank = values.corr(target, method="spearman")
            told = max(told, abs(rank) if rank == rank else 0.0)
        return told
    if target.value_counts(normalize=True).max() > LEAK_BASE:
        return 0.0
    counts = target.groupby([groups, target]).size()
    return float(counts.groupby(level=0).max().sum() / len(target))


def _grouped(kind: str, values: pd.Series) -> pd.Series:
    """Values as at most some groups, the missing ones as one of them."""
    import pandas as pd

    if values.nunique() <= LEAK_VALUES:
        return values.astype("str").fillna("")
    if kind in {*NUMBERS, "datetime"}:
        bins = pd.qcut(values, LEAK_VALUES, labels=False, duplicates="drop")
        return bins.fillna(-1)
    return values.isna()


def _explained(groups: pd.Series, target: pd.Series) -> float:
    """The share of the target's variance between groups (1 if they tell it exactly)."""
    total = ((target - target.mean()) ** 2).sum()
    rest = ((target - target.groupby(groups).transform("mean")) ** 2).sum()
    return float(1 - rest / total) if total > 0 else 0.0


def _duplicate_columns(
    columns: Sequence[Mapping[str, Any]], frame: pd.DataFrame
) -> Iterator[Finding]:
    first: dict[tuple[str, int], str] = {}
    import pandas as pd

    for column in columns:
        name = column["name"]
        hashes = pd.util.hash_pandas_object(frame[name], index=False)
        known = first.setdefault((str(frame[name].dtype), hash(tuple(hashes))), name)
        if known != name and frame[name].equals(frame[known].rename(name)):
            text = f"The same values as {known} in every row."
            yield Finding(name, "duplicate", "warning", text, drop=True)


def _of_rows(
    columns: Sequence[Mapping[str, Any]], frame: pd.DataFrame, parts: pd.Series
) -> Iterator[Finding]:
    import pandas as pd

    names = [column["name"] for column in columns]
    hashes = pd.util.hash_pandas_object(frame[names], index=False)
    repeated = int(hashes[parts != "test"].duplicated().sum())
    if repeated:
        share = repeated / max(int((parts != "test").sum()), 1)
        text = f"{whole(repeated)} rows ({percent(share, 1)}) repeat the inputs of another row."
        yield Finding("", "duplicate_rows", "info", text)
    test = hashes[parts == "test"]
    if both := int(test.isin(hashes[parts == "training"]).sum()):
        text = f"{whole(both)} of {whole(len(test))} test rows have the inputs of a training row."
        yield Finding("", "overlap", "warning", text)


def _of_parts(target: pd.Series, parts: pd.Series, task: str) -> Iterator[Finding]:
    """A part without rows, or without a class, cannot do its work."""
    for part in ("training", "validation", "test"):
        truth = target[parts == part]
        if truth.empty:
            yield Finding("", "empty_part", "warning", f"No row is for {part}.")
        elif task != "regression":
            lacking = sorted(set(target.unique()) - set(truth.unique()))
            if lacking:
                few = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
                text = f"The {part} rows have no {few}."
                yield Finding("", "part_lacks_class", "warning", text)
    if task != "regression":
        counts = target.value_counts()
        for name, count in counts[counts < RARE_CLASS].head(20).items():
            text = f"Only {count} rows are {name}: too few to learn or judge it."
            yield Finding("", "rare_class", "warning", text)
