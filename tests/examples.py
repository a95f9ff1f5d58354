"""Mails whose examples people answer and look through, page by page."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.test import Client

from labelling.labeller.annotate import read_answer, submit
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import hand_out
from registry.models import Project, User
from tests.factories import make_project, make_user

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PEOPLE = {"Erin": "labeller", "Omar": "labeller", "Rosa": "reviewer", "Ada": "admin"}


def make_mail() -> Project:
    project = make_project(
        "mail",
        target="spam",
        fields=[{"name": "text", "kind": "text"}],
        costs={},
        decision={},
    )
    for name, role in PEOPLE.items():
        make_user(name, project=project, role=role)
    return project


def put(project: Project, *texts: str, **more: Any) -> None:
    items = [{"payload": {"text": text}, "key": text} | more for text in texts]
    taken = import_examples(project=project, items=enumerate(items), now=NOW)
    assert not taken.errors


def say(project: Project, name: str, answers: dict[str, str]) -> None:
    user = User.objects.get(username=name)
    for _ in answers:
        card = hand_out(
            project=project, user=user, reviews=False, count=1, now=NOW
        ).cards[0]
        submit(
            project=project,
            example_id=card.example.pk,
            user=user,
            reviews=False,
            token=card.lease.token,
            answer=read_answer(
                project=project, value=answers[card.example.key], cannot_tell=False
            ),
            client_key=uuid4().hex,
            count=0,
            now=NOW,
        )


def as_person(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def page(name: str, path: str = "", **asked: str) -> str:
    answer = as_person(name).get(f"/p/mail/examples{path}", asked)
    assert answer.status_code == 200
    return answer.content.decode()
