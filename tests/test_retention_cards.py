"""A card of an answer that is kept no longer stays for whoever answered it, looks at it
or repeats it, and is no new label."""

from datetime import datetime, timedelta

import pytest

from labelling import feedback
from labelling.collector.truth import Label, record_labels
from labelling.labeller import browse, fresh, production
from labelling.labeller.annotate import Answer, submit
from labelling.labeller.drawn import chosen
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import Card, hand_out
from labelling.models import Example, Lease
from mlsystem.orchestrator import labels
from monitoring.owner.loop import look
from registry.models import Project, Run, User
from serving.models import Prediction
from tests.factories import make_rows, make_user
from tests.kept import DAY, NOW, OLD, YOUNG, answered, keep, make_churn

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_churn()


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


def test_a_card_that_others_repeat_stays_for_them(churn: Project) -> None:
    row = answered(churn, OLD)
    feedback.ask_for_label(project=churn, prediction=row, now=OLD)
    same = [{"payload": row.input, "key": "imported"}]
    import_examples(project=churn, items=enumerate(same), now=NOW)
    assert Example.objects.filter(duplicate_of__isnull=False).exists()
    keep()
    assert Example.objects.filter(prediction_id=None).count() == 2


@pytest.mark.parametrize("shown", ["random", "least sure", ""])
@pytest.mark.parametrize(
    ("reason", "drawn"), [("random answer", True), ("low confidence", False)]
)
def test_what_was_drawn_or_chosen_stays_so_when_its_answer_goes(
    churn: Project, reason: str, drawn: bool, shown: str
) -> None:
    """Also where the queue had a reason of its own to show it."""
    card = card_of(churn, OLD + DAY)
    Example.objects.update(reason=reason)
    Lease.objects.update(reason=shown or reason)
    reply(card, OLD + DAY)
    row = card.example.prediction_id
    assert row
    assert chosen(churn, [row]) == (set() if drawn else {row})

    keep()

    ((_, may_test),) = labels.labelled(churn, ["tenure"])
    assert may_test == drawn
