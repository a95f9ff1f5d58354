"""A project that has been serving for three weeks, as the sums of its days tell it."""

from datetime import timedelta
from typing import Any

from monitoring.models import DayBucket
from registry.clock import now
from registry.models import Project
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_bare_version, make_project
from tests.full_project import make_people
from tests.test_standing import costs_around, outcomes


def serving(slug: str = "churn", **changes: Any) -> Project:
    """A project with three weeks behind it, whose live version saves 8 a customer."""
    project = make_project(slug, silence="unknown", **changes)
    make_people(project)
    baseline, live = (make_bare_version(project, number) for number in (1, 2))
    row = rollouts.open_with_baseline(project=project, version=baseline)
    Rollout.objects.filter(pk=row.pk).update(live=live)
    today = now().date()
    for ago in range(1, 25):
        for version, mean in ((live, 40), (baseline, 48)):
            costs = costs_around(mean, seed=ago + mean)
            DayBucket.objects.create(
                project=project, version=version, n=60, truths=60,
                role="live" if version == live else "baseline",
                day=today - timedelta(days=ago), outcomes=outcomes(costs).pack(),
            )  # fmt: skip
    return project
