"""The queue hands out each example once, in order, and takes back what nobody answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from labelling.labeller import leases, queue
from labelling.labeller.intake import import_examples
from labelling.models import AnnotatorStat, Example, Lease, Queue, QueueEntry
from registry.errors import Conflict
from registry.models import Project, User
from tests.cards import MINUTE, NOW, answer, make_mail, put, slots, take, texts
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


def test_nobody_gets_what_another_holds(mail: Project, erin: User, omar: User) -> None:
    put(mail, "a", "b", "c")
    assert texts(take(mail, erin, 2)) == ["a", "b"]
    assert texts(take(mail, omar, 2)) == ["c"]
    assert slots("a", "b", "c") == [0, 0, 0]


def test_all_leased_says_when_to_come_back(
    mail: Project, erin: User, omar: User
) -> None:
    put(mail, "a")
    AnnotatorStat.objects.create(project=mail, user=erin, median_seconds=1)
    take(mail, erin)
    waiting = take(mail, omar, now=NOW + 1.5 * MINUTE)
    assert (waiting.cards, waiting.retry_after) == ([], 30)


def test_with_nothing_left_there_is_nothing_to_wait_for(
    mail: Project, erin: User
) -> None:
    put(mail, "a")
    card = take(mail, erin).cards[0]
    left = answer(card, "Yes", count=1).next
    assert (left.cards, left.retry_after) == ([], None)


def test_an_expired_lease_goes_to_the_next(
    mail: Project, erin: User, omar: User
) -> None:
    put(mail, "a")
    take(mail, erin)
    assert texts(take(mail, omar, now=NOW + 4 * MINUTE)) == []
    assert texts(take(mail, omar, now=NOW + 6 * MINUTE)) == ["a"]


def test_a_lease_lives_five_times_a_persons_pace_within_bounds(
    mail: Project, erin: User
) -> None:
    def lasts(median_seconds: float) -> timedelta:
        return leases.duration(AnnotatorStat(median_seconds=median_seconds))

    assert leases.duration(None) == 5 * MINUTE
    assert lasts(1) == 2 * MINUTE
    assert lasts(60) == 5 * MINUTE
    assert lasts(3600) == 30 * MINUTE


def test_a_renewed_lease_stays(mail: Project, erin: User, omar: User) -> None:
    put(mail, "a")
    card = take(mail, erin).cards[0]
    until = leases.renew(
        project=mail, user=erin, tokens=[card.lease.token], now=NOW + 4 * MINUTE
    )
    assert until == NOW + 9 * MINUTE
    assert texts(take(mail, omar, now=NOW + 6 * MINUTE)) == []
    with pytest.raises(Conflict):
        leases.renew(project=mail, user=omar, tokens=[card.lease.token], now=NOW)


def test_a_released_card_is_free_at_once(mail: Project, erin: User, omar: User) -> None:
    put(mail, "a")
    token = take(mail, erin).cards[0].lease.token
    assert leases.release(project=mail, user=omar, tokens=[token]) == 0
    assert leases.release(project=mail, user=erin, tokens=[token]) == 1
    assert texts(take(mail, omar)) == ["a"]


def test_a_closed_page_gets_its_cards_back(mail: Project, erin: User) -> None:
    put(mail, "a", "b")
    first = take(mail, erin, 2)
    again = take(mail, erin, 2, now=NOW + MINUTE)
    assert texts(again) == ["a", "b"]
    assert [c.lease.token for c in again.cards] == [c.lease.token for c in first.cards]


def test_a_card_answered_in_another_tab_is_left_out(
    mail: Project, erin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(mail, "a", "b")
    second = take(mail, erin, 2).cards[1]

    def meanwhile(project: Project, lease: Lease, example: Example) -> queue.Card:
        if lease != second.lease:
            answer(second, "Yes")
        return card_of(project, lease, example)

    card_of = queue.card_of
    monkeypatch.setattr(queue, "card_of", meanwhile)
    assert texts(take(mail, erin, 2, now=NOW + MINUTE)) == ["a"]


def test_a_card_given_back_just_now_is_worth_waiting_for(
    mail: Project, erin: User, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(mail, "a")
    held = take(mail, erin).cards[0]

    def meanwhile(project: Project, user: User) -> Any:
        leases.release(project=mail, user=erin, tokens=[held.lease.token])
        return first_back(project, user)

    first_back = queue._first_back
    monkeypatch.setattr(queue, "_first_back", meanwhile)
    assert take(mail, omar).retry_after == 1


def test_reported_comes_first_then_the_head_then_the_rest(
    mail: Project, erin: User
) -> None:
    put(mail, "a", "b", "c", "d")
    put(mail, "urgent", priority=5)
    Queue.objects.update(version=3)
    head = {"project": mail, "version": 3, "reason": "margin"}
    for place, key in enumerate(["d", "b"]):
        example = Example.objects.get(key=key)
        QueueEntry.objects.create(position=place, example=example, **head)
    QueueEntry.objects.create(
        **(head | {"version": 2}), position=0, example=Example.objects.get(key="a")
    )
    handout = take(mail, erin, 5)
    assert texts(handout) == ["urgent", "d", "b", "a", "c"]
    assert [card.lease.reason for card in handout.cards] == [
        "random", "margin", "margin", "random", "random",
    ]  # fmt: skip
    assert [card.lease.queue_version for card in handout.cards] == [0, 3, 3, 0, 0]


def test_the_target_is_never_shown(mail: Project, erin: User) -> None:
    item = {"payload": {"text": "a", "spam": "Yes"}}
    import_examples(project=mail, items=[(0, item)], now=NOW)
    assert take(mail, erin).cards[0].payload == {"text": "a"}


def test_a_suggestion_is_shown_only_where_it_cannot_anchor(
    mail: Project, erin: User
) -> None:
    put(mail, "one")
    put(mail, "two", overlap=2)
    put(mail, "gold", gold="Yes")
    Example.objects.update(predicted="Yes", score=0.8)
    shown = {
        card.payload["text"]: card.as_json().get("suggestion")
        for card in take(mail, erin, 5).cards
    }
    assert shown == {
        "one": {"value": "Yes", "probability": 0.8},
        "two": None,
        "gold": None,
    }


def test_handing_out_takes_few_queries_however_many_examples(
    mail: Project, erin: User, django_assert_max_num_queries: Any
) -> None:
    names: Sequence[str] = [f"text {n}" for n in range(60)]
    put(mail, *names)
    card = take(mail, erin).cards[0]
    with django_assert_max_num_queries(45):
        answer(card, "Yes", count=1)


def test_a_card_handed_out_again_keeps_its_token(mail: Project, erin: User) -> None:
    put(mail, "a")
    first = take(mail, erin).cards[0]
    again = take(mail, erin, now=NOW + 10 * MINUTE).cards[0]
    assert again.lease.token == first.lease.token
    assert Lease.objects.count() == 1
