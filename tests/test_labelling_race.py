"""Eight people press "next" at once, in two processes: nobody gets another's card."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections

from labelling.labeller import annotate
from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example, GroundTruth, Lease
from tests.factories import make_project, make_user, sign_in
from tests.processes import end_of, start_python

PEOPLE, PROCESSES, EXAMPLES = 8, 2, 160
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

# Each person takes, answers and takes on in one transaction until nothing is left; now
# and then a card is released or taken back, so that slots move in both directions.
LABELLER = """
import json, sys, threading, time
from uuid import uuid4
from django.db import connections
from labelling.labeller import leases
from labelling.labeller.annotate import Answer, submit, undo
from labelling.labeller.queue import hand_out
from registry.clock import now
from registry.models import Project, User

# A busy machine may stand still: no lease is over meanwhile, nobody gives up on a lock.
leases.SHORTEST = leases.UNKNOWN = leases.LONGEST
if connections["default"].vendor == "sqlite":
    connections.settings["default"]["OPTIONS"] |= {
        "timeout": 300,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
    }
project = Project.objects.get()
answered, gate = [], threading.Barrier(len(sys.argv) - 1)

def label(name):
    user = User.objects.get(username=name)
    gate.wait()
    cards, turn = [], 0
    while True:
        if not cards:
            handout = hand_out(
                project=project, user=user, reviews=False, count=2, now=now()
            )
            cards = handout.cards
            if not cards and handout.retry_after is None:
                break
            if not cards:
                time.sleep(0.02)
                continue
        turn += 1
        card = cards.pop(0)
        if turn % 7 == 0:
            leases.release(project=project, user=user, tokens=[card.lease.token])
            continue
        done = submit(
            project=project, example_id=card.example.pk, user=user, reviews=False,
            token=card.lease.token, answer=Answer(value="Yes"),
            client_key=uuid4().hex, count=0 if cards else 1, now=now(),
        )
        cards += done.next.cards
        if turn % 5 == 0:
            _, card = undo(project=project, user=user, now=now())
            cards.insert(0, card)
        else:
            answered.append(card.example.pk)
    connections.close_all()

threads = [threading.Thread(target=label, args=[name]) for name in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(answered))
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("overlap", [1, 2])
def test_no_example_is_answered_more_often_than_wanted(overlap: int) -> None:
    project = make_project(
        "mail", target="spam", fields=[{"name": "text", "kind": "text"}]
    )
    items = [
        {"payload": {"text": f"text {n}"}, "overlap": overlap}
        for n in range(EXAMPLES // overlap)
    ]
    import_examples(project=project, items=enumerate(items), now=NOW)
    names = [f"person {n}" for n in range(PEOPLE)]
    for name in names:
        make_user(name, project=project, role="labeller")

    share = PEOPLE // PROCESSES
    children = [
        start_python(LABELLER, *names[i : i + share]) for i in range(0, PEOPLE, share)
    ]
    said = [end_of(child) for child in children]

    answered = Counter(pk for text in said for pk in json.loads(text.splitlines()[-1]))
    assert sum(answered.values()) == EXAMPLES, said
    assert set(answered.values()) == {overlap}
    submitted = Annotation.objects.filter(state="submitted")
    pairs = Counter(submitted.values_list("example_id", "user_id"))
    assert set(pairs.values()) == {1}
    assert submitted.count() == EXAMPLES
    assert not Lease.objects.exists()
    states = set(Example.objects.values_list("state", "open_slots"))
    assert states == {("labelled", 0)}
    latest = GroundTruth.objects.order_by("key", "version").values_list("key", "value")
    assert set(dict(latest).values()) == {"Yes"}


@pytest.mark.django_db(transaction=True)
def test_an_undo_that_is_asked_for_again_while_it_stalls_takes_back_one_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(
        "mail", target="spam", fields=[{"name": "text", "kind": "text"}]
    )
    erin = make_user("Erin", project=project, role="labeller")
    items = [{"payload": {"text": f"text {n}"}} for n in range(2)]
    import_examples(project=project, items=enumerate(items), now=NOW)
    for _ in items:
        (card,) = annotate.hand_out(
            project=project, user=erin, reviews=False, count=1, now=NOW
        ).cards
        annotate.submit(
            project=project, example_id=card.example.pk, user=erin, reviews=False,
            token=card.lease.token, answer=annotate.Answer(value="Yes"),
            client_key=uuid4().hex, count=0, now=NOW,
        )  # fmt: skip
    client = sign_in("Erin")
    stalls, waits = Event(), Event()
    settle = annotate.settle

    def stall(**given: Any) -> None:
        stalls.set()
        assert waits.wait(120)
        settle(**given)

    def tell(execute: Callable[..., Any], sql: str, *given: Any) -> Any:
        if sql.startswith("BEGIN") or "FOR NO KEY UPDATE" in sql or "FOR UPDATE" in sql:
            waits.set()  # from here on it cannot go on before the other has ended
        return execute(sql, *given)

    def undo(**more: str) -> str:
        try:
            page = client.post("/p/mail/label/step", {"do": "undo", **more})
            return page.content.decode()
        finally:
            connections.close_all()

    def again() -> str:
        assert stalls.wait(120)
        with connection.execute_wrapper(tell):
            return undo(halfway="yes")

    monkeypatch.setattr(annotate, "settle", stall)
    with ThreadPoolExecutor(2) as pool:
        answers = [one.result(300) for one in (pool.submit(undo), pool.submit(again))]

    assert [text.count("You took this one back") for text in answers] == [1, 1]
    (undone,) = Annotation.objects.filter(state="undone")
    assert all(f'data-example="{undone.example_id}"' in text for text in answers)
