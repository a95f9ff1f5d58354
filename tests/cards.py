"""Mails to label, and the cards that people take and answer at a moment of the test."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from labelling.labeller.annotate import Submitted, read_answer, submit
from labelling.labeller.intake import Taken, import_examples
from labelling.labeller.queue import Card, Handout, hand_out
from labelling.models import Example
from registry.models import Project, User
from tests.factories import make_project

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def make_mail() -> Project:
    return make_project(
        "mail", target="spam", fields=[{"name": "text", "kind": "text"}]
    )


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
