"""Production's answers are drawn whatever becomes of them: what failed is none, and a
wrong one stays drawn though a user reports it first."""

from typing import Any

import pytest

from labelling import feedback
from labelling.labeller import production
from labelling.labeller.drawn import chosen
from labelling.labeller.intake import import_examples
from labelling.models import Example
from registry.clock import now
from registry.models import Project
from serving.models import Prediction
from tests.factories import (
    make_prediction,
    make_project,
    make_rows,
    make_user,
    sign_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def strikes() -> Project:
    """People label here anyway."""
    project = make_project("strikes", silence="unknown", decision={}, costs={})
    items = enumerate([{"payload": customer(70)}])
    assert import_examples(project=project, items=items, now=now()).created == 1
    return project


@pytest.fixture(autouse=True)
def _all_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(production, "SHARE", 1)


def customer(tenure: int) -> dict[str, Any]:
    return make_rows(1)[0] | {"tenure": tenure}


def answered(project: Project, **changes: Any) -> Prediction:
    given = {"input": customer(Prediction.objects.count())} | changes
    return make_prediction(project, **given)


def report(project: Project, row: Prediction) -> None:
    feedback.give(
        project=project, prediction_id=row.pk, correct=False, by_token=True, now=now()
    )


def test_what_gave_no_answer_is_not_drawn(strikes: Project) -> None:
    answer = answered(strikes, role="fallback")
    answered(strikes, output={}, score=None, error="unlucky", shadow_of=answer.pk)

    assert production.collect(project=strikes, now=now()) == 1

    card = Example.objects.get(prediction_id__isnull=False)
    assert card.prediction_id == answer.pk


def test_a_wrong_answer_that_is_reported_first_is_drawn_all_the_same(
    strikes: Project,
) -> None:
    row = answered(strikes)
    report(strikes, row)

    card = Example.objects.get(prediction_id=row.pk)

    assert (card.reason, card.priority) == ("random answer", feedback.PRIORITY)
    assert chosen(strikes, [row.pk]) == set()


def test_its_labeller_reads_that_it_was_drawn_and_sees_it_first(
    strikes: Project,
) -> None:
    row = answered(strikes)
    report(strikes, row)
    make_user("Erin", project=strikes, role="labeller")

    page = sign_in("Erin").get("/p/strikes/label")

    assert page.context["card"].example.prediction_id == row.pk
    assert "drawn at random from production" in page.content.decode()


def test_what_is_reported_and_not_drawn_was_chosen(
    strikes: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "SHARE", 0)
    row = answered(strikes)
    report(strikes, row)
    assert Example.objects.get(prediction_id=row.pk).reason == "reported wrong"
    assert chosen(strikes, [row.pk]) == {row.pk}


def test_where_nothing_is_drawn_a_report_is_a_report() -> None:
    nobody_labels = make_project("strikes", silence="unknown")
    row = answered(nobody_labels)
    report(nobody_labels, row)
    assert Example.objects.get().reason == "reported wrong"


def test_one_that_is_drawn_draws_no_other_of_the_same_content(
    strikes: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsure = answered(strikes, output={"prediction": "Yes", "score": 0.6})
    monkeypatch.setattr(production, "SHARE", 0)
    production.collect(project=strikes, now=now())
    monkeypatch.setattr(production, "SHARE", 1)
    drawn = answered(strikes, input=unsure.input)

    report(strikes, drawn)

    card = Example.objects.get(prediction_id=unsure.pk)
    assert (card.reason, card.priority) == ("low confidence", feedback.PRIORITY)
    assert chosen(strikes, [unsure.pk, drawn.pk]) == {unsure.pk}


def test_reports_that_wait_keep_no_other_answer_out_of_the_draw(
    strikes: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "MOST_DRAWN", 1)
    report(strikes, answered(strikes))
    right = answered(strikes)
    assert production.collect(project=strikes, now=now()) == 1
    assert Example.objects.get(prediction_id=right.pk).reason == "random answer"
