"""Operations: the figures of some projects as Prometheus reads them."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

from labelling.models import TruthInbox
from monitoring.models import Alert, HourBucket
from registry.models import Job, Project, Run
from serving.models import PredictionInbox, Rollout

__all__ = ["CONTENT_TYPE", "text"]

Samples = Iterable[tuple[list[str], float]]


def text(projects: QuerySet[Project], *, house: bool) -> bytes:
    """The exposition of these projects; `house`: also what belongs to none."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(projects, house=house))
    return bytes(generate_latest(registry))


class _Figures:
    """Read at the moment of scraping, by a handful of grouped queries."""

    def __init__(self, projects: QuerySet[Project], *, house: bool) -> None:
        self.ids = list(projects.values_list("pk", flat=True))
        self.house = house

    def collect(self) -> Iterator[GaugeMetricFamily]:
        rollouts = list(
            Rollout.objects.filter(project__in=self.ids).select_related(
                "project", "live", "baseline", "candidate"
            )
        )
        yield _family(
            "model_version",
            "Number of the version in this role.",
            ["project", "role"],
            _versions(rollouts),
        )
        yield _family(
            "rollout_percent",
            "Share of the candidate, 0 to 100.",
            ["project"],
            [([r.project.slug], float(r.percent)) for r in rollouts],
        )
        yield _family(
            "baseline_for_all",
            "1 while everyone gets the baseline.",
            ["project"],
            [([r.project.slug], float(r.baseline_for_all)) for r in rollouts],
        )
        yield from self._predictions()
        yield from self._work()

    def _predictions(self) -> Iterator[GaugeMetricFamily]:
        """From the monitor's hours: the last 90 days, behind by one fold at most."""
        sums = HourBucket.objects.filter(project__in=self.ids, slice="")
        grouped = list(
            sums.values_list("project__slug", "version__number", "role").annotate(
                answers=Sum(F("n") - F("errors")),  # who failed answered nobody
                failed=Sum("errors"),
                fell_back=Sum("fallbacks"),
                known=Sum("truths"),
            )
        )
        labels = ["project", "version", "role"]
        for place, (name, words) in enumerate(
            (
                ("predictions", "Predictions in the kept hours."),
                (
                    "prediction_errors",
                    "Answers that failed to come, in the kept hours.",
                ),
                ("prediction_fallbacks", "Fall-backs in the kept hours."),
                ("prediction_truths", "Predictions whose truth is known."),
            )
        ):
            samples = [
                ([slug, str(number), role], float(values[place] or 0))
                for slug, number, role, *values in grouped
            ]
            yield _family(name, words, labels, samples)
        for name, inbox in (
            ("predictions_unfolded", PredictionInbox),
            ("truths_unfolded", TruthInbox),
        ):
            counted = _counted(inbox.objects.filter(project__in=self.ids))
            yield _family(name, "Rows the monitor has not read.", ["project"], counted)

    def _work(self) -> Iterator[GaugeMetricFamily]:
        jobs = Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
        if not self.house:
            jobs = jobs.filter(project__in=self.ids)
        yield _family(
            "jobs",
            "Unfinished jobs.",
            ["project", "lane", "state"],
            _counted(jobs, "lane", "state"),
        )
        yield _family(
            "runs",
            "Runs so far.",
            ["project", "kind", "state"],
            _counted(Run.objects.filter(project__in=self.ids), "kind", "state"),
        )
        yield _family(
            "alerts",
            "Alerts that are not resolved.",
            ["project", "state"],
            _counted(
                Alert.objects.filter(project__in=self.ids).exclude(
                    state=Alert.State.RESOLVED
                ),
                "state",
            ),
        )


def _versions(rollouts: list[Rollout]) -> Iterator[tuple[list[str], float]]:
    for rollout in rollouts:
        for role in ("live", "baseline", "candidate"):
            version = getattr(rollout, role)
            if version is not None:
                yield [rollout.project.slug, role], float(version.number)


def _counted(rows: QuerySet[Any], *columns: str) -> Samples:
    grouped = (
        rows.order_by()
        .values_list("project__slug", *columns)
        .annotate(count=Count("pk"))
    )
    return [
        ([str(value or "") for value in values], float(count))
        for *values, count in grouped
    ]


def _family(
    name: str, words: str, labels: list[str], samples: Samples
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"mlsystem_{name}", words, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
