"""Registry: projects are made and changed here, whoever asks."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from registry import (
    audit,
    cards,
    catalogue,
    datasets,
    decision,
    definition_store,
    guess,
    schema,
)
from registry.actors import Actor
from registry.errors import Conflict, EditedMeanwhile, FieldError, InvalidInput
from registry.models import Dataset, Membership, Project, User

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("binary", "multiclass", "regression")
FEWEST_CLASSES, MOST_CLASSES = 2, 1_000


class Settings(TypedDict, total=False):
    """What a project may be told beside its slug, task and target."""

    name: str
    description: str
    fields: list[dict[str, Any]]
    strict_inputs: bool
    unit: str
    classes: list[str]
    positive_class: str
    entity: list[str]
    time_column: str
    group_column: str
    horizon: timedelta | None
    silence: str
    primary_metric: str
    gate: dict[str, Any]
    costs: dict[str, Any]
    decision: dict[str, Any]
    plan: list[dict[str, Any]]
    card: list[str]
    truth_precedence: list[str]
    control_share: Decimal
    zone: str
    retention: timedelta | None
    autopilot: str
    retrain_after: int
    replay: dict[str, int]


# What the split of the first dataset was made from; its parts hold for ever.
FIXED_BY_DATA = ("task", "target", "entity", "time_column", "group_column")


def create_project(
    *,
    slug: str,
    task: str,
    target: str,
    by: User | None = None,
    definition: str = "",
    **settings: Unpack[Settings],
) -> Project:
    """A project and its first admin. Everything wrong with it is told at once."""
    project = Project(slug=slug, task=task, target=target, created_by=by)
    project.definition = definition
    _make_ready(project, settings)
    return _insert(project)


def create_from_table(
    *,
    slug: str,
    frame: "pd.DataFrame",
    target: str,
    task: str = "",
    by: User | None = None,
    lineage: dict[str, Any] | None = None,
    exclude: Sequence[str] = (),
    told: Mapping[str, Mapping[str, Any]] | None = None,
    kinds: Mapping[str, str] | None = None,
    definition: str = "",
    **settings: Unpack[Settings],
) -> tuple[Project, Dataset]:
    """A project with a guessed schema, and its first dataset: both, or nothing.

    `exclude` are columns that are no inputs, `told` is what is known of fields, `kinds` of
    columns.
    """
    apart = [settings.get("time_column", ""), settings.get("group_column", "")]
    apart += [name for name in settings.get("entity", []) if name not in (told or {})]
    apart += exclude
    guessed = guess.of_table(
        frame,
        target=target,
        task=task,
        positive=settings.get("positive_class", ""),
        apart=[name for name in dict.fromkeys(apart) if name],
        told=told,
        kinds=kinds,
    )
    settings.setdefault("fields", guessed.fields)
    settings.setdefault("classes", guessed.classes)
    settings.setdefault("positive_class", guessed.positive_class)
    if group := settings.get("group_column"):
        settings.setdefault("entity", [group])
    project = Project(slug=slug, task=guessed.task, target=target, created_by=by)
    project.definition = definition
    _make_ready(project, settings)
    dataset, split = datasets.prepare(project=project, frame=frame, lineage=lineage)
    dataset.name, dataset.created_by = f"{project.name}, first data", by
    with transaction.atomic():
        _insert(project)
        dataset.project = project
        datasets.write_rows(dataset, split)
    return project, dataset


def _make_ready(project: Project, settings: Mapping[str, Any]) -> None:
    """Fill in what follows from the rest, and refuse what cannot be."""
    _apply(project, settings)
    project.name = project.name or project.slug.replace("-", " ").capitalize()
    project.primary_metric = project.primary_metric or catalogue.default_metric(
        project.task, has_costs=bool(project.costs)
    )
    _check(project)
    if Project.objects.filter(slug=project.slug).exists():
        raise _taken(project.slug)


def _insert(project: Project) -> Project:
    try:
        with transaction.atomic():
            project.save(force_insert=True)
            if project.created_by:
                Membership.objects.create(
                    user=project.created_by, project=project, role="admin"
                )
            audit.record(
                project=project, actor=project.created_by, action="project.create"
            )
    except IntegrityError as error:
        raise _taken(project.slug) from error
    return project


def update_project(
    *,
    project: Project,
    by: Actor | User | None,
    revision: int | None = None,
    changes: Mapping[str, Any],
) -> Project:
    """Change a project's templates. What code declares is changed in the code.

    With `revision`, only if nobody edited it meanwhile.
    """
    changes = {k: v for k, v in changes.items() if getattr(project, k) != v}
    _refuse_declared(project, changes)
    if revision not in {None, project.revision}:
        raise EditedMeanwhile("Somebody changed this project: read it again.")
    return write_changes(project=project, by=by, changes=changes)


def write_changes(
    *, project: Project, by: Actor | User | None, changes: Mapping[str, Any]
) -> Project:
    """`update_project` for the code that declares the project."""
    fixed = [name for name in FIXED_BY_DATA if name in changes]
    if fixed and project.datasets.exists():
        raise Conflict(
            f"{', '.join(fixed)}: the parts of the first dataset were made by it.",
            errors=[FieldError(name, "Make a new project.") for name in fixed],
        )
    _apply(project, changes)
    _check(project)
    with transaction.atomic():
        held = Project.objects.filter(pk=project.pk, revision=project.revision)
        if not held.update(revision=F("revision") + 1):
            raise EditedMeanwhile("Somebody changed this project: read it again.")
        project.revision += 1
        project.save()
        audit.record(
            project=project,
            actor=by,
            action="project.update",
            detail={"changed": sorted(changes)},
        )
    return project


def _refuse_declared(project: Project, changes: Mapping[str, Any]) -> None:
    places = definition_store.declared(project)
    names = [name for name in changes if name in places]
    if "fields" in changes:
        names += _declared_fields(project, changes["fields"], places)
    errors = [
        FieldError(name, f"Declared in {places[name]}: change it there.")
        for name in names
    ]
    if errors:
        told = "; ".join(f"{e.field} is declared in {places[e.field]}" for e in errors)
        raise Conflict(f"{told}.", errors=errors)


def _declared_fields(
    project: Project, fields: Sequence[Mapping[str, Any]], places: Mapping[str, str]
) -> list[str]:
    """`fields.<name>` of what code says of a column, where an edit says otherwise."""
    before = {field["name"]: field for field in project.fields}
    after = {field.get("name"): field for field in fields}
    return [
        place
        for place in places
        if place.startswith("fields.")
        and before.get(name := place.removeprefix("fields.")) != after.get(name)
    ]


def _apply(project: Project, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        setattr(project, name, value)


def _taken(slug: str) -> Conflict:
    return Conflict(
        f"There is a project {slug} already.",
        errors=[FieldError("slug", "Choose another one.")],
    )


def _check(project: Project) -> None:
    errors = [
        *_check_task(project),
        *schema.check_fields(project.fields),
        *_check_columns(project),
        *_check_costs(project),
        *cards.problems(project.card, target=project.target),
    ]
    if not errors:  # a decision speaks of classes and costs that are right
        errors += _check_decision(project)
    try:
        ZoneInfo(project.zone)
    except (ZoneInfoNotFoundError, ValueError):
        errors.append(FieldError("zone", f"{project.zone}: no time zone of IANA's."))
    if project.silence == "negative" and project.horizon is None:
        errors.append(FieldError("horizon", "Silence means no only after a horizon."))
    if project.horizon is not None and project.horizon <= timedelta(0):
        errors.append(FieldError("horizon", "Write a span longer than 0."))
    known = {error.field for error in errors}
    try:
        # Lists may be empty; what is in them is checked above.
        project.clean_fields(exclude=["created_by", "fields", "classes", "entity"])
    except ValidationError as error:
        errors += [
            FieldError(name, " ".join(messages))
            for name, messages in error.message_dict.items()
            if name not in known
        ]
    if errors:
        raise InvalidInput("This project cannot be.", errors=errors)


def _check_task(project: Project) -> list[FieldError]:
    if project.task not in TASKS:
        return [FieldError("task", f"Write one of {', '.join(TASKS)}.")]
    errors, classes = [], project.classes
    if project.is_classification:
        if len(set(classes)) != len(classes):
            errors.append(FieldError("classes", "A class is there twice."))
        if not FEWEST_CLASSES <= len(classes) <= MOST_CLASSES:
            span = f"{FEWEST_CLASSES} to {MOST_CLASSES}"
            errors.append(
                FieldError("classes", f"{len(classes)} classes: give {span}.")
            )
    if project.task == "binary":
        if len(classes) != FEWEST_CLASSES:
            errors.append(FieldError("classes", "A binary task has two classes."))
        if project.positive_class not in classes:
            few = ", ".join(classes[:5])
            errors.append(FieldError("positive_class", f"Write one of {few}."))
    allowed = [m.key for m in catalogue.metrics_for(project.task)]
    if project.primary_metric not in allowed:
        words = ", ".join(allowed)
        errors.append(FieldError("primary_metric", f"Write one of {words}."))
    if project.primary_metric == "cost" and not project.costs:
        errors.append(FieldError("primary_metric", "Cost needs costs."))
    return errors


def _check_columns(project: Project) -> list[FieldError]:
    inputs = {field.get("name") for field in project.fields}
    errors = []
    if not project.target:
        errors.append(FieldError("target", "Name the column to predict."))
    if project.target in inputs:
        errors.append(FieldError("fields", f"{project.target} is the target."))
    errors += [
        FieldError(name, f"{project.target} is the target.")
        for name in ("time_column", "group_column")
        if project.target and getattr(project, name) == project.target
    ]
    if not all(isinstance(name, str) and name for name in project.entity):
        errors.append(FieldError("entity", "Write names of columns."))
    if project.target in project.entity:
        errors.append(FieldError("entity", f"{project.target} is the target."))
    return errors


def _check_costs(project: Project) -> list[FieldError]:
    """Costs speak of classes and numeric fields that exist."""
    costs, numbers = project.costs or {}, {
        field.get("name")
        for field in project.fields
        if field.get("kind") in schema.NUMBERS
    }  # fmt: skip
    errors = []
    matrix = costs.get("matrix", {})
    if matrix and not project.is_classification:
        return [FieldError("costs", "A regression has `error_value`, not a matrix.")]
    if (value := costs.get("error_value")) is not None and not _is_number(value):
        errors.append(FieldError("costs.error_value", "Write a number."))
    for action, row in matrix.items():
        for name in set(row) ^ set(project.classes):
            told = "has no cost" if name in project.classes else "is no class"
            errors.append(FieldError(f"costs.matrix.{action}", f"{name} {told}."))
        for name, cell in row.items():
            if message := _wrong_cell(cell, numbers):
                errors.append(FieldError(f"costs.matrix.{action}.{name}", message))
    return errors


def _check_decision(project: Project) -> list[FieldError]:
    told = decision.problems(
        project.decision, costs=project.costs, classes=project.classes
    )
    return [FieldError("decision", text) for text in told]


def _wrong_cell(cell: object, numbers: Sequence[str] | set[Any]) -> str:
    if _is_number(cell):
        return ""
    if not isinstance(cell, Mapping) or set(cell) != {"field", "times"}:
        return 'Write a number, or {"field": …, "times": …}.'
    if not _is_number(cell["times"]):
        return "`times` is a number."
    return "" if cell["field"] in numbers else f"{cell['field']}: no numeric field."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
