"""The predictions log: stored before they are answered, found again by their keys."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from registry.models import Project
from serving.models import Prediction, PredictionInbox

SHORT = timedelta(days=8)  # a span whose answers are few among all of them
CHUNK = 500  # rows a transaction: long ones starve other writers of SQLite


def store(
    rows: Sequence[Prediction], *, also: Callable[[], None] | None = None
) -> None:
    """Rows and their inbox entries in one commit; `also` writes into the same one.

    More than CHUNK rows take several commits, `also` in the last: a caller that must
    have all or nothing opens a transaction around.
    """
    chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)] or [[]]
    for index, chunk in enumerate(chunks):
        with transaction.atomic():
            Prediction.objects.bulk_create(chunk)
            # Tests are answered like the rest, and counted nowhere.
            PredictionInbox.objects.bulk_create(
                PredictionInbox(prediction_id=row.pk, project_id=row.project_id)
                for row in chunk
                if not row.test
            )
            if also is not None and index == len(chunks) - 1:
                also()


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


def shown(row: Prediction, *, project: str) -> dict[str, Any]:
    """One row as REST gives it back: the answer's own fields, and what led to it."""
    answer = {
        "id": str(row.pk),
        **row.output,
        "decision": row.decision,
        "model": f"{project}/{row.version.number}",
        "variant": row.role,
        "fallback": row.fallback,
        "error": row.error,
        "shadow_of": row.shadow_of and str(row.shadow_of),
        "explanation": row.explanation,
        "reference": row.reference,
        "entity": row.entity,
        "unit": row.unit,
        "source": row.source,
        "warnings": row.warnings,
    }
    return {name: value for name, value in answer.items() if value} | {
        "input": row.input,
        "features": row.features,
        "at": row.at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "latency_ms": row.latency_ms,
        "test": row.test,
    }
