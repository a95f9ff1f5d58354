"""What production answered, once its truth is known, becomes rows to learn from; each
thing that keeps a row out is counted."""

from datetime import timedelta
from typing import Any

import pytest

from labelling.collector.truth import record_truth
from labelling.models import GroundTruth, Match
from mlsystem import baselines, tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline
from registry import jobs
from registry.clock import now
from registry.models import Dataset, Job, Project
from tests.factories import make_dataset, make_frame, make_prediction, make_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_dataset(project, frame=make_frame(600))
    return project


def answer_customers(project: Project, n: int, **changes: Any) -> list[Any]:
    """Predictions of new customers, each with its truth: who calls, leaves."""
    version = baselines.open_if_missing(project=project).live
    moment = now() - timedelta(days=40)
    made = []
    for i in range(n):
        prediction = make_prediction(
            project,
            version=version,
            entity=f"N{i}",
            at=moment + timedelta(minutes=i),
            input={"tenure": i % 60, "monthly_charges": 200.0 + i, "paperless": True},
            **changes,
        )
        Match.objects.create(
            project=project,
            prediction_id=prediction.pk,
            value="Yes" if i % 3 == 0 else "No",
            by_silence=True,
            source="silence",
            observed_at=moment + timedelta(days=30),
            predicted_at=prediction.at,
        )
        made.append(prediction)
    return made


def extracted(project: Project) -> dict[str, Any]:
    """What the first step of a run leaves; the rest of it is not waited for."""
    run = pipeline.start(project=project, budget=120, params={"slots": 1}, now=now())
    jobs.work_here(Job.objects.get(project=project, state=Job.State.QUEUED))
    outputs: dict[str, Any] = run.steps.get(name="extract").outputs
    pipeline.cancel(run=run, now=now())
    return outputs


def test_production_rows_with_mature_truth_become_a_new_dataset(
    project: Project,
) -> None:
    answer_customers(project, 60)
    answer_customers(project, 0)
    outputs = extracted(project)
    assert (outputs["dataset"], outputs["counts"]["from production"]) == (2, 60)
    dataset = Dataset.objects.get(number=2)
    assert (dataset.rows, dataset.lineage["root"]) == (660, 1)
    counts, before = dataset.split.counts, Dataset.objects.get(number=1).split.counts
    assert all(counts[part] > before[part] for part in counts)  # by the hash rule
    again = extracted(project)
    assert again["dataset"] == 2  # nothing new


def test_a_corrected_truth_corrects_the_row(project: Project) -> None:
    made = answer_customers(project, 40)
    assert extracted(project)["dataset"] == 2
    Match.objects.filter(prediction_id=made[0].pk).update(value="No")
    outputs = extracted(project)
    assert (outputs["dataset"], Dataset.objects.get(number=3).rows) == (3, 640)


def test_what_keeps_a_production_row_out_is_counted(project: Project) -> None:
    made = answer_customers(project, 10)
    later = made[0].at + timedelta(days=1)
    again = make_prediction(project, entity="N0", input=made[0].input, at=later)
    first = Match.objects.get(prediction_id=made[0].pk)
    Match.objects.create(
        project=project,
        prediction_id=again.pk,
        value="Yes",
        by_silence=True,
        source="silence",
        observed_at=first.observed_at,
        predicted_at=again.at,
    )
    truth = GroundTruth.objects.create(
        project=project,
        key_kind="entity",
        key="N1",
        value="No",
        source="outcome",
        observed_at=now(),
        received_at=now(),
        altered_by_us=True,
    )
    Match.objects.filter(prediction_id=made[1].pk).update(truth=truth)
    tried = make_prediction(project, entity="N99", test=True)
    Match.objects.create(
        project=project,
        prediction_id=tried.pk,
        value="No",
        by_silence=True,
        source="silence",
        observed_at=now(),
        predicted_at=tried.at,
    )
    counts = extracted(project)["counts"]
    assert counts["from production"] == 9
    assert (counts["repeated"], counts["altered by us"]) == (1, 1)
    assert counts["matched"] == 11  # a try-out is no prediction at all


def test_where_silence_means_no_nothing_is_learnt_before_its_time_is_over(
    project: Project,
) -> None:
    answer_customers(project, 60)
    told = []
    for number in range(20):  # who leaves says so at once, who stays cannot yet
        prediction = make_prediction(
            project,
            version=project.rollout.live,
            entity=f"early {number}",
            at=now() - timedelta(days=29, minutes=number),
            input={"tenure": 5, "monthly_charges": 300.0 + number, "paperless": True},
        )
        told.append({"prediction": str(prediction.pk), "value": "Yes"})
    record_truth(project=project, items=told, actor=None, now=now())
    counts = extracted(project)["counts"]
    assert (counts["from production"], counts["not mature yet"]) == (60, 20)
    Project.objects.update(silence="unknown")  # a yes is no likelier to be heard
    project.refresh_from_db()
    counts = extracted(project)["counts"]
    assert (counts["from production"], counts["not mature yet"]) == (80, 0)
