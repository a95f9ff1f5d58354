"""Answers that are kept no longer: they go with all that holds their inputs, and every
number that was counted from them stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labelling import feedback
from labelling.collector import waiting
from labelling.collector.truth import Label, record_labels, record_truth
from labelling.labeller import browse, fresh, production
from labelling.labeller.annotate import Answer, submit
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import Card, hand_out
from labelling.models import Example, Feedback, GroundTruth, Match
from mlsystem.orchestrator import labels
from monitoring import housekeeping
from monitoring.models import DayBucket, HourBucket
from monitoring.monitor import keeping
from monitoring.monitor.fold import hour_of
from monitoring.monitor.folding import bring_up_to_date
from monitoring.monitor.series import Window, total
from monitoring.owner.loop import look
from registry import clock, jobs
from registry.identifiers import uuid7
from registry.jobs import Continue, JobContext
from registry.models import Job, Project, Run, User
from serving.models import Prediction, PredictionInbox
from tests.calls import Rest
from tests.factories import (
    make_bare_version,
    make_key,
    make_prediction,
    make_project,
    make_rows,
    make_user,
    make_version,
    sign_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
NOW = datetime(2026, 9, 1, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, YOUNG = NOW - 31 * DAY, NOW - 29 * DAY


@pytest.fixture
def churn() -> Project:
    """Keeps its answers for 30 days; truth may take 5."""
    project = make_project(
        silence="unknown", horizon=5 * DAY, retention=30 * DAY, entity=[]
    )
    make_version(project)
    return project


def answered(project: Project, at: datetime, **changes: Any) -> Prediction:
    output = {
        "prediction": "Yes",
        "score": 0.7,
        "probabilities": {"No": 0.3, "Yes": 0.7},
    }
    version = project.versions.get(number=1)
    row = make_prediction(project, at=at, version=version, output=output, **changes)
    PredictionInbox.objects.create(prediction_id=row.pk, project=project)
    return row


def say(project: Project, row: Prediction, value: str, now: datetime) -> None:
    item = {"prediction": str(row.pk), "value": value}
    record_truth(project=project, items=[item], actor=None, now=now)


def keep(now: datetime = NOW) -> dict[str, Any]:
    """What the minute's sweep asks for, done."""
    with clock.moved_to(now):
        housekeeping.sweep(now)
        job = Job.objects.filter(task=keeping.TASK, state="queued").first()
        if job is None:
            return {}
        claimed = jobs.claim(job.pk, now=now)
        assert claimed is not None
        context = JobContext(claimed)
        keeping.keep_job(context)
        Job.objects.filter(pk=job.pk).update(state="succeeded", created_at=now)
        return Job.objects.get(pk=job.pk).result


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


def card_of(project: Project, now: datetime) -> Card:
    """One of two old answers is with Erin since."""
    erin = make_user("Erin", project=project, role="labeller")
    rows = [
        answered(project, OLD, input=row | {"tenure": i})
        for i, row in enumerate(make_rows(2))
    ]
    for row in rows:
        feedback.ask_for_label(project=project, prediction=row, now=OLD)
    (card,) = hand_out(
        project=project, user=erin, reviews=False, count=1, now=now
    ).cards
    return card


def reply(card: Card, now: datetime) -> None:
    submit(
        project=card.example.project,
        example_id=card.example.pk,
        user=card.lease.user,
        reviews=False,
        token=card.lease.token,
        answer=Answer(value="No"),
        client_key="one",
        count=0,
        now=now,
    )


def test_a_card_that_an_expert_answered_stays_and_is_still_learnt_from(
    churn: Project,
) -> None:
    card = card_of(churn, OLD + DAY)
    reply(card, OLD + DAY)

    assert keep()["answers"] == 2

    kept = Example.objects.get()
    assert (kept.pk, kept.prediction_id, kept.answer) == (card.example.pk, None, "No")
    ((row, _),) = labels.labelled(churn, ["tenure"])
    assert row["churn"] == "No"


@pytest.mark.parametrize("looked", [False, True])
def test_what_is_kept_of_a_label_is_no_new_label(churn: Project, looked: bool) -> None:
    reply(card_of(churn, OLD + DAY), OLD + DAY)
    if looked:
        Run.objects.create(
            project=churn, number=1, kind="pipeline", state="succeeded",
            budget_seconds=1,
        )  # fmt: skip
        Run.objects.update(created_at=OLD + 2 * DAY)
    before = fresh.new_labels(churn)
    assert before == (0 if looked else 1)

    keep()

    assert fresh.new_labels(churn) == before
    assert look(churn, None, now=NOW).truth_at == OLD + DAY  # none has come since


