"""Registry: what is wrong with a project, told in sentences, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import OperationalError, ProgrammingError

from registry import (
    datasets,
    definition_checks,
    definition_store,
    featurizer,
    sources,
)
from registry.definition_store import DefinitionBroken
from registry.definitions import Project as Definition
from registry.errors import DomainError, NotFound
from registry.models import Dataset, Project


@dataclass(frozen=True)
class Line:
    """One thing looked at; `wrong` where something has to be done."""

    text: str
    wrong: bool = False


def check(slug: str) -> Iterator[Line]:
    """Look at the module that declares it, at what is in the database, and at whether
    both ways of computing features agree. NotFound where neither is there."""
    definition = None
    try:
        definition = definition_store.find(slug)
    except DefinitionBroken as error:
        yield Line(error.detail, wrong=True)
    project = _record(slug)
    if definition is None and project is None:
        modules = ", ".join(definition_store.modules())
        raise NotFound(f"There is no project {slug}, and no definition in {modules}.")
    sound = True
    if definition is not None:
        for line in _of_definition(definition, project):
            sound &= not line.wrong
            yield line
    if project is not None:
        yield from _of_data(project)
    if project is not None and sound and (dataset := project.datasets.first()):
        yield _parity(project, dataset)


def _record(slug: str) -> Project | None:
    """A database that nobody has made yet holds no project."""
    try:
        return Project.objects.filter(slug=slug).first()
    except (OperationalError, ProgrammingError):
        return None


def _of_definition(definition: Definition, project: Project | None) -> Iterator[Line]:
    reading = sources.Reading(
        definition, replay=project.replay if project is not None else None
    )
    try:
        for source in definition.sources:
            rows = reading.rows(source.name)
            many = f"{len(rows.frame):,} rows of {len(rows.frame.columns)} columns"
            yield Line(f"Source {source.name}: {many}.")
        told = _dry(reading, project)
        if definition.sources:
            many = f"{len(reading.learning().frame):,}"
            yield Line(f"{many} rows to learn {definition.target} from.")
    except DomainError as error:
        for text in definition_checks.placed(definition, error):
            yield Line(text, wrong=True)
        return
    for text in told:
        yield Line(text, wrong=True)
    if project is None:
        yield Line("Not in the database yet: `manage.py up` puts it there.")
    elif project.definition != definition.module:
        by = project.definition or "hand"
        yield Line(
            f"{project.slug} was made by {by}: this module does not take it over."
        )
    elif project.definition_hash != definition_store.content_hash(definition):
        yield Line("The code has changed since: `manage.py up` takes it over.")


def _dry(reading: sources.Reading, project: Project | None) -> list[str]:
    """What taking the module over would say; DomainError where it would be refused."""
    definition = reading.definition
    if project is None:
        draft, told = definition_checks.of_new(reading)
        if definition.sources:
            datasets.check(project=draft, frame=reading.learning().frame)
        return told
    if project.definition != definition.module:
        return []
    return definition_checks.of_changes(reading, project)[1]


def _of_data(project: Project) -> Iterator[Line]:
    dataset = project.datasets.first()
    if dataset is None:
        yield Line(
            "It has no dataset yet: upload one, or declare a source.", wrong=True
        )
        return
    for finding in dataset.findings:
        about = f"{finding['column']}: " if finding.get("column") else ""
        wrong = finding.get("level") == "error"
        yield Line(f"Dataset {dataset.number}, {about}{finding['text']}", wrong=wrong)


def _parity(project: Project, dataset: Dataset) -> Line:
    """Training and serving compute features by two paths: row by row they agree."""
    try:
        found = featurizer.check_parity(
            project=project,
            features=featurizer.features_spec(project),
            frame=datasets.training_frame(dataset),
        )
    except DomainError as error:
        return Line(_told(error), wrong=True)
    if found.holds:
        return Line(
            f"Features of {found.rows} rows are the same in training and serving."
        )
    one = found.differences[0]
    return Line(
        f"Feature {one.feature} differs in row {one.row}: {one.batch!r} in training, "
        f"{one.realtime!r} in serving.",
        wrong=True,
    )


def _told(error: DomainError) -> str:
    return " ".join([error.detail, *(f"{e.field}: {e.message}" for e in error.errors)])
