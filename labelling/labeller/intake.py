"""Component 2, Data Labeller: examples come in, each once; exact duplicates are one
card, and its answer is theirs."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from labelling.labeller import vectors
from labelling.labeller.drafts import BadExample, Draft, read_draft, vector
from labelling.labeller.drawn import OF_ANSWERS
from labelling.labeller.settle import say
from labelling.models import (
    Annotation,
    Example,
    ExamplePayload,
    ExampleVector,
    Queue,
)
from registry import bulk
from registry.models import Project, User

CHUNK = 500  # rows a transaction
MOST_ERRORS = 1_000


@dataclass(kw_only=True)
class Taken:
    """What became of the items; a duplicate was here before under the same key."""

    created: int = 0
    duplicates: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)  # the first of them

    def refuse(self, index: int, message: str) -> None:
        self.failed += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append({"index": index, "message": message})


def import_examples(
    *, project: Project, items: Iterable[tuple[int, Any]], now: datetime
) -> Taken:
    """Store numbered items as they stream in, 500 a commit. Items that are here
    already count as duplicates, so an import that broke off is simply sent again."""
    taken = Taken()
    part: list[Draft] = []
    for index, item in items:
        if isinstance(item, BadExample):
            taken.refuse(index, str(item))
            continue
        try:
            part.append(read_draft(project=project, item=item, index=index))
        except BadExample as error:
            taken.refuse(index, str(error))
        if len(part) == CHUNK:
            add(project=project, drafts=part, taken=taken, now=now)
            part = []
    if part:
        add(project=project, drafts=part, taken=taken, now=now)
    return taken


@transaction.atomic
def add(
    *, project: Project, drafts: Sequence[Draft], taken: Taken, now: datetime
) -> None:
    """Store what is new, in one commit."""
    _lock_intake(project)
    fresh = _unknown(project, drafts, taken)
    hashes = {draft.content_hash for draft in fresh}
    cards = {
        card.content_hash: card
        for card in Example.objects.select_for_update()
        .filter(project=project, content_hash__in=hashes, duplicate_of=None)
        .exclude(state=Example.State.WITHDRAWN)
        .order_by("pk")
    }
    firsts: dict[str, Draft] = {}
    for draft in fresh:
        if draft.content_hash not in cards:
            firsts.setdefault(draft.content_hash, draft)
    new_cards = [_example(project, draft, None) for draft in firsts.values()]
    _insert(project, new_cards)
    cards |= {card.content_hash: card for card in new_cards}
    others = [
        (draft, cards[draft.content_hash])
        for draft in fresh
        if firsts.get(draft.content_hash) is not draft
    ]
    followers = [_example(project, draft, card) for draft, card in others]
    _insert(project, followers)
    _raise_priority(others)
    made = new_cards + followers
    drafted = [*firsts.values(), *(draft for draft, _ in others)]
    bulk.insert(
        [
            ExamplePayload(example_id=example.pk, data=draft.payload)
            for example, draft in zip(made, drafted, strict=True)
        ]
    )
    _store_vectors(project, new_cards, list(firsts.values()))
    _answer_at_once(project, followers, now=now)
    taken.created += len(made)


def _insert(project: Project, examples: Sequence[Example]) -> None:
    bulk.insert(examples)
    mine = Example.objects.filter(project=project)
    keys = mine.filter(key__in=[example.key for example in examples])
    found = dict(keys.values_list("key", "pk"))
    for example in examples:
        example.pk = found[example.key]


def _store_vectors(
    project: Project, cards: Sequence[Example], drafts: Sequence[Draft]
) -> None:
    """Of cards alone: a duplicate is never ranked."""
    fields = vectors.known_fields(project.fields, target=project.target)
    layout = vectors.layout_of(fields)
    bulk.insert(
        [
            ExampleVector(
                example_id=card.pk,
                layout=layout,
                data=vector(project, draft.payload)
                if draft.vector is None
                else draft.vector,
            )
            for card, draft in zip(cards, drafts, strict=True)
        ]
    )


def _lock_intake(project: Project) -> None:
    """Two imports at once must not make two cards of one content. Taken before any
    example, and those before the project: the order that everybody keeps."""
    Queue.objects.get_or_create(project=project)
    list(Queue.objects.select_for_update().filter(project=project))


def _unknown(project: Project, drafts: Sequence[Draft], taken: Taken) -> list[Draft]:
    keys = [draft.key for draft in drafts]
    known = dict(
        Example.objects.filter(project=project, key__in=keys).values_list(
            "key", "content_hash"
        )
    )
    fresh = []
    for draft in drafts:
        before = known.get(draft.key)
        if before is None:
            known[draft.key] = draft.content_hash
            fresh.append(draft)
        elif before == draft.content_hash:
            taken.duplicates += 1
        else:
            taken.refuse(
                draft.index, f"key: {draft.key!r} is another example's already."
            )
    return fresh


def _example(project: Project, draft: Draft, card: Example | None) -> Example:
    return Example(
        project_id=project.pk,
        key=draft.key,
        content_hash=draft.content_hash,
        duplicate_of_id=card.pk if card else None,
        prediction_id=draft.prediction_id,
        shuffle=secrets.randbits(31),
        overlap=draft.overlap,
        open_slots=0 if card else draft.overlap,
        state=card.state if card else Example.State.OPEN,
        answer=card.answer if card else None,
        agreement=card.agreement if card else None,
        reason=draft.reason,
        priority=draft.priority,
        gold=draft.gold,
    )


def _raise_priority(others: Sequence[tuple[Draft, Example]]) -> None:
    """What is urgent in a duplicate is urgent in its card."""
    for draft, card in others:
        if draft.priority > card.priority:
            card.priority = draft.priority
            if OF_ANSWERS not in (card.reason, draft.reason):  # a draw is its own
                card.reason = draft.reason or card.reason
            Example.objects.filter(pk=card.pk).update(
                priority=card.priority, reason=card.reason
            )


def _answer_at_once(
    project: Project, followers: Sequence[Example], *, now: datetime
) -> None:
    """Duplicates of a card that is labelled already are labelled with it."""
    answered: dict[int, list[Example]] = {}
    for example in followers:
        if example.state == Example.State.LABELLED:
            answered.setdefault(example.duplicate_of_id or 0, []).append(example)
    for card_id, examples in answered.items():
        author = _author(card_id)
        say(
            examples=examples,
            value=examples[0].answer,
            author=author,
            confidence=examples[0].agreement,
            now=now,
        )


def _author(card_id: int) -> User:
    rows = Annotation.objects.filter(
        example_id=card_id, state=Annotation.State.SUBMITTED
    )
    return rows.select_related("user").order_by("-pk")[0].user
