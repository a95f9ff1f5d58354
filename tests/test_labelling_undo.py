"""Undo goes back step by step through one's own answers, twenty of them."""

import pytest

from labelling.labeller.annotate import skip, undo
from labelling.models import Annotation, AnnotatorStat, Example, GroundTruth
from registry.errors import Conflict
from registry.models import Project, User
from tests.cards import NOW, answer, make_mail, put, slots, take
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail() -> Project:
    return make_mail()


@pytest.fixture
def erin(mail: Project) -> User:
    return make_user("Erin", project=mail, role="labeller")


@pytest.fixture
def omar(mail: Project) -> User:
    return make_user("Omar", project=mail, role="labeller")


def test_undo_goes_back_step_by_step(mail: Project, erin: User) -> None:
    put(mail, "a", "b", "c")
    first = take(mail, erin).cards[0]
    second = answer(first, "Yes", count=1).next.cards[0]
    skip(
        project=mail,
        example_id=second.example.pk,
        user=erin,
        token=second.lease.token,
        reason="",
        now=NOW,
    )
    undone, card = undo(project=mail, user=erin, now=NOW)
    assert (undone.state, card.payload["text"]) == ("undone", "b")
    undone, card = undo(project=mail, user=erin, now=NOW)
    assert (undone.value, card.payload["text"]) == ("Yes", "a")
    assert Example.objects.get(key="a").state == "open"
    assert slots("a", "b", "c") == [0, 0, 1]
    stat = AnnotatorStat.objects.get()
    assert (stat.submitted, stat.skipped) == (0, 0)
    with pytest.raises(Conflict):
        undo(project=mail, user=erin, now=NOW)
    answer(card, "No")
    history = GroundTruth.objects.order_by("version").values_list("value", "retracted")
    assert list(history) == [("Yes", False), (None, True), ("No", False)]


def test_undo_reaches_twenty_answers_back(mail: Project, erin: User) -> None:
    put(mail, *(f"text {n:02}" for n in range(22)))
    for _ in range(22):
        answer(take(mail, erin).cards[0], "Yes")
    for _ in range(20):
        undo(project=mail, user=erin, now=NOW)
    with pytest.raises(Conflict):
        undo(project=mail, user=erin, now=NOW)
    assert Annotation.objects.filter(state="submitted").count() == 2


def test_one_person_cannot_undo_anothers(mail: Project, erin: User, omar: User) -> None:
    put(mail, "a")
    answer(take(mail, erin).cards[0], "Yes")
    with pytest.raises(Conflict):
        undo(project=mail, user=omar, now=NOW)
