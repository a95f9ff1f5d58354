"""Registry: what a project can be; everything that is wrong with it is told at once."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError

from registry import (
    cards,
    catalogue,
    decision,
    moments,
    plans,
    precedence,
    schema,
)
from registry.errors import FieldError, InvalidInput
from registry.models import Project

TASKS = ("binary", "multiclass", "regression")
DAY = timedelta(days=1)
SHORTEST_RETENTION = DAY  # by then the monitor has counted them
FEWEST_CLASSES, MOST_CLASSES = 2, 1_000


def check(
    project: Project,
    columns: Iterable[str] | None = None,
    *,
    known: Sequence[FieldError] = (),
) -> None:
    """InvalidInput with all that is wrong. `columns` are those of the data; None where
    there is none yet, and what is labelled may bring any. What was `known` to be wrong,
    and is nobody's doing now, is not told."""
    errors = [error for error in _problems(project, columns) if error not in known]
    if not errors:  # a decision speaks of classes and costs that are right
        errors = [error for error in _check_decision(project) if error not in known]
    if errors:
        raise InvalidInput("This project cannot be.", errors=errors)


def wrong_before(
    project: Project, columns: Iterable[str] | None, *, changes: Collection[str]
) -> list[FieldError]:
    """What is wrong with attributes that `changes` leave alone: the rules, or the data,
    have changed since they were stored, which shall not lock the others."""
    found = [*_problems(project, columns), *_check_decision(project)]
    return [one for one in found if re.split(r"[.\[]", one.field)[0] not in changes]


def _problems(project: Project, columns: Iterable[str] | None) -> list[FieldError]:
    """All that is wrong but the decision."""
    errors = [
        *_check_task(project),
        *schema.check_fields(project.fields),
        *_check_columns(project),
        *_check_costs(project),
        *_check_gate(project),
        *_check_plan(project),
        *_check_card(project, columns),
        *_check_spans(project),
        *_check_truth(project),
    ]
    told = {error.field for error in errors}
    try:
        # Lists may be empty; what is in them is checked above.
        project.clean_fields(exclude=["created_by", "fields", "classes", "entity"])
    except ValidationError as error:
        errors += [
            FieldError(name, " ".join(messages))
            for name, messages in error.message_dict.items()
            if name not in told
        ]
    return errors


def _check_plan(project: Project) -> Sequence[FieldError]:
    """A rollout would refuse it, and only once a model was good enough."""
    try:
        plans.clean_plan(project.plan)
    except InvalidInput as error:
        return error.errors
    return []


def _check_truth(project: Project) -> list[FieldError]:
    """Whose word counts, and the share that is measured against no model."""
    errors = []
    if told := precedence.problem(project.truth_precedence):
        errors.append(FieldError("truth_precedence", told))
    try:
        plans.clean_percent(project.control_share, name="control_share")
    except InvalidInput as error:
        errors += error.errors
    return errors


def _check_card(project: Project, columns: Iterable[str] | None) -> list[FieldError]:
    errors = cards.problems(project.card, target=project.target)
    if errors or columns is None:
        return errors
    inputs = [field.get("name") for field in project.fields]
    known = {*columns, *project.entity, *inputs}
    if unknown := [name for name in project.card if name not in known]:
        return [
            FieldError("card", f"{', '.join(unknown)}: the data has no such column.")
        ]
    return []


def _check_spans(project: Project) -> list[FieldError]:
    """The zone, and how long one waits and keeps."""
    errors = []
    try:
        moments.zone(project.zone)
    except ValueError as error:
        errors.append(FieldError("zone", str(error)))
    if project.silence == "negative" and project.horizon is None:
        errors.append(FieldError("horizon", "Silence means no only after a horizon."))
    if project.horizon is not None and project.horizon <= timedelta(0):
        errors.append(FieldError("horizon", "Write a span longer than 0."))
    if project.retention is not None and project.retention < SHORTEST_RETENTION:
        errors.append(FieldError("retention", "Keep answers for 1 day at least."))
    elif _is_gone_before_it_counts(project):
        assert project.horizon is not None
        text = (
            f"Keep answers for {(project.horizon + DAY) / DAY:g} days at least, or shorten "
            "the horizon: silence means no when that is over, and what is gone by then is "
            "counted nowhere."
        )
        errors.append(FieldError("retention", text))
    return errors


def _is_gone_before_it_counts(project: Project) -> bool:
    kept, horizon = project.retention, project.horizon
    if project.silence != "negative" or kept is None or horizon is None:
        return False
    return kept < horizon + SHORTEST_RETENTION


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


def _check_gate(project: Project) -> list[FieldError]:
    """A slice that is no input would reject every model."""
    slices = project.gate.get("slices", [])
    inputs = {field.get("name") for field in project.fields}
    if unknown := [name for name in slices if name not in inputs]:
        return [FieldError("gate.slices", f"{', '.join(unknown)}: no input.")]
    if len(set(slices)) < len(slices):
        return [FieldError("gate.slices", "A column is there twice.")]
    return []


def _check_costs(project: Project) -> list[FieldError]:
    """Costs speak of classes and numeric fields that exist."""
    costs = project.costs or {}
    errors = []
    matrix = costs.get("matrix", {})
    if matrix and not project.is_classification:
        return [FieldError("costs", "A regression has `error_value`, not a matrix.")]
    if (value := costs.get("error_value")) is not None and not _is_number(value):
        errors.append(FieldError("costs.error_value", "Write a number."))
    return errors + _check_matrix(project, matrix, "costs.matrix")


def _check_matrix(
    project: Project, matrix: Mapping[str, Any], place: str
) -> list[FieldError]:
    numbers = {
        field.get("name")
        for field in project.fields
        if field.get("kind") in schema.NUMBERS
    }
    errors = []
    for action, row in matrix.items():
        if not isinstance(row, Mapping):
            told = "Write a cost for every class."
            errors.append(FieldError(f"{place}.{action}", told))
            continue
        for name in set(row) ^ set(project.classes):
            told = "has no cost" if name in project.classes else "is no class"
            errors.append(FieldError(f"{place}.{action}", f"{name} {told}."))
        for name, cell in row.items():
            if message := _wrong_cell(cell, numbers):
                errors.append(FieldError(f"{place}.{action}.{name}", message))
    return errors


def _check_decision(project: Project) -> list[FieldError]:
    told = decision.problems(
        project.decision, costs=project.costs, classes=project.classes
    )
    if told:
        return [FieldError("decision", text) for text in told]
    own = (project.decision.get("costs") or {}).get("matrix", {})
    return _check_matrix(project, own, "decision.costs.matrix")


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
