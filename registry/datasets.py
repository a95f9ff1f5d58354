"""Registry: immutable dataset versions, each with its parts fixed and its test truth
sealed when it is registered."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import IntegrityError, transaction

from registry import findings, frames, guess, profile, seal, splits, storage
from registry.classes import find_class
from registry.errors import FieldError, InvalidInput
from registry.findings import Finding
from registry.guess import FEWEST_ROWS, MOMENTS_SHARE
from registry.models import Dataset, Project, Split, User
from registry.schema import Field
from registry.splits import PARTS, Cuts

if TYPE_CHECKING:
    import pandas as pd

ROW_GROUP = 20_000  # rows: a page of rows reads no more than that
PART, PLACE = "__part__", "__row__"  # columns of the stored files, never of a frame


def register_dataset(
    *,
    project: Project,
    frame: pd.DataFrame,
    name: str,
    lineage: dict[str, Any] | None = None,
    by: User | None = None,
    train_only: pd.Series | None = None,
) -> Dataset:
    """A new dataset version from a table of any types (`registry.tables` reads files).

    Rows without a target are left out and counted. Values that do not fit the schema
    refuse the whole table: nothing is imported half. `train_only` marks rows of the
    frame that neither validate nor test, whatever their part would be.
    """
    dataset, split = prepare(
        project=project, frame=frame, lineage=lineage, train_only=train_only
    )
    dataset.name, dataset.created_by = name[:120], by
    return write_rows(dataset, split)


def prepare(
    *,
    project: Project,
    frame: pd.DataFrame,
    lineage: dict[str, Any] | None = None,
    train_only: pd.Series | None = None,
) -> tuple[Dataset, Split]:
    """The files of a dataset, and its rows not yet in the database: the project may
    not be there itself."""
    columns = columns_of(project, frame)
    table, told = _conforming(project, columns, frame)
    target = _target(project, table.pop(project.target))
    split, parts = assign_parts(project, columns, table)
    if train_only is not None:
        known = ~frames.missing(frame[project.target]).to_numpy()
        parts[train_only.to_numpy()[known]] = "training"
    judged = findings.of_table(
        columns=columns, frame=table, target=target, parts=parts, task=project.task
    )
    seen = parts != "test"
    dataset = Dataset(
        project=project,
        rows=len(table),
        columns=[*columns, target_column(project)],
        findings=[*told.pop("findings"), *judged],
        lineage={**(lineage or {}), **told},
        profile=profile.of_table(
            [*columns, target_column(project)],
            table[seen].assign(**{project.target: target[seen]}),
        ),
    )
    _store_files(dataset, split, table, target, parts)
    return dataset, split


def check(*, project: Project, frame: pd.DataFrame) -> None:
    """Refuse a table that `register_dataset` would refuse; nothing is stored."""
    table, _ = _conforming(project, columns_of(project, frame), frame)
    _target(project, table[project.target])


def columns_of(project: Project, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The columns of a table but the target, each with kind and role."""
    fields = {field["name"]: field for field in project.fields}
    if project.target not in frame:
        raise _no_column(project.target, "the target")
    for field in project.fields:
        if field["name"] not in frame:
            raise _no_column(field["name"], "an input of this project")
    columns = []
    for name in frame.columns:
        if name == project.target:
            continue
        if name in {PART, PLACE}:
            raise InvalidInput(f"{name} is a name of ours: rename this column.")
        role = role_of(project, name)
        field = fields.get(name) or {"name": name, "kind": _KINDS.get(role)}
        if field["kind"] is None:
            field = {"name": name, "kind": guess.kind_of(frame[name])}
        columns.append({**field, "role": role})
    return columns


_KINDS = {"time": "datetime", "entity": "categorical", "group": "categorical"}


def role_of(project: Project, name: str) -> str:
    """input, target, time, entity, group or excluded."""
    if name == project.target:
        return "target"
    if any(field["name"] == name for field in project.fields):
        return "input"
    if name == project.time_column:
        return "time"
    if name in project.entity:
        return "entity"
    return "group" if name == project.group_column else "excluded"


def target_column(project: Project) -> dict[str, Any]:
    """The target as a column: a category, or a number."""
    kind = "categorical" if project.is_classification else "numeric"
    return {"name": project.target, "kind": kind, "role": "target"}


def training_frame(
    dataset: Dataset,
    parts: tuple[str, ...] = ("training", "validation"),
    *,
    columns: list[str] | None = None,
) -> pd.DataFrame:
    """Rows with their target, or some of their columns, as `registry.frames` types
    them; never test rows."""
    if not set(parts) <= {"training", "validation"}:
        raise ValueError(f"{parts}: only training and validation rows have a target.")
    import pandas as pd

    path = storage.local_copy(uri=dataset.uri, sha256=dataset.sha256)
    wanted = None if columns is None else [*columns, PART, PLACE]
    table = pd.read_parquet(path, columns=wanted)
    table = table[table[PART].isin(parts)].drop(columns=[PART, PLACE])
    return table.reset_index(drop=True)


def test_inputs(dataset: Dataset) -> pd.DataFrame:
    """The test rows without their target, in the order of the sealed truth."""
    import pandas as pd

    split = dataset.split
    path = storage.local_copy(
        uri=split.test_inputs_uri, sha256=split.test_inputs_sha256
    )
    return pd.read_parquet(path).drop(columns=[PLACE])


def _no_column(name: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"The table has no column {name}.",
        errors=[FieldError(name, f"This is {what}: add the column.")],
    )


