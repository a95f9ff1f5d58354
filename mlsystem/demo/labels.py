"""The act in which two people label: through the real queue, each at their own pace and
with their own mistakes, so that there is agreement, dispute, and work left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from labelling.labeller import heads
from labelling.labeller.annotate import read_answer, submit
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import Card, hand_out
from labelling.models import Annotation, Example
from mlsystem.demo.people import labellers
from mlsystem.demo.story import Act, Telling
from registry import clock
from registry.definitions import share
from registry.models import Project, User

IMPORTED = timedelta(days=20)  # before the story began
RANKED_EVERY = 50  # answers
SHARED = 0.15  # of the items are asked of both


@dataclass(frozen=True, kw_only=True)
class Session:
    """What is labelled, by whom it is known, and how well."""

    items: Callable[[], Iterable[Mapping[str, Any]]]  # {"payload", "key"}
    truth: Callable[[str], str]  # by key
    confused: Mapping[str, str]  # what a mistake says instead
    answers: int
    from_: timedelta  # before the story began, the first answer
    until: timedelta
    mistakes: float = 0.07
    unsure: Callable[[Mapping[str, Any]], float] = lambda payload: 0.0


def labelled(session: Session, *, weight: float) -> Act:
    """Import what waits, and let two people answer some of it."""

    def do(telling: Telling) -> None:
        if not telling.memory.played:
            _import(telling, session)
            _answer(telling, session)

    return Act(name="labelling", weight=weight, do=do)


def _import(telling: Telling, session: Session) -> None:
    project, moment = telling.project, telling.began - IMPORTED
    items = [_shared(item) for item in session.items()]
    with clock.moved_to(moment):
        import_examples(project=project, items=enumerate(items), now=moment)
    Example.objects.filter(project=project).update(created_at=moment)


def _shared(item: Mapping[str, Any]) -> dict[str, Any]:
    both = share(str(item["key"]), "shared") < SHARED
    return {**item, "overlap": 2 if both else 1}


def _answer(telling: Telling, session: Session) -> None:
    """From where an earlier start was interrupted."""
    project, people = telling.project, labellers(telling.project)
    done = Annotation.objects.filter(example__project=project).count()
    span = session.from_ - session.until
    for number in range(done, session.answers):
        moment = telling.began - session.from_ + span * number / session.answers
        if number % RANKED_EVERY == 0:
            rng = np.random.default_rng(number)
            heads.refresh(project=project, now=moment, rng=rng)
        _one(project, people[number % len(people)], session, moment)
        telling.bar.step(number / session.answers, f"{number} of {session.answers}")


def _one(project: Project, user: User, session: Session, moment: datetime) -> None:
    with clock.moved_to(moment):
        cards = hand_out(
            project=project, user=user, reviews=False, count=1, now=moment
        ).cards
        for card in cards:
            seconds = 3 + 12 * share(card.example.key, f"pace of {user}")
            _submit(project, user, session, card, moment + timedelta(seconds=seconds))


def _submit(
    project: Project, user: User, session: Session, card: Card, moment: datetime
) -> None:
    key, who = card.example.key, user.get_username()
    unsure = share(key, "unsure") < session.unsure(card.payload)
    said = session.truth(key)
    if share(key, f"mistake of {who}") < session.mistakes:
        said = session.confused[said]
    submit(
        project=project,
        example_id=card.example.pk,
        user=user,
        reviews=False,
        token=card.lease.token,
        answer=read_answer(
            project=project, value=None if unsure else said, cannot_tell=unsure
        ),
        client_key=f"demo:{who}:{card.example.pk}",
        count=0,
        now=moment,
    )
