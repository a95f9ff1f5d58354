"""Where experts are asked about what the model is unsure of, their answers tell of its
worst alone: they train it, and count in no number of production."""

from typing import Any

import pytest

from labelling import feedback
from labelling.collector.truth import Label, record_labels, record_truth
from labelling.labeller import intake
from labelling.labeller.drafts import Draft, content_hash
from monitoring.models import HourBucket
from monitoring.monitor.folding import bring_up_to_date
from monitoring.monitor.outcomes import Outcomes
from registry.clock import now
from registry.models import Project, User
from serving.models import Prediction, PredictionInbox
from tests.factories import make_prediction, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def strikes() -> Project:
    return make_project("strikes", silence="unknown", decision={}, costs={})


@pytest.fixture
def erin(strikes: Project) -> User:
    return make_user("Erin", project=strikes, role="labeller")


def answered(project: Project, **changes: Any) -> Prediction:
    row = make_prediction(
        project, input={"tenure": Prediction.objects.count()}, **changes
    )
    PredictionInbox.objects.create(prediction_id=row.pk, project=project)
    return row


def card(project: Project, row: Prediction, reason: str) -> None:
    draft = Draft(
        index=0,
        key=f"prediction:{row.pk}",
        payload=row.input,
        content_hash=content_hash(row.input, project=project),
        reason=reason,
        prediction_id=row.pk,
    )
    intake.add(project=project, drafts=[draft], taken=intake.Taken(), now=now())


def label(project: Project, row: Prediction, value: str, author: User) -> None:
    said = Label(
        kind="prediction", key=str(row.pk), value=value, author=author, confidence=None
    )
    record_labels(project=project, labels=[said], now=now())


def heard(project: Project, role: str = "live") -> dict[str, dict[str, int]]:
    """True class → answered class → rows."""
    while not bring_up_to_date(project):
        continue
    found = Outcomes()
    for bucket in HourBucket.objects.filter(project=project, role=role, slice=""):
        found = found.merge(Outcomes.unpack(bytes(bucket.outcomes)))
    return found.confusion


def test_labels_of_unsure_answers_count_in_no_number_and_drawn_ones_do(
    strikes: Project, erin: User
) -> None:
    for reason, value in (
        ("low confidence", "No"),
        ("models disagree", "No"),
        ("reported wrong", "No"),
        ("random answer", "Yes"),
    ):
        row = answered(strikes)
        card(strikes, row, reason)
        label(strikes, row, value, erin)
    assert heard(strikes) == {"Yes": {"Yes": 1}}


def test_where_truth_comes_by_itself_too_the_answer_counts(
    strikes: Project, erin: User
) -> None:
    row = answered(strikes, reference="flight 7")
    card(strikes, row, "low confidence")
    label(strikes, row, "No", erin)
    assert heard(strikes) == {}
    item = {"reference": "flight 7", "value": "Yes"}
    record_truth(project=strikes, items=[item], actor=None, now=now())
    assert heard(strikes) == {"No": {"Yes": 1}}  # the expert's word, as ever


def test_where_silence_tells_of_all_nothing_was_left_out_by_choosing(
    erin: User,
) -> None:
    churn = make_project()  # silence is no
    row = answered(churn)
    card(churn, row, "low confidence")
    label(churn, row, "Yes", erin)
    assert heard(churn) == {"Yes": {"Yes": 1}}


def test_a_shadow_is_told_the_same_as_the_answer_it_shadows(
    strikes: Project, erin: User
) -> None:
    row = answered(strikes)
    answered(strikes, role="shadow", shadow_of=row.pk)
    card(strikes, row, "models disagree")
    label(strikes, row, "No", erin)
    assert heard(strikes) == heard(strikes, "shadow") == {}


def test_a_drawn_answer_that_a_user_reports_stays_drawn(
    strikes: Project, erin: User
) -> None:
    row = answered(strikes)
    card(strikes, row, "random answer")
    feedback.give(
        project=strikes, prediction_id=row.pk, correct=False, by_token=True, now=now()
    )
    label(strikes, row, "No", erin)
    assert heard(strikes) == {"No": {"Yes": 1}}
