"""Cards whose answer is known are counted once, and pause whoever fails on them."""

import pytest

from labelling.labeller.amend import change
from labelling.labeller.annotate import read_answer, undo
from labelling.models import (
    Annotation,
    AnnotatorStat,
    Example,
    Queue,
    QueueEntry,
)
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


def test_nobody_is_told_which_card_is_a_test(mail: Project, erin: User) -> None:
    put(mail, "a", gold="Yes")
    put(mail, "b")
    Queue.objects.update(version=1)
    for place, (key, reason) in enumerate({"a": "gold", "b": "random"}.items()):
        example = Example.objects.get(key=key)
        head = {"project": mail, "version": 1, "reason": reason}
        QueueEntry.objects.create(position=place, example=example, **head)
    handout = take(mail, erin, 2)
    told = handout.as_json()["examples"]
    assert [card["reason"] for card in told] == ["random", "random"]
    assert set(told[0]) == set(told[1])
    kept = [card.lease.reason for card in handout.cards]
    assert kept == ["gold", "random"]  # for whoever counts


def test_who_is_paused_gets_nothing_and_is_told_who_can_lift_it(
    mail: Project, erin: User
) -> None:
    put(mail, "a", "b")
    card = take(mail, erin).cards[0]
    AnnotatorStat.objects.create(
        project=mail, user=erin, submitted=12, gold_seen=10, gold_right=4, paused=True
    )
    handout = take(mail, erin)
    assert (handout.cards, handout.retry_after) == ([], None)
    assert "4 of 10" in handout.paused
    assert "a reviewer of the project" in handout.paused
    make_user("Rosa", project=mail, role="reviewer")
    assert "Rosa" in take(mail, erin).paused
    # What is on its way is stored all the same.
    assert answer(card, "Yes", count=1).next.paused
    assert slots("a", "b") == [0, 1]
    with pytest.raises(Conflict, match="paused"):
        undo(project=mail, user=erin, now=NOW)


def test_the_answer_that_pauses_is_stored(mail: Project, erin: User) -> None:
    put(mail, *(f"gold {n:02}" for n in range(12)), gold="Yes")
    card = take(mail, erin).cards[0]
    for _ in range(9):
        card = answer(card, "No", count=1).next.cards[0]
    last = answer(card, "No", count=1, client_key="tenth")
    again = answer(card, "No", count=1, client_key="tenth")
    assert (last.next.cards, again.next.cards) == ([], [])
    assert "0 of 10" in last.next.paused
    assert again.next.paused == last.next.paused
    assert Annotation.objects.filter(state="submitted").count() == 10
    assert AnnotatorStat.objects.get().paused


def test_gold_is_counted(mail: Project, erin: User) -> None:
    put(mail, "a", "b", gold="Yes")
    for value in ("Yes", "No"):
        answer(take(mail, erin).cards[0], value)
    stat = AnnotatorStat.objects.get()
    assert (stat.gold_seen, stat.gold_right) == (2, 1)


def test_gold_counts_once_when_its_answer_is_taken_back_or_changed(
    mail: Project, erin: User
) -> None:
    put(mail, "a", gold="Yes")
    answer(take(mail, erin).cards[0], "Yes")
    _, card = undo(project=mail, user=erin, now=NOW)
    stat = AnnotatorStat.objects.get()
    assert (stat.gold_seen, stat.gold_right) == (0, 0)
    wrong = answer(card, "No").annotation
    stat.refresh_from_db()
    assert (stat.gold_seen, stat.gold_right) == (1, 0)
    better = read_answer(project=mail, value="Yes", cannot_tell=False)
    change(project=mail, annotation_id=wrong.pk, user=erin, answer=better, now=NOW)
    stat.refresh_from_db()
    assert (stat.gold_seen, stat.gold_right) == (1, 1)
