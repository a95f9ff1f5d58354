"""The head of the queue: what is in it, why, when it is made anew, and that nobody who
labels meanwhile notices more than better questions."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from labelling import (
    housekeeping,
    tasks,  # noqa: F401  # registers the task
)
from labelling.labeller import heads, honesty, production, refresh
from labelling.labeller.annotate import read_answer, submit, undo
from labelling.labeller.intake import import_examples
from labelling.labeller.pool import LARGEST_SHUFFLE
from labelling.labeller.queue import Handout, hand_out
from labelling.models import Annotation, Example, Queue, QueueEntry
from registry.jobs import work_here
from registry.models import Job, Project, User
from tests.factories import make_prediction, make_project, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KINDS = ("engine", "wing", "nose")
WHERE = ("left", "right", "upper", "lower", "outer", "inner")
WHEN = ("dawn", "noon", "dusk", "night", "climb")


@pytest.fixture
def strikes() -> Project:
    return make_project(
        "strikes",
        task="multiclass",
        target="part",
        classes=list(KINDS),
        positive_class="",
        fields=[{"name": "remarks", "kind": "text"}],
        costs={},
        decision={},
    )


@pytest.fixture
def erin(strikes: Project) -> User:
    return make_user("Erin", project=strikes, role="labeller")


def put(project: Project, count: int = 90, **more: Any) -> None:
    """Remarks that tell their part by its name."""
    items = [
        {"payload": {"remarks": f"{KINDS[n % 3]} {WHERE[n // 3 % 6]} {WHEN[n // 18]}"}}
        | more
        for n in range(count)
    ]
    take_in(project, items)


def take_in(project: Project, items: list[dict[str, Any]]) -> None:
    taken = import_examples(project=project, items=enumerate(items), now=NOW)
    assert not taken.errors
    cards = list(Example.objects.order_by("pk"))
    # Random at import; the same in every run here, on either side of any start.
    places = np.random.default_rng(0).permutation(len(cards))
    for card, place in zip(cards, places, strict=True):
        card.shuffle = int(place) * (LARGEST_SHUFFLE // len(cards))
    Example.objects.bulk_update(cards, ["shuffle"])


def ranked(project: Project, *, now: datetime = NOW, seed: int = 1) -> heads.Head:
    return heads.refresh(project=project, now=now, rng=np.random.default_rng(seed))


def take(project: Project, user: User, count: int = 5) -> Handout:
    return hand_out(project=project, user=user, reviews=False, count=count, now=NOW)


def label(project: Project, user: User, count: int) -> list[Annotation]:
    """Honest answers to the next cards."""
    done = []
    while len(done) < count:
        card = take(project, user, 1).cards[0]
        part = card.payload["remarks"].split()[0]
        answer = submit(
            project=project,
            example_id=card.example.pk,
            user=user,
            reviews=False,
            token=card.lease.token,
            answer=read_answer(project=project, value=part, cannot_tell=False),
            client_key=uuid4().hex,
            count=0,
            now=NOW,
        )
        done.append(answer.annotation)
    return done


def reasons() -> dict[str, int]:
    rows = QueueEntry.objects.values_list("reason", flat=True)
    return {reason: list(rows).count(reason) for reason in set(rows)}


def test_nothing_learnt_yet_is_a_cold_start_with_random_cards_between(
    strikes: Project, erin: User
) -> None:
    put(strikes)
    head = ranked(strikes)
    assert head.strategy == "cold start"
    first = [place.reason for place in head.places[:20]]
    assert first.count("cold start") >= 16
    assert first.count("random") >= 1
    assert [card.example.pk for card in take(strikes, erin).cards] == [
        place.example for place in head.places[:5]
    ]


def test_after_some_answers_the_least_sure_come_first(
    strikes: Project, erin: User
) -> None:
    put(strikes)
    ranked(strikes)
    label(strikes, erin, 24)
    head = ranked(strikes)
    assert head.strategy == "least sure"
    assert reasons()["least sure"] > reasons()["random"]
    assert {entry.version for entry in QueueEntry.objects.all()} == {2}
    queue = Queue.objects.get()
    assert (queue.version, queue.labels_at_refresh) == (2, 24)
    assert [entry["strategy"] for entry in queue.history] == [
        "cold start",
        "least sure",
    ]
    guessed = [
        place.predicted["value"]
        == Example.objects.get(pk=place.example).payload.data["remarks"].split()[0]
        for place in head.places
        if place.predicted
    ]
    assert np.mean(guessed) > 0.5


def test_a_card_comes_with_its_reason_and_the_models_guess(
    strikes: Project, erin: User
) -> None:
    put(strikes)
    ranked(strikes)
    label(strikes, erin, 24)
    ranked(strikes)
    shown = {"least sure": set(), "random": set()}
    for card in (card for _ in range(4) for card in take(strikes, erin).cards):
        assert card.lease.queue_version == 2
        assert card.lease.predicted["value"] in KINDS
        shown[card.lease.reason].add(bool(card.as_json().get("suggestion")))
    # A random card is asked without a hint: it tells how good the model is.
    assert shown == {"least sure": {True}, "random": {False}}


def test_random_cards_tell_how_good_the_model_is(strikes: Project, erin: User) -> None:
    put(strikes)
    ranked(strikes)
    label(strikes, erin, 24)
    assert honesty.estimate(strikes).n == 0  # nothing was predicted before
    ranked(strikes)
    done = label(strikes, erin, 40)
    drawn = [row for row in done if row.reason == "random"]
    found = honesty.estimate(strikes)
    assert found.n == len(drawn) > 2
    assert found.share is not None
    assert found.interval is not None
    assert found.interval[0] < found.share <= found.interval[1]


def test_a_card_taken_back_keeps_its_reason_and_its_guess(
    strikes: Project, erin: User
) -> None:
    put(strikes)
    ranked(strikes)
    label(strikes, erin, 24)
    ranked(strikes)
    answer = label(strikes, erin, 1)[0]
    _, card = undo(project=strikes, user=erin, now=NOW)
    assert card.lease.reason == answer.reason
    assert card.lease.predicted == answer.predicted
    assert card.lease.suggestion_shown == answer.suggestion


def test_gold_is_hidden_in_the_stream(strikes: Project) -> None:
    put(strikes)
    gold = [{"payload": {"remarks": f"known {n}"}, "gold": "wing"} for n in range(10)]
    take_in(strikes, gold)
    head = ranked(strikes)
    first = [place.reason for place in head.places[:40]]
    assert 1 <= first.count("gold") <= 4


def test_duplicates_are_asked_once_and_answered_together(
    strikes: Project, erin: User
) -> None:
    items = [{"payload": {"remarks": "NONE"}, "key": f"r{n}"} for n in range(4)]
    take_in(strikes, items)
    assert len(ranked(strikes).places) == 1
    card = take(strikes, erin).cards[0]
    submit(
        project=strikes,
        example_id=card.example.pk,
        user=erin,
        reviews=False,
        token=card.lease.token,
        answer=read_answer(project=strikes, value="nose", cannot_tell=False),
        client_key="k",
        count=0,
        now=NOW,
    )
    assert set(Example.objects.values_list("state", "answer")) == {("labelled", "nose")}


def test_numbers_are_asked_where_nothing_like_them_was() -> None:
    project = make_project(
        "prices",
        task="regression",
        target="price",
        classes=[],
        positive_class="",
        fields=[{"name": "size", "kind": "numeric"}],
        costs={},
        decision={},
    )
    erin = make_user("Erin", project=project, role="labeller")
    items = [{"payload": {"size": float(n)}} for n in range(100)]
    take_in(project, items)
    ranked(project)
    for _ in range(12):
        card = take(project, erin, 1).cards[0]
        submit(
            project=project,
            example_id=card.example.pk,
            user=erin,
            reviews=False,
            token=card.lease.token,
            answer=read_answer(
                project=project, value=3 * card.payload["size"], cannot_tell=False
            ),
            client_key=uuid4().hex,
            count=0,
            now=NOW,
        )
    head = ranked(project)
    assert head.strategy == "unlike the others"
    close = [
        place
        for place in head.places
        if place.predicted
        and abs(
            place.predicted["value"]
            - 3 * Example.objects.get(pk=place.example).payload.data["size"]
        )
        < 30
    ]
    assert len(close) > len(head.places) / 2


# When


def due(labels: int, *, before: int, minutes: float, newest: int = 5) -> bool:
    queue = Queue(refreshed_at=NOW, labels_at_refresh=before, newest_at_refresh=5)
    later = NOW + timedelta(minutes=minutes)
    return refresh.is_due(queue, labels=labels, newest=newest, now=later)


def test_a_queue_is_ranked_anew_after_a_tenth_more_labels_or_ten_minutes() -> None:
    assert not due(9, before=0, minutes=9)
    assert due(10, before=0, minutes=0)
    assert not due(219, before=200, minutes=9)
    assert due(220, before=200, minutes=0)
    assert due(201, before=200, minutes=10)
    assert not due(200, before=200, minutes=60)
    assert due(200, before=200, minutes=10, newest=6)
    assert due(10_250, before=10_000, minutes=0)  # or the head runs dry


def test_the_tick_asks_for_one_job_a_project_and_the_job_ranks(
    strikes: Project,
) -> None:
    put(strikes)
    housekeeping.tick(NOW)
    housekeeping.tick(NOW)
    job = Job.objects.get(task=refresh.TASK)
    assert work_here(job).state == "succeeded"
    assert job.result == {"strategy": "cold start", "rows": 90}
    assert Queue.objects.get().version == 1
    housekeeping.tick(NOW)
    assert Job.objects.filter(task=refresh.TASK).count() == 1


def test_another_schema_makes_the_vectors_anew(strikes: Project) -> None:
    put(strikes, 6)
    strikes.fields = [{"name": "remarks", "kind": "categorical"}]
    strikes.save()
    assert len(ranked(strikes).places) == 6


# What production asks


def test_what_production_is_unsure_of_becomes_a_card(
    strikes: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(production, "SHARE", 0)  # nothing is drawn besides

    def answered(text: str, sure: float, **more: Any) -> Any:
        shares = {"wing": sure, "nose": 1 - sure}
        return make_prediction(
            strikes,
            input={"remarks": text},
            output={"prediction": "wing", "probabilities": shares},
            **more,
        )

    put(strikes, 3)
    answered("clear", 0.95)
    answered("unclear", 0.55)
    answered("a trial", 0.5, test=True)
    live = answered("differs", 0.9)
    make_prediction(
        strikes,
        role="shadow",
        shadow_of=live.pk,
        input={"remarks": "differs"},
        output={"prediction": "nose"},
    )
    assert production.collect(project=strikes, now=NOW) == 2
    assert production.collect(project=strikes, now=NOW) == 0
    asked = Example.objects.filter(prediction_id__isnull=False)
    assert {(row.payload.data["remarks"], row.reason) for row in asked} == {
        ("unclear", "low confidence"),
        ("differs", "models disagree"),
    }
    head = ranked(strikes)
    assert {"low confidence", "models disagree"} <= {p.reason for p in head.places}


def test_a_share_of_all_answers_is_drawn_however_sure_they_are(
    strikes: Project, erin: User
) -> None:
    put(strikes, 3)
    for n in range(400):
        sure = 0.55 if n % 4 == 0 else 0.95
        shares = {"wing": sure, "nose": 1 - sure}
        make_prediction(
            strikes,
            id=UUID(int=n),
            input={"remarks": f"wing {n}"},
            output={"prediction": "wing", "probabilities": shares},
        )
    production.collect(project=strikes, now=NOW)
    cards = Example.objects.filter(reason="random answer")
    assert cards.count() == production.MOST_DRAWN
    numbers = [card.prediction_id.int for card in cards if card.prediction_id]
    unsure = [n for n in numbers if n % 4 == 0]
    assert 0 < len(unsure) < len(numbers) / 2  # as among all answers: a quarter
    assert production.collect(project=strikes, now=NOW) > 0  # unsure ones, none drawn
    assert cards.count() == production.MOST_DRAWN

    head = ranked(strikes)
    assert "random answer" in {place.reason for place in head.places}
    shown = [
        card
        for card in take(strikes, erin, 50).cards
        if card.lease.reason == "random answer"
    ]
    assert not any(card.lease.suggestion_shown for card in shown)


def test_where_nobody_labels_production_asks_nobody(strikes: Project) -> None:
    make_prediction(
        strikes,
        input={"remarks": "unclear"},
        output={"prediction": "wing", "probabilities": {"wing": 0.5, "nose": 0.5}},
    )
    assert production.collect(project=strikes, now=NOW) == 0


def test_enough_is_enough_when_three_refreshes_moved_nothing() -> None:
    def history(*right: int) -> list[dict[str, Any]]:
        return [
            {"n": 200, "right": n, "labels": 100 + 20 * i} for i, n in enumerate(right)
        ]

    assert "little" in honesty.advice(history(150, 180, 180, 180, 180))
    assert honesty.advice(history(150, 160, 170, 180)) == ""
    assert honesty.advice([{"n": 9, "right": 9, "labels": n} for n in range(9)]) == ""


def test_refreshes_after_imports_alone_are_no_advice_to_stop() -> None:
    same = {"n": 200, "right": 180}
    labels = [100, 150, 150, 150, 151, 155]
    assert honesty.advice([same | {"labels": n} for n in labels]) == ""
    labels += [170, 200]  # 100, 150, 170, 200 are far enough apart
    told = honesty.advice([same | {"labels": n} for n in labels])
    assert "three refreshes, 100 labels" in told
