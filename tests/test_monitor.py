"""The monitor: each prediction counts once, in any order of commits and truths."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelling.collector.truth import record_truth
from monitoring import housekeeping
from monitoring.models import DayBucket, HourBucket
from monitoring.monitor import folding
from monitoring.monitor.folding import bring_up_to_date
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.series import Window, points, read, total
from registry.clock import now
from registry.models import Job, Project
from serving.models import Prediction, PredictionInbox
from tests.factories import (
    make_dataset,
    make_prediction,
    make_project,
    make_rows,
    make_serving,
    make_user,
    make_version,
    sign_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
NOW = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def answered(project: Project, **changes: Any) -> Prediction:
    """A stored answer that waits in the inbox, as the front-end leaves it."""
    score = changes.pop("score", 0.7)
    said = "Yes" if score >= 0.5 else "No"
    given_ = {
        "at": NOW,
        "score": score,
        "output": {
            "prediction": said,
            "score": score,
            "probabilities": {"No": 1 - score, "Yes": score},
        },
    }
    row = make_prediction(project, **(given_ | changes))
    PredictionInbox.objects.create(prediction_id=row.pk, project=project)
    return row


def truth(project: Project, row: Prediction, value: str, now: datetime = NOW) -> None:
    item = {"prediction": str(row.pk), "value": value}
    record_truth(project=project, items=[item], actor=None, now=now)


def whole(project: Project, **changes: Any) -> dict[str, Any]:
    """Every bucket of the project by its place, in words."""
    bring_up_to_date(project)
    return {
        (b.version.number, b.role, b.slice, b.hour.isoformat()): (
            b.n,
            b.truths,
            bytes(b.inputs),
            Outcomes.unpack(bytes(b.outcomes)).confusion,
        )
        for b in HourBucket.objects.filter(project=project).select_related("version")
    }


@pytest.fixture
def churn() -> Project:
    return make_project(silence="unknown")


def test_predictions_are_counted_once_by_the_hour_they_are_for(churn: Project) -> None:
    for shift in (0, 0, 1):
        answered(churn, at=NOW + shift * HOUR)
    answered(churn, test=True)
    bring_up_to_date(churn)
    bring_up_to_date(churn)
    counts = HourBucket.objects.order_by("hour").values_list("hour__hour", "n")
    assert list(counts) == [(12, 2), (13, 1)]
    assert not PredictionInbox.objects.exists()
    assert DayBucket.objects.get().n == 3


def test_a_prediction_that_commits_late_is_still_counted(churn: Project) -> None:
    late = make_prediction(churn, at=NOW)  # its id is the smaller one
    answered(churn, at=NOW)
    bring_up_to_date(churn)
    PredictionInbox.objects.create(prediction_id=late.pk, project=churn)
    bring_up_to_date(churn)
    assert HourBucket.objects.get().n == 2


@given(order=st.permutations(range(6)), early=st.booleans())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_order_of_truths_and_folds_gives_the_same_buckets(
    churn: Project, order: list[int], early: bool
) -> None:
    HourBucket.objects.all().delete()
    Prediction.objects.all().delete()
    rows = [
        answered(churn, score=0.1 + i / 8, at=NOW + (i % 2) * HOUR) for i in range(6)
    ]
    if not early:
        bring_up_to_date(churn)
    for i in order:
        truth(churn, rows[i], "No")
        if i % 2:
            bring_up_to_date(churn)
        truth(churn, rows[i], "Yes" if i > 2 else "No")  # corrected, or said twice
    found = whole(churn)
    n = {key[3][11:13]: value[:2] for key, value in found.items()}
    assert n == {"12": (3, 3), "13": (3, 3)}
    by_hour = {key[3][11:13]: value[3] for key, value in found.items()}
    assert by_hour["12"] == {"No": {"No": 2}, "Yes": {"Yes": 1}}
    assert by_hour["13"] == {"No": {"No": 1}, "Yes": {"No": 1, "Yes": 1}} or (
        by_hour["13"] == {"No": {"No": 1}, "Yes": {"Yes": 2}}
    )


@pytest.mark.faults
def test_a_day_that_a_crash_left_old_is_merged_by_the_next_fold(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = answered(churn)
    bring_up_to_date(churn)
    answered(churn, at=NOW + HOUR, version=row.version)
    truth(churn, row, "Yes")

    def crash(project: Project) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(folding, "merge_days", crash)
        with pytest.raises(KeyboardInterrupt):
            bring_up_to_date(churn)
    day = DayBucket.objects.get()
    assert (day.n, day.truths) == (1, 0)

    housekeeping.tick(NOW)  # nothing waits in an inbox: the hours ask for it
    assert Job.objects.filter(task="monitoring.fold", project=churn).exists()
    bring_up_to_date(churn)

    day.refresh_from_db()
    assert (day.n, day.truths) == (2, 1)
    assert not HourBucket.objects.filter(unmerged=True).exists()


def test_truth_that_came_first_counts_when_its_prediction_is_folded(
    churn: Project,
) -> None:
    row = answered(churn)
    truth(churn, row, "Yes")
    bring_up_to_date(churn)
    bucket = HourBucket.objects.get()
    assert (bucket.n, bucket.truths, bucket.dirty) == (1, 1, bucket.cleaned)


def test_a_truth_during_the_recount_keeps_the_hour_dirty(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitoring.monitor import truths

    one, two = answered(churn), answered(churn)
    truth(churn, one, "Yes")
    bring_up_to_date(churn)
    truth(churn, one, "No")
    truths.mark_hours(churn)
    count = truths.outcomes_of

    def meanwhile(*arguments: Any) -> Outcomes:
        monkeypatch.setattr(truths, "outcomes_of", count)
        truth(churn, two, "Yes")
        truths.mark_hours(churn)
        return count(*arguments)

    monkeypatch.setattr(truths, "outcomes_of", meanwhile)
    bring_up_to_date(churn)
    assert HourBucket.objects.get().truths == 2


def test_every_number_has_its_interval_n_and_coverage(churn: Project) -> None:
    for i in range(80):
        row = answered(churn, score=0.2 + 0.6 * (i % 2), at=NOW - (i % 5) * HOUR)
        if i < 60:
            truth(churn, row, "Yes" if i % 2 else "No")
    bring_up_to_date(churn)
    version = row.version
    window = Window(start=NOW - DAY, end=NOW + DAY)
    auc = read(total(version, window, now=NOW), "roc_auc")
    assert (auc["value"], auc["n"], auc["coverage"]) == (1.0, 60, 0.75)
    errors = read(total(version, window, now=NOW), "error_rate")
    assert errors["value"] == 0.0
    assert 0 < errors["high"] < 0.06
    by_day = points(
        version, Window(start=NOW - DAY, end=NOW + DAY, by="day"), "accuracy", now=NOW
    )
    assert [point["n"] for point in by_day] == [60]


def test_hours_that_cannot_be_added_are_counted_and_take_no_page_down() -> None:
    """Before the positive class was fixed by data, a PATCH could leave such hours."""
    churn = make_serving(make_project(silence="unknown")).project
    version = churn.versions.get()
    started = now()
    for i in range(40):
        row = answered(churn, version=version, score=0.2 + 0.6 * (i % 2), at=started)
        truth(churn, row, "Yes" if i % 2 else "No", now=started)
    bring_up_to_date(churn)
    Project.objects.update(positive_class="No")
    row = answered(churn, version=version, at=started - HOUR)
    truth(churn, row, "Yes", now=started)
    bring_up_to_date(Project.objects.get())
    Project.objects.update(positive_class="Yes")

    make_user("Owen", project=churn, role="owner")
    owen = sign_in("Owen")
    for page in ("/", "/p/churn", "/p/churn/monitor", "/p/churn/rollout"):
        assert owen.get(page).status_code == 200, page
    said = owen.get("/api/v1/projects/churn/metrics?metric=roc_auc").json()
    assert said["series"][0]["total"]["n"] == 40
    assert said["series"][0]["total"]["left_out"] == 1
    shown = owen.get("/p/churn/monitor/charts/metric?metric=roc_auc&days=7")
    assert "1 counted for another positive class" in shown.content.decode()


def test_hours_that_silence_has_not_closed_count_in_no_total() -> None:
    churn = make_project()  # silence means no after 30 days
    young = answered(churn, at=NOW - DAY)
    truth(churn, young, "Yes")
    for i in range(40):
        old = answered(churn, at=NOW - 40 * DAY, score=0.1 if i % 2 else 0.9)
        truth(churn, old, "No" if i % 2 else "Yes")
    bring_up_to_date(churn)
    window = Window(start=NOW - 60 * DAY, end=NOW + DAY)
    found = total(young.version, window, now=NOW)
    assert (found.n, found.truths, found.outcomes.n) == (41, 40, 40)
    shown = points(young.version, window, "accuracy", now=NOW)
    assert [point["mature"] for point in shown] == [True, False]


def test_declared_slices_have_numbers_of_their_own(churn: Project) -> None:
    churn.gate = {"slices": ["contract"]}
    churn.save()
    for i in range(40):
        kind = "One year" if i % 4 else "Two year"
        row = answered(churn, input={"contract": kind, "monthly_charges": 50})
        truth(churn, row, "Yes")
    bring_up_to_date(churn)
    window = Window(start=NOW - DAY, end=NOW + DAY, slice="contract=One year")
    found = total(row.version, window, now=NOW)
    assert (found.n, found.truths) == (30, 30)


def test_inputs_are_compared_with_the_version_s_own_data(churn: Project) -> None:
    from monitoring.monitor.drifting import drift_report
    from registry.featurizer import features_spec

    dataset = make_dataset(churn)
    version = make_version(
        churn, dataset=dataset, kind="trained", features=features_spec(churn)
    )
    for i in range(240):
        same = make_rows(240)[i] | {"monthly_charges": 500.0 + i}
        answered(churn, version=version, input=same, features=same)
    bring_up_to_date(churn)
    report = drift_report(version, now=NOW)
    states = {f["feature"]: f["state"] for f in report["features"]}
    assert report["n"] == 240
    assert {name for name, state in states.items() if state != "ok"} == {
        "monthly_charges"
    }
    assert set(states) >= {"tenure", "contract", "paperless"}
    assert report["state"] == "alert"
