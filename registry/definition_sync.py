"""Registry: what code declares, written into the database when the code has changed.

Every process reads the modules at its start; one job writes, and a tick asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from registry import (
    datasets,
    definition_checks,
    definition_project,
    definition_store,
    facts,
    featurizer,
    jobs,
    lookups,
    projects,
    projects_of_tables,
    sources,
)
from registry.definitions import Project as Definition
from registry.errors import DomainError, NotFound, Unavailable
from registry.models import Dataset, Membership, Project, Source, User

logger = logging.getLogger(__name__)

TASK = "registry.sync_definitions"
_noticed: set[str] = set()  # hashes this process has asked a job for


def install(
    *, slug: str, by: User | None = None, replay: Mapping[str, int] | None = None
) -> tuple[Project, Dataset]:
    """A declared project with its first dataset; the one that is there, if it is.

    `replay` moves the times of its sources (`registry.replays`).
    """
    definition = definition_store.find(slug)
    if definition is None:
        modules = ", ".join(definition_store.modules())
        raise NotFound(f"No definition of {slug} in {modules}.")
    project = Project.objects.filter(slug=slug).first()
    if project is not None and (dataset := project.datasets.first()):
        return project, dataset
    reading = sources.Reading(definition, replay=replay)
    draft, _ = definition_checks.of_new(reading)
    project = _create(draft, reading, by)
    _take_over(project, reading)
    return project, project.datasets.get()


def sync(*, by: User | None = None) -> list[str]:
    """Bring every declared project up to its code; returns what is wrong, by project.

    Modules named in MLSYSTEM_DEFINITIONS make their projects; an example only keeps the
    one that is there.
    """
    return _sync_all(by)[0]


def _sync_all(by: User | None) -> tuple[list[str], list[str]]:
    """What is wrong, and what of it may pass by itself."""
    problems = definition_store.load_all()
    passing: list[str] = []
    for module in definition_store.modules():
        try:
            found = definition_store.load(module)
        except definition_store.DefinitionBroken:
            continue  # told by load_all
        for definition in found.values():
            texts, passes = _synced(definition, by)
            told = [f"{definition.slug}: {text}" for text in texts]
            for problem in told:
                logger.warning("definition: %s", problem)
            problems += told
            passing += told if passes else []
    return problems, passing


def _synced(definition: Definition, by: User | None) -> tuple[list[str], bool]:
    """What is wrong with one definition, and whether it may pass; whatever that is, the
    others are synced."""
    try:
        return _sync_one(definition, by), False
    except DomainError as error:
        return definition_checks.placed(definition, error), error.status >= 500
    except Exception as error:  # the boundary of a declared function
        logger.exception("definition of %s not synced", definition.slug)
        told = f"{definition.place(definition.lines['slug'])}: {_named(error)}"
        passes = isinstance(error, OperationalError | InterfaceError | OSError)
        return [told], passes


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}. The log has its traceback."


def notice(now: datetime) -> None:
    """Ask for a job where code and database differ; called by every tick, and asking
    once for each text of a module, because what is refused stays refused."""
    del now
    known = {
        (project.definition, project.slug): project.definition_hash
        for project in Project.objects.exclude(definition="")
    }
    taken = set(Project.objects.values_list("slug", flat=True))
    for module in definition_store.modules():
        try:
            found = definition_store.load(module)
        except definition_store.DefinitionBroken:
            continue  # logged when it was read
        for slug, definition in found.items():
            text = definition_store.content_hash(definition)
            new = module in settings.MLSYSTEM_DEFINITIONS and slug not in taken
            changed = known.get((module, slug), text) != text
            if (new or changed) and text not in _noticed:
                jobs.enqueue(task=TASK, key=TASK)
                _noticed.add(text)  # once it is asked for, not before


def do_sync(context: jobs.JobContext) -> None:
    """The handler of the job that writes. It fails where trying again may help, and the
    other projects are synced by then."""
    problems, passing = _sync_all(None)
    for problem in problems:
        context.log(problem)
    context.result({"problems": problems})
    if passing:
        raise Unavailable(" ".join(passing))


def _sync_one(definition: Definition, by: User | None) -> list[str]:
    """Make the project or change it; returns what is wrong with it all the same."""
    project = Project.objects.filter(slug=definition.slug).first()
    if project is None:
        if definition.module not in settings.MLSYSTEM_DEFINITIONS:
            return []
        reading = sources.Reading(definition)
        draft, told = definition_checks.of_new(reading)
        project = _create(draft, reading, by)
        _give_to_admins(project)
        _take_over(project, reading)
        return told
    if project.definition != definition.module:
        return []  # made by hand: a module does not take it over
    if project.definition_hash == definition_store.content_hash(definition):
        return []
    reading = sources.Reading(definition, replay=project.replay)
    changes, told = definition_checks.of_changes(reading, project)
    projects.write_changes(project=project, by=by, changes=changes)
    _take_over(project, reading)
    return told


def _create(draft: Project, reading: sources.Reading, by: User | None) -> Project:
    if not reading.definition.sources:
        return projects.insert(project=draft, by=by)
    rows = reading.learning()
    lineage = {**rows.lineage, "definition": reading.definition.module}
    project, _ = projects_of_tables.create_with_data(
        project=draft, frame=rows.frame, by=by, lineage=lineage
    )
    return project


def _take_over(project: Project, reading: sources.Reading) -> None:
    """Everything beside the project's own settings; its hash last: what fails on the way
    is tried again by the next sync."""
    definition = reading.definition
    _write_sources(project, definition)
    project.definition_said = definition_project.said(reading, project)
    project.save(update_fields=["definition_said"])
    if definition.sources:
        if not project.datasets.exists():
            _register(project, reading)
        _copy(project, reading)
    project.definition_hash = definition_store.content_hash(definition)
    project.save(update_fields=["definition_hash"])


def _give_to_admins(project: Project) -> None:
    """A project that code made belongs to those who run the house."""
    for user in User.objects.filter(is_superuser=True, is_active=True):
        Membership.objects.get_or_create(
            user=user, project=project, defaults={"role": "admin"}
        )


def _write_sources(project: Project, definition: Definition) -> None:
    """The declared sources as rows."""
    with transaction.atomic():
        names = [source.name for source in definition.sources]
        project.sources.exclude(name__in=names).delete()
        for source in definition.sources:
            Source.objects.update_or_create(
                project=project,
                name=source.name,
                defaults={
                    "setting": source.source,
                    "table": source.table,
                    "sql": source.sql,
                    "file": source.file,
                    "watermark": source.watermark,
                },
            )


def refresh(*, project: Project, by: User | None = None) -> Dataset | None:
    """Read a declared project's sources anew: look-ups, and a dataset of its rows if
    they are others than last time. None: nothing new, or nothing declared."""
    definition = definition_store.definition_of(project)
    if definition is None or not definition.sources:
        return None
    reading = sources.Reading(definition, replay=project.replay)
    _copy(project, reading)
    rows = reading.learning()
    read = project.datasets.filter(lineage__has_key="content")
    last = read.exclude(lineage__has_key="root").first()
    if last is not None and last.lineage["content"] == rows.lineage["content"]:
        return None
    return _register(project, reading, by)


def _register(
    project: Project, reading: sources.Reading, by: User | None = None
) -> Dataset:
    definition, rows = reading.definition, reading.learning()
    return datasets.register_dataset(
        project=project,
        frame=rows.frame,
        name=definition.sources[0].name,
        lineage={**rows.lineage, "definition": definition.module},
        by=by,
    )


def keep_read(*, project: Project, now: datetime) -> None:
    """Copy what requests read from the sources as they are at a moment."""
    definition = definition_store.definition_of(project)
    if definition is not None and definition.sources:
        _copy(project, sources.Reading(definition, replay=project.replay, now=now))


def _copy(project: Project, reading: sources.Reading) -> None:
    """What requests read is kept here: look-ups, and past truth for windows."""
    _copy_lookups(project, reading)
    first = reading.first()
    facts.remember_past(
        project=project,
        definition=reading.definition,
        frame=first.frame,
        kinds=first.kinds,
        now=reading.now,
    )


def refresh_lookups(*, project: Project) -> dict[str, int]:
    """Copy every look-up's columns from its source; how many rows each has now."""
    definition = definition_store.definition_of(project)
    if definition is None:
        return {}
    return _copy_lookups(project, sources.Reading(definition, replay=project.replay))


def _copy_lookups(project: Project, reading: sources.Reading) -> dict[str, int]:
    counts = {}
    for lookup in reading.definition.lookups:
        rows = reading.rows(lookup.source)
        given = featurizer.stored_columns(project, lookup)
        columns = {
            name: (column, kind)
            for name, (column, kind) in given.items()
            if column in rows.frame
        }
        counts[lookup.source] = lookups.store(
            project=project,
            lookup=lookup.source,
            key=lookup.key,
            columns=columns,
            frame=rows.frame,
        )
    return counts