def _conforming(
    project: Project, columns: list[dict[str, Any]], frame: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Typed rows that have a target; how many had none, and what was let pass."""
    fields: list[Field] = [*columns, target_column(project)]
    absent = frames.missing(frame[project.target])
    table, bad = frames.conform(fields, frame, zone=project.zone)
    # What is not used may hold anything; it is missing where it is not of its kind.
    unused = {c["name"] for c in columns if c["role"] == "excluded"}
    passed = [b for b in bad if _may_pass(b, len(frame)) and b.column not in unused]
    wrong = [
        FieldError(b.column, str(b))
        for b in bad
        if b.column not in unused and b not in passed
    ]
    wrong += [
        FieldError(c["name"], "Required, yet missing in some rows.")
        for c in columns
        if c.get("required") and table[c["name"]].isna().any()
    ]
    if wrong:
        raise InvalidInput("Nothing was imported: values do not fit.", errors=wrong)
    table = table[~absent.to_numpy()].reset_index(drop=True)
    if len(table) < FEWEST_ROWS:
        raise InvalidInput(
            f"{len(table)} rows with a target: at least {FEWEST_ROWS} are needed.",
            errors=[FieldError(project.target, "Too few rows have it.")],
        )
    unread = [Finding(b.column, "unread", "warning", str(b)).as_json() for b in passed]
    return table, {"without_target": int(absent.sum()), "findings": unread}


def _may_pass(bad: frames.BadValues, rows: int) -> bool:
    """A column is of times where 99 % are: the others are missing, with a finding."""
    return bad.kind == "datetime" and bad.count <= (1 - MOMENTS_SHARE) * rows


def _target(project: Project, raw: pd.Series) -> pd.Series:
    """Class names, or numbers; a class the project does not know is refused."""
    if not project.is_classification:
        if raw.nunique() < 2:
            raise _constant(project.target, raw.iloc[0])
        return raw
    names = {value: find_class(project.classes, value) for value in raw.unique()}
    unknown = sorted(value for value, known in names.items() if known is None)
    if unknown:
        few = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise InvalidInput(
            f"Classes this project does not know: {few}.",
            errors=[FieldError(project.target, f"Known: {_few(project.classes)}.")],
        )
    if len(set(names.values())) < 2:
        raise _constant(project.target, raw.iloc[0])
    return raw.map(names).astype("str")


def _constant(column: str, value: object) -> InvalidInput:
    return InvalidInput(
        f"{column} is {value} in every row: there is nothing to learn.",
        errors=[FieldError(column, "At least two different values are needed.")],
    )


def _few(values: list[str]) -> str:
    return ", ".join(values[:10]) + (", …" if len(values) > 10 else "")


def assign_parts(
    project: Project, columns: list[dict[str, Any]], table: pd.DataFrame
) -> tuple[Split, pd.Series]:
    """By time where there is a time, by group where rows share an entity, else by
    content; in the way the project's first dataset chose."""
    made = Split.objects.filter(dataset__project_id=project.pk).order_by("pk")
    first = made.first()
    if project.time_column and (first is None or first.kind == Split.Kind.TIME):
        last = made.last()
        parts, cuts = splits.by_time(
            table[project.time_column],
            earlier=Cuts.from_json(last.cuts) if last else None,
        )
        return Split(kind=Split.Kind.TIME, cuts=cuts.as_json()), parts
    if first is None:
        group = [project.group_column] if project.group_column else project.entity
        inputs = [c["name"] for c in columns if c["role"] == "input"]
        grouped = bool(group) and all(name in table for name in group)
        kind = Split.Kind.GROUP if grouped else Split.Kind.HASH
        split = Split(kind=kind, cuts={"key": group if grouped else inputs})
    else:
        split = Split(kind=first.kind, cuts=first.cuts)
    keys = splits.content_keys(
        table[[name for name in split.cuts["key"] if name in table]]
    )
    return split, splits.by_hash(project.slug, keys)


def _store_files(
    dataset: Dataset,
    split: Split,
    table: pd.DataFrame,
    target: pd.Series,
    parts: pd.Series,
) -> None:
    """Files first, then the rows: a crash leaves an orphan file, never a row without."""
    folder = f"datasets/{dataset.project.slug}/{uuid4().hex}"
    tested = (parts == "test").to_numpy()
    placed = table.assign(**{PLACE: range(len(table))})
    labelled = placed.assign(**{dataset.project.target: target, PART: parts})
    main = _put(f"{folder}/data.parquet", labelled[~tested])
    test = _put(f"{folder}/test_inputs.parquet", placed[tested])
    truth = target[tested].reset_index(drop=True)
    sealed = seal.write(folder=folder, truth=truth)
    dataset.uri, dataset.sha256 = main.uri, main.sha256
    dataset.size_bytes = main.size + test.size
    split.counts = {part: int((parts == part).sum()) for part in PARTS}
    split.test_inputs_uri, split.test_inputs_sha256 = test.uri, test.sha256
    split.test_truth_uri, split.test_truth_sha256 = sealed.uri, sealed.sha256


def write_rows(dataset: Dataset, split: Split) -> Dataset:
    """Give a prepared dataset the project's next number, and commit it."""
    for attempt in range(5):
        last = Dataset.objects.filter(project=dataset.project).first()
        dataset.number = last.number + 1 if last else 1
        try:
            with transaction.atomic():
                dataset.save(force_insert=True)
                split.dataset = dataset
                split.save(force_insert=True)
        except IntegrityError:  # another dataset took the number just now
            if attempt == 4:
                raise
            dataset.pk = None
        else:
            break
    return dataset


def _put(path: str, table: pd.DataFrame) -> storage.Stored:
    buffer = BytesIO()
    table.to_parquet(buffer, index=False, row_group_size=ROW_GROUP)
    return storage.put_bytes(path=path, data=buffer.getvalue())
