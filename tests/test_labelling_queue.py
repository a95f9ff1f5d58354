"""The queue hands out each example once, in order, and takes back what nobody answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from labelling.labeller import leases
from labelling.labeller.amend import change
from labelling.labeller.annotate import Submitted, read_answer, skip, submit, undo
from labelling.labeller.intake import Taken, import_examples
from labelling.labeller.queue import Card, Handout, hand_out
from labelling.models import (
    Annotation,
    AnnotatorStat,
    Example,
    GroundTruth,
    Lease,
    Queue,
    QueueEntry,
)
from registry.errors import Conflict, InvalidInput, NotFound, Unprocessable
from registry.models import Project, User
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def mail() -> Project:
    return make_project(
        "mail", target="spam", fields=[{"name": "text", "kind": "text"}]
    )


@pytest.fixture
def erin(mail: Project) -> User:
    return make_user("Erin", project=mail, role="labeller")


@pytest.fixture
def omar(mail: Project) -> User:
    return make_user("Omar", project=mail, role="labeller")


def put(project: Project, *texts: str, **more: Any) -> Taken:
    items = [{"payload": {"text": text}, "key": text} | more for text in texts]
    taken = import_examples(project=project, items=enumerate(items), now=NOW)
    assert taken.errors == []
    for place, text in enumerate(texts):  # random at import, in order here
        Example.objects.filter(key=text).update(shuffle=place)
    return taken


def take(
    project: Project,
    user: User,
    count: int = 1,
    *,
    now: datetime = NOW,
    reviews: bool = False,
) -> Handout:
    return hand_out(project=project, user=user, reviews=reviews, count=count, now=now)


def texts(handout: Handout) -> list[str]:
    return [card.payload["text"] for card in handout.cards]


def answer(
    card: Card,
    value: Any,
    *,
    user: User | None = None,
    count: int = 0,
    client_key: str = "",
    now: datetime = NOW,
    reviews: bool = False,
) -> Submitted:
    project = card.example.project
    return submit(
        project=project,
        example_id=card.example.pk,
        user=user or card.lease.user,
        reviews=reviews,
        token=card.lease.token,
        answer=read_answer(project=project, value=value, cannot_tell=value is None),
        client_key=client_key or uuid4().hex,
        count=count,
        now=now,
    )


def slots(*keys: str) -> list[int]:
    found = dict(Example.objects.values_list("key", "open_slots"))
    return [found[key] for key in keys]


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


def test_an_answer_brings_the_next_card_and_becomes_truth(
    mail: Project, erin: User
) -> None:
    put(mail, "a", "b")
    card = take(mail, erin).cards[0]
    done = answer(card, "Yes", count=1, now=NOW + MINUTE)
    assert texts(done.next) == ["b"]
    assert Example.objects.get(key="a").state == "labelled"
    truth = GroundTruth.objects.get()
    assert (truth.key, truth.value, truth.source, truth.author) == (
        "a", "Yes", "expert", erin,
    )  # fmt: skip
    stat = AnnotatorStat.objects.get()
    assert (stat.submitted, stat.median_seconds) == (1, 60.0)


def test_a_prefetched_card_counts_time_from_the_answer_before(
    mail: Project, erin: User
) -> None:
    put(mail, "a", "b")
    first, second = take(mail, erin, 2).cards
    answer(first, "Yes", now=NOW + MINUTE)
    assert answer(second, "No", now=NOW + 1.5 * MINUTE).annotation.seconds == 30.0


def test_a_submit_sent_twice_is_one_answer(mail: Project, erin: User) -> None:
    put(mail, "a", "b")
    card = take(mail, erin).cards[0]
    first = answer(card, "Yes", client_key="k1")
    again = answer(card, "Yes", client_key="k1", count=1)
    assert again.repeated
    assert again.annotation.pk == first.annotation.pk
    assert texts(again.next) == ["b"]
    assert AnnotatorStat.objects.get().submitted == 1
    with pytest.raises(Unprocessable):
        answer(card, "No", client_key="k1")


def test_a_lease_is_needed_and_used_up(mail: Project, erin: User, omar: User) -> None:
    put(mail, "a", overlap=2)
    card = take(mail, erin).cards[0]
    with pytest.raises(Conflict):
        answer(card, "Yes", user=omar)
    answer(card, "Yes")
    with pytest.raises(Conflict):
        answer(card, "No")
    assert list(Annotation.objects.values_list("value", flat=True)) == ["Yes"]


def test_a_late_answer_takes_the_slot_that_is_still_free(
    mail: Project, erin: User, omar: User
) -> None:
    put(mail, "a")
    card = take(mail, erin).cards[0]
    later = NOW + 10 * MINUTE
    leases.reclaim(now=later)
    assert slots("a") == [1]
    done = answer(card, "Yes", now=later)
    assert done.annotation.late
    assert slots("a") == [0]
    assert Example.objects.get().state == "labelled"
    assert texts(take(mail, omar, now=later)) == []


def test_a_late_answer_to_a_decided_example_is_kept_and_changes_nothing(
    mail: Project, erin: User, omar: User
) -> None:
    put(mail, "a")
    slow = take(mail, erin).cards[0]
    later = NOW + 10 * MINUTE
    answer(take(mail, omar, now=later).cards[0], "No", now=later)
    assert answer(slow, "Yes", now=later).annotation.late
    example = Example.objects.get()
    assert (example.state, example.answer, example.agreement) == ("labelled", "No", 0.5)
    assert set(GroundTruth.objects.values_list("value", flat=True)) == {"No"}


def test_a_lease_of_yesterday_is_forgotten(mail: Project, erin: User) -> None:
    put(mail, "a")
    card = take(mail, erin).cards[0]
    tomorrow = NOW + timedelta(days=2)
    leases.reclaim(now=tomorrow)
    leases.forget_ended(now=tomorrow)
    with pytest.raises(Conflict):
        answer(card, "Yes", now=tomorrow)
    assert slots("a") == [1]


def test_a_skip_hands_it_on_and_comes_back_after_the_others(
    mail: Project, erin: User, omar: User
) -> None:
    put(mail, "a", "b")
    card = take(mail, erin).cards[0]
    for _ in range(2):  # a retry is the same skip
        skip(
            project=mail,
            example_id=card.example.pk,
            user=erin,
            token=card.lease.token,
            reason="in Welsh",
            now=NOW,
        )
    assert Annotation.objects.get().comment == "in Welsh"
    assert AnnotatorStat.objects.get().skipped == 1
    assert texts(take(mail, erin)) == ["b"]
    assert texts(take(mail, erin)) == ["a"]
    leases.reclaim(now=NOW + 10 * MINUTE)
    assert texts(take(mail, omar, now=NOW + 10 * MINUTE)) == ["a"]


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


@pytest.mark.parametrize("value", ["maybe", 7, ["Yes"]])
def test_a_value_outside_the_schema_is_refused(mail: Project, value: Any) -> None:
    with pytest.raises(InvalidInput, match="no class"):
        read_answer(project=mail, value=value, cannot_tell=False)
    with pytest.raises(InvalidInput, match="not both"):
        read_answer(project=mail, value="Yes", cannot_tell=True)


def test_another_projects_example_is_not_there(mail: Project, erin: User) -> None:
    other = make_project("other")
    put(mail, "a")
    card = take(mail, erin).cards[0]
    with pytest.raises(NotFound):
        skip(
            project=other,
            example_id=card.example.pk,
            user=erin,
            token=card.lease.token,
            reason="",
            now=NOW,
        )


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
