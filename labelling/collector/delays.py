"""Component 1, Ground-truth Collector: how late truth comes, because that decides how
much of yesterday's accuracy can be believed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef

from labelling.models import GroundTruth, Match
from registry.models import Project
from serving.models import Prediction

SAMPLE = 10_000  # the newest matches


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Seconds from the moment predicted for to the truth's arrival; None without any."""

    n: int
    median: float | None = None
    p90: float | None = None
    longest: float | None = None


def delays(
    *, project: Project, since: datetime | None = None, sample: int = SAMPLE
) -> Delays:
    """Measured on the newest matches with something said; silence is no arrival."""
    tests = Prediction.objects.filter(pk=OuterRef("prediction_id"), test=True)
    rows = Match.objects.filter(~Exists(tests), project=project, by_silence=False)
    if since is not None:
        rows = rows.filter(predicted_at__gte=since)
    pairs = rows.order_by("-pk").values_list("truth__received_at", "predicted_at")
    seconds = sorted(
        max((received - predicted).total_seconds(), 0.0)
        for received, predicted in pairs[:sample]
    )
    if not seconds:
        return Delays(n=0)
    return Delays(
        n=len(seconds),
        median=quantile(seconds, 0.5),
        p90=quantile(seconds, 0.9),
        longest=seconds[-1],
    )


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed.

    >>> quantile([1.0, 2.0, 3.0, 10.0], 0.5), quantile([1.0, 2.0, 3.0, 10.0], 0.9)
    (2.0, 10.0)
    """
    rank = -(-share * len(ordered) // 1)  # rounded up
    return ordered[max(int(rank), 1) - 1]


def counts(*, project: Project) -> dict[str, int]:
    """How many truths wait, have matched, have expired."""
    found = dict.fromkeys(GroundTruth.State.values, 0)
    rows = GroundTruth.objects.filter(project=project).values_list("state")
    return found | dict(rows.annotate(n=Count("pk")).order_by())
