"""Answers that are kept no longer: they go with all that holds their inputs, and every
number that was counted from them stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labelling import feedback
from labelling.collector import waiting
from labelling.models import Example, Feedback, GroundTruth, Match
from monitoring.models import DayBucket, HourBucket
from monitoring.monitor import keeping
from monitoring.monitor.fold import hour_of
from monitoring.monitor.folding import bring_up_to_date
from monitoring.monitor.series import Window, total
from registry.identifiers import uuid7
from registry.jobs import Continue
from registry.models import Project
from serving.models import Prediction, PredictionInbox
from tests.factories import make_bare_version, make_prediction, make_project, make_rows
from tests.kept import DAY, NOW, OLD, YOUNG, answered, keep, make_churn, say

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
CHANGES = {"UPDATE", "DELETE"}


@pytest.fixture
def churn() -> Project:
    return make_churn()


def test_old_answers_go_with_what_holds_their_inputs_and_young_ones_stay(
    churn: Project,
) -> None:
    inputs = make_rows(2)
    old = answered(churn, OLD, input=inputs[0])
    young = answered(churn, YOUNG, input=inputs[1])
    other = make_prediction(make_project("other", silence="unknown"), at=OLD)
    for row in (old, young):
        say(churn, row, "No", row.at + DAY)
        feedback.give(
            project=churn,
            prediction_id=row.pk,
            correct=False,
            comment="Mine.",
            by_token=True,
            now=row.at + DAY,
        )

    assert keep() == {"answers": 1, "hours": 0}

    assert set(Prediction.objects.values_list("pk", flat=True)) == {young.pk, other.pk}
    for table in (PredictionInbox, Feedback, Match, Example):
        left = table.objects.filter(project=churn)  # type: ignore[attr-defined]
        assert [row.prediction_id for row in left] == [young.pk], table
    assert GroundTruth.objects.filter(key=str(old.pk), state="matched").exists()
    assert keep(NOW + timedelta(hours=2)) == {}


def test_counts_stay_and_no_late_truth_is_counted_from_what_is_left(
    churn: Project,
) -> None:
    """The hour is cut in two: half of its answers are too old, half are not yet."""
    first = answered(churn, NOW - 30 * DAY - timedelta(minutes=20))
    second = answered(churn, NOW - 30 * DAY + timedelta(minutes=20))
    for row in (first, second):
        say(churn, row, "Yes", NOW - 28 * DAY)
    bring_up_to_date(churn)
    assert keep()["answers"] == 1

    say(churn, second, "No", NOW)  # a correction
    say(churn, first, "No", NOW)
    bring_up_to_date(churn)

    bucket = HourBucket.objects.get()
    assert (bucket.n, bucket.truths, bucket.dirty) == (2, 2, bucket.cleaned)
    assert DayBucket.objects.get().truths == 2
    assert Match.objects.get().value == "No"


def test_whoever_forgets_holds_hours_in_the_order_of_whoever_folds(
    churn: Project,
) -> None:
    """Slice before hour, or the two wait for each other for ever."""
    version = churn.versions.get(number=1)
    rows = [answered(churn, OLD + timedelta(hours=n)) for n in range(2)]
    for name in ("", "plan=gold"):
        for row in rows:
            HourBucket.objects.create(
                project=churn, version=version, role="live", slice=name,
                hour=hour_of(row.at), n=1,
            )  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        keep()
    hours = [q["sql"] for q in asked if "monitoring_hourbucket" in q["sql"]]
    frozen = [n for n, sql in enumerate(hours) if sql.startswith("UPDATE")]
    assert len(frozen) == 1
    order = hours[frozen[0] - 1].split("ORDER BY ")[1]
    names = [part.split(".")[1].split('"')[1] for part in order.split(",")]
    assert names == ["version_id", "role", "slice", "hour"]
    assert HourBucket.objects.filter(frozen=True).count() == 4


def test_whoever_forgets_takes_the_inbox_first_and_the_hours_last(
    churn: Project,
) -> None:
    """As folds and labellers do, with cards and the project in between."""
    row = answered(churn, OLD)
    say(churn, row, "No", OLD + DAY)
    bring_up_to_date(churn)
    feedback.ask_for_label(project=churn, prediction=row, now=OLD + DAY)
    with CaptureQueriesContext(connection) as asked:
        keep()
    words = [q["sql"].split() for q in asked]
    changed = [w[2] if w[0] == "DELETE" else w[1] for w in words if w[0] in CHANGES]
    tables = [name.strip('"') for name in changed if "registry_" not in name]
    assert (tables[0], tables[-1]) == (
        "serving_predictioninbox",
        "monitoring_hourbucket",
    )
    assert tables.index("labelling_example") < tables.index("labelling_match")


def test_truth_of_an_answer_that_is_gone_waits_and_expires(churn: Project) -> None:
    gone = answered(churn, OLD)
    keep()
    say(churn, gone, "Yes", NOW)
    truth = GroundTruth.objects.get()
    assert truth.state == "waiting"
    waiting.expire(now=NOW + 34 * DAY)
    waiting.expire(now=NOW + 36 * DAY)  # horizon and retention
    truth.refresh_from_db()
    assert truth.state == "expired"


def test_hundreds_go_in_pieces_and_whoever_goes_on_finds_the_rest(
    churn: Project, django_assert_max_num_queries: Any
) -> None:
    version = make_bare_version(churn)
    Prediction.objects.bulk_create(
        Prediction(
            id=uuid7(OLD),
            project=churn,
            version=version,
            role="live",
            at=OLD,
            received_at=OLD,
            latency_ms=1.0,
        )
        for _ in range(1200)
    )
    left = []

    def pause() -> None:
        left.append(Prediction.objects.count())
        if len(left) == 2:
            raise Continue

    with pytest.raises(Continue), django_assert_max_num_queries(60):
        keeping.forget_answers(churn, now=NOW, pause=pause)
    assert left == [700, 200]
    assert keeping.forget_answers(churn, now=NOW) == 200


def test_without_a_retention_answers_stay_for_ever(churn: Project) -> None:
    answered(churn, NOW - 4000 * DAY)
    Project.objects.update(retention=None)
    assert keep() == {}
    assert Prediction.objects.count() == 1


def test_an_answer_of_a_later_moment_stays_until_its_silence_counts(
    churn: Project,
) -> None:
    Project.objects.update(silence="negative", horizon=29 * DAY)
    row = answered(churn, OLD)
    Prediction.objects.filter(pk=row.pk).update(at=OLD + 5 * DAY)
    far = answered(churn, OLD)
    Prediction.objects.filter(pk=far.pk).update(at=NOW + 9_999 * DAY)
    assert keep() == {}
    assert keep(NOW + 5 * DAY)["answers"] == 1
    assert keep(NOW + 31 * DAY)["answers"] == 1  # whatever moment a client writes


def test_hours_go_after_ninety_days_and_days_tell_the_same(churn: Project) -> None:
    Project.objects.update(retention=None)
    churn.refresh_from_db()
    long_ago = NOW - 100 * DAY
    rows = [
        answered(churn, long_ago + timedelta(hours=i), score=0.1 + i / 10)
        for i in range(4)
    ]
    answered(churn, NOW - 80 * DAY)
    for row in rows[:3]:
        say(churn, row, "Yes", long_ago + 2 * DAY)
    bring_up_to_date(churn)
    window = Window(start=NOW - 101 * DAY, end=NOW)
    version = rows[0].version
    before = total(version, window, now=NOW)

    assert keep() == {"answers": 0, "hours": 4}

    after = total(version, window, now=NOW)
    assert (after.n, after.truths) == (before.n, before.truths) == (5, 3)
    assert after.outcomes.pack() == before.outcomes.pack()
    narrow = Window(start=long_ago - timedelta(hours=1), end=long_ago + DAY)
    assert total(version, narrow, now=NOW).n == 4  # the day, where hours are gone
    assert HourBucket.objects.get().hour.date() == (NOW - 80 * DAY).date()

    say(churn, rows[3], "No", NOW)  # too late to be told apart
    answered(churn, long_ago, score=0.9)  # of that day, and told only now
    bring_up_to_date(churn)
    day = DayBucket.objects.get(day=long_ago.date())
    assert (day.n, day.truths) == (5, 3)
    assert HourBucket.objects.count() == 1
