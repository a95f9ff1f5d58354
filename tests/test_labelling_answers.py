"""An answer to a card is stored once, becomes truth and brings the next one; so does a
skip, and a late answer changes nothing that was decided."""

from datetime import timedelta
from typing import Any

import pytest

from labelling.labeller import leases
from labelling.labeller.annotate import read_answer, skip
from labelling.models import Annotation, AnnotatorStat, Example, GroundTruth
from registry.errors import Conflict, InvalidInput, NotFound, Unprocessable
from registry.models import Project, User
from tests.cards import MINUTE, NOW, answer, make_mail, put, slots, take, texts
from tests.factories import make_project, make_user

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