def test_a_card_that_is_kept_still_came_from_production(churn: Project) -> None:
    reply(card_of(churn, OLD + DAY), OLD + DAY)
    keep()
    kept = Example.objects.get()
    for source, found in {"production": [kept], "imported": []}.items():
        assert (
            browse.examples(churn, asked={"source": source}, before=None).rows == found
        )
    answered(churn, YOUNG)  # hardly sure, where nobody brought anything to label
    assert production.collect(project=churn, now=NOW) == 0


def test_a_card_that_somebody_looks_at_stays_for_the_answer(churn: Project) -> None:
    card = card_of(churn, NOW - timedelta(minutes=1))
    assert keep()["answers"] == 1
    reply(card, NOW)
    assert keep(NOW + timedelta(hours=2))["answers"] == 1
    kept = Example.objects.get()
    assert (kept.pk, kept.answer) == (card.example.pk, "No")


def test_a_card_that_nobody_answered_after_all_goes_later(churn: Project) -> None:
    card_of(churn, NOW - timedelta(minutes=1))
    keep()
    assert Example.objects.count() == Prediction.objects.count() == 1
    keep(NOW + timedelta(hours=2))  # the page was closed
    assert Example.objects.count() == Prediction.objects.count() == 0


def test_what_a_reviewer_decides_of_a_kept_card_is_truth_that_came(
    churn: Project,
) -> None:
    reply(card_of(churn, OLD + DAY), OLD + DAY)
    keep()
    kept = Example.objects.get()
    word = Label(
        kind="example", key=kept.key, value="Yes", author=User.objects.get(),
    )  # fmt: skip
    record_labels(project=churn, labels=[word], now=NOW)
    assert look(churn, None, now=NOW).truth_at == NOW


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


def test_a_card_that_others_repeat_stays_for_them(churn: Project) -> None:
    row = answered(churn, OLD)
    feedback.ask_for_label(project=churn, prediction=row, now=OLD)
    same = [{"payload": row.input, "key": "imported"}]
    import_examples(project=churn, items=enumerate(same), now=NOW)
    assert Example.objects.filter(duplicate_of__isnull=False).exists()
    keep()
    assert Example.objects.filter(prediction_id=None).count() == 2


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


def test_people_are_told_how_long_and_since_when(churn: Project) -> None:
    make_user("Owen", project=churn, role="owner")
    gone, _ = answered(churn, OLD), answered(churn, YOUNG)
    keep()
    with clock.moved_to(NOW):
        owen = sign_in("Owen")
        page = owen.get("/p/churn/predictions").content.decode()
        missing = owen.get(f"/p/churn/predictions/{gone.pk}")
        over_rest = Rest(churn, make_key(churn, "manage")).get(
            f"/api/v1/projects/churn/predictions/{gone.pk}"
        )
    assert "The oldest is of" in page
    assert "Answers are kept for 30 days, then deleted with their inputs." in page
    assert missing.status_code == over_rest.status_code == 404
    assert "Answers are kept for 30 days here" in over_rest.json()["detail"]


@pytest.mark.parametrize("change", [{"retention_days": 7}, {"horizon_days": 29.5}])
def test_answers_that_go_before_silence_means_no_are_refused(
    churn: Project, change: dict[str, Any]
) -> None:
    """Without them no hour would ever be counted, and nothing would say so."""
    Project.objects.update(silence="negative", horizon=7 * DAY, retention=30 * DAY)
    rest = Rest(churn, make_key(churn, "manage"))
    answer = rest.patch("/api/v1/projects/churn", change)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "retention_days"
    assert "days at least, or shorten the horizon" in error["message"]
    Project.objects.update(silence="unknown")  # truth that comes is counted as it comes
    assert rest.patch("/api/v1/projects/churn", change).status_code == 200


def test_the_form_says_at_its_field_how_long_answers_must_stay(churn: Project) -> None:
    make_user("Owen", project=churn, role="owner")
    given: dict[str, Any] = {"name": "Churn", "primary_metric": "roc_auc"}
    given |= {"zone": "UTC", "revision": churn.revision}
    given |= {"silence": "negative", "horizon_days": "30", "retention_days": "7"}
    page = sign_in("Owen").post("/p/churn/settings", given)
    (message,) = page.context["form"].errors["retention_days"]
    assert message.startswith("Keep answers for 31 days at least")
    churn.refresh_from_db()
    assert churn.retention == 30 * DAY


@pytest.mark.parametrize("days", [0, 0.5, -1])
def test_less_than_a_day_is_refused(churn: Project, days: float) -> None:
    rest = Rest(churn, make_key(churn, "manage"))
    answer = rest.patch("/api/v1/projects/churn", {"retention_days": days})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "retention_days"
    churn.refresh_from_db()
    assert churn.retention == 30 * DAY
