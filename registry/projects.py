"""Registry: projects are made and changed here, whoever asks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import F

from registry import audit, catalogue, definition_store, project_rules
from registry.actors import Actor
from registry.errors import Conflict, EditedMeanwhile, FieldError
from registry.models import Membership, Project, User

RECENT = 20  # edits looked at, to tell who was first


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


# What the first data was split by, and what every score, metric and bucket since then
# speaks of: they hold for ever.
FIXED_BY_DATA = (
    "task", "target", "positive_class", "entity", "time_column", "group_column"
)  # fmt: skip


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
    project = of_settings(
        slug=slug, task=task, target=target, definition=definition, **settings
    )
    return insert(project=project, by=by)


def of_settings(
    *,
    slug: str,
    task: str,
    target: str,
    definition: str = "",
    **settings: Unpack[Settings],
) -> Project:
    """The project that these would make: checked, not saved."""
    project = Project(slug=slug, task=task, target=target, definition=definition)
    make_ready(project, settings)
    return project


def make_ready(
    project: Project,
    settings: Mapping[str, Any],
    *,
    columns: Iterable[str] | None = None,
) -> None:
    """Fill in what follows from the rest, and refuse what cannot be."""
    _apply(project, settings)
    project.name = project.name or project.slug.replace("-", " ").capitalize()
    project.primary_metric = project.primary_metric or catalogue.default_metric(
        project.task, has_costs=bool(project.costs)
    )
    project_rules.check(project, columns)


def refuse_taken(slug: str) -> None:
    """Early, where much is made before the project; its row is what decides."""
    if Project.objects.filter(slug=slug).exists():
        raise _taken(slug)


def insert(*, project: Project, by: User | None) -> Project:
    """Save a project that was checked, with its first admin."""
    project.created_by = by
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
    share = project.control_share
    apply_changes(project=project, changes=changes)
    detail: dict[str, Any] = {"changed": sorted(changes)}
    if project.control_share != share:  # other people are answered by no model
        shares = (float(share), float(project.control_share))
        detail["control_share"] = "from {:g} % to {:g} %".format(*shares)
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
            detail=detail | {"revision": project.revision},
        )
    return project


def apply_changes(*, project: Project, changes: Mapping[str, Any]) -> None:
    """Change the project that is held here, and refuse what cannot be; nothing is saved."""
    fixed = [name for name in FIXED_BY_DATA if name in changes]
    if fixed and (project.datasets.exists() or project.versions.exists()):
        raise Conflict(
            f"{', '.join(fixed)}: fixed by the first data, which was split by it and "
            "answered with it.",
            errors=[FieldError(name, "Make a new project.") for name in fixed],
        )
    newest = project.datasets.only("columns").first()
    columns = [column["name"] for column in newest.columns] if newest else None
    known = project_rules.wrong_before(project, columns, changes=changes.keys())
    _apply(project, changes)
    project_rules.check(project, columns, known=known)


def lost_race(project: Project, *, revision: int) -> EditedMeanwhile:
    """What to tell somebody whose page is older: who changed what since."""
    entries = project.audit.filter(action="project.update").order_by("-id")[:RECENT]
    since = [
        f"{entry.actor_name} ({', '.join(entry.detail['changed']).replace('_', ' ')})"
        for entry in reversed(entries)
        if entry.detail.get("revision", 0) > revision
    ]
    told = f": {'; '.join(dict.fromkeys(since))}" if since else ""
    return EditedMeanwhile(
        f"Somebody changed this project while you were editing{told}. What you typed is "
        "below, not saved, beside what is saved by now: look at it again and save once "
        "more."
    )


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
