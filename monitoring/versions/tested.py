"""What the sealed tests said of versions: the newest report of each, or its numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models.fields.json import KT

from monitoring.models import Evaluation
from registry.models import ModelVersion, Project


@dataclass(frozen=True, kw_only=True)
class Tested:
    """The numbers of one version on one sealed test."""

    version: int
    dataset: int | None
    n: int
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, key: str) -> Mapping[str, Any]:
        return self.metrics.get(key) or {}


def numbers_of(project: Project) -> dict[int, Tested]:
    """By the version's key; reports are large, so only their metrics are read."""
    rows = (
        Evaluation.objects.filter(
            project=project, kind=Evaluation.Kind.TEST, version__isnull=False
        )
        .order_by("pk")
        .annotate(metrics=KT("report__metrics"))
        .values_list("version_id", "dataset__number", "n", "metrics")
    )
    return {
        version: Tested(version=version, dataset=dataset, n=n, metrics=_read(metrics))
        for version, dataset, n, metrics in rows
        if version is not None
    }


def _read(metrics: Any) -> Mapping[str, Mapping[str, Any]]:
    import msgspec

    found = msgspec.json.decode(metrics) if isinstance(metrics, str) else metrics
    return found if isinstance(found, Mapping) else {}


def reports_of(versions: Iterable[ModelVersion]) -> dict[int, Evaluation]:
    """The newest whole report of each version, by its key."""
    found = Evaluation.objects.filter(
        version__in=list(versions), kind=Evaluation.Kind.TEST
    ).select_related("dataset__split")
    return {row.version_id: row for row in found.order_by("pk") if row.version_id}
