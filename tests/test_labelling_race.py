"""Eight people press "next" at once, in two processes: nobody gets another's card."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example, GroundTruth, Lease
from tests.factories import make_project, make_user
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
