"""The predictions log: stored before they are answered, found again by their keys."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from registry.errors import NotFound
from registry.identifiers import entity_told, first_uuid7
from registry.models import Project
from registry.web import keyset
from serving.models import Prediction, PredictionInbox

SHORT = timedelta(days=8)  # a span whose answers are few among all of them
LOOKED = 50_000  # answers a page looks through for what no index finds
CHUNK = 500  # rows a commit: long ones starve other writers of SQLite


def store(
    rows: Sequence[Prediction], *, also: Callable[[], None] | None = None
) -> None:
    """Rows and their inbox entries, a commit for each CHUNK of them; with `also`, which
    writes into the same commit, all or none."""
    with transaction.atomic() if also else nullcontext():
        for start in range(0, len(rows), CHUNK):
            _store(rows[start : start + CHUNK])
        if also:
            also()


@transaction.atomic(savepoint=False)
def _store(rows: Sequence[Prediction]) -> None:
    Prediction.objects.bulk_create(rows)
    # Tests are answered like the rest, and counted nowhere.
    PredictionInbox.objects.bulk_create(
        PredictionInbox(prediction_id=row.pk, project_id=row.project_id)
        for row in rows
        if not row.test
    )


def before(project: Project, moment: datetime) -> QuerySet[Prediction]:
    """What was answered before a moment, the oldest first."""
    rows = Prediction.objects.filter(project=project, pk__lt=first_uuid7(moment))
    return rows.order_by("pk")


def forget(*, project: Project, ids: Collection[UUID]) -> int:
    """Delete answers with all that led to them, in the caller's transaction."""
    PredictionInbox.objects.filter(project=project, prediction_id__in=ids).delete()
    return Prediction.objects.filter(project=project, pk__in=ids).delete()[0]


def kept(project: Project) -> str:
    """How long answers are kept, in words."""
    if project.retention is None:
        return "for ever"
    days = project.retention / timedelta(days=1)
    return f"for {days:g} day{'' if days == 1 else 's'}"


def missing(project: Project, id: UUID, *, now: datetime) -> NotFound:
    """Why an answer is not there: it never was, or it is kept no longer."""
    if project.retention and id < first_uuid7(now - project.retention):
        return NotFound(f"Answers are kept {kept(project)} here: this one is gone.")
    return NotFound("There is no such prediction in this project.")


def log(
    project: Project,
    *,
    reference: str = "",
    entity: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    model: int | None = None,
    role: str = "",
) -> QuerySet[Prediction]:
    """What was answered, newest first by id; `entity` canonical, times by `at`."""
    rows = Prediction.objects.filter(project=project).select_related("version")
    few = _few(project, reference, entity, since, until)
    if few is not None:
        rows = rows.filter(pk__in=few.values("pk"))
    given: Mapping[str, Any] = {
        "reference": reference,
        "entity": entity,
        "at__gte": since,
        "at__lt": until,
        "version__number": model,
        "role": role,
    }
    chosen = {name: value for name, value in given.items() if value not in ("", None)}
    return rows.filter(**chosen)


def page(
    rows: QuerySet[Prediction],
    request: HttpRequest | Request,
    *,
    project: Project,
    at_once: bool,
    limit: int | None = None,
) -> dict[str, Any]:
    """A page of the log, the newest first. What no index finds `at_once` is looked for
    in so many answers and no more; then `looked` tells how many, and `next` goes on."""
    if at_once:
        return {**keyset.page(rows, request, limit=limit), "looked": 0}
    everything = project.predictions.all()
    found = keyset.page_among(rows, request, among=everything, most=LOOKED, limit=limit)
    return {**found, "looked": LOOKED if found["stopped"] else 0}


def found_at_once(
    project: Project,
    *,
    reference: str = "",
    entity: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> bool:
    """Whether an index narrows the log to so few answers that all of them may be read."""
    few = _few(project, reference, entity, since, until)
    return few is not None and few.order_by()[: LOOKED + 1].count() <= LOOKED


def _few(
    project: Project,
    reference: str,
    entity: str,
    since: datetime | None,
    until: datetime | None,
) -> QuerySet[Prediction] | None:
    """What an index finds at once, as a query of its own: else SQLite reads the whole
    log in the order of its ids, looking for them. None: nothing narrows it."""
    found = Prediction.objects.filter(project=project)
    if reference:  # a partial index is used where its condition stands in the query
        return found.filter(reference=reference).exclude(reference="")
    if entity:
        return found.filter(entity=entity).exclude(entity="")
    if since and until and until - since <= SHORT:
        versions = list(project.versions.values_list("pk", flat=True))
        return found.filter(version__in=versions, at__gte=since, at__lt=until)
    return None


def shown(row: Prediction, *, project: Project) -> dict[str, Any]:
    """One row as REST gives it back: the answer's own fields, and what led to it.
    `unit` stays a text: outcomes name it as their `user`."""
    more = {
        "decision": row.decision,
        "fallback": row.fallback,
        "error": row.error,
        "shadow_of": row.shadow_of and str(row.shadow_of),
        "explanation": row.explanation,
        "reference": row.reference,
        "entity": entity_told(project.entity, row.entity),
        "unit": row.unit,
        "source": row.source,
        "warnings": row.warnings,
    }
    said = {name: value for name, value in more.items() if value}
    return {"id": str(row.pk), **row.output, **said} | {
        "model": f"{project.slug}/{row.version.number}",
        "variant": row.role,
        "input": row.input,
        "features": row.features,
        "at": row.at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "latency_ms": row.latency_ms,
        "test": row.test,
    }
