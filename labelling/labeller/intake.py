"""Component 2, Data Labeller: examples come in, each once; exact duplicates are one
card, and its answer is theirs."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction

from labelling.collector.values import Value, check_value
from labelling.labeller import vectors
from labelling.labeller.settle import say
from labelling.models import (
    Annotation,
    Example,
    ExamplePayload,
    ExampleVector,
    Queue,
)
from registry import bulk, cards
from registry.models import Project, User
from registry.schema import check_row

CHUNK = 500  # rows a transaction
MOST_ANSWERS, MOST_FIELDS, LONGEST_KEY = 20, 500, 200
LONGEST_PAYLOAD = 1_000_000  # characters
MOST_ERRORS = 1_000
FIELDS = ("payload", "key", "overlap", "gold", "priority")


class BadExample(ValueError):
    """An item that cannot be an example, and the cure."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An example before it is stored."""

    index: int  # its place in what was sent
    key: str
    payload: dict[str, Any]
    content_hash: str
    overlap: int = 1
    gold: Value | None = None
    priority: int = 0
    reason: str = ""
    prediction_id: UUID | None = None
    vector: bytes | None = None  # None: computed when it is stored


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


def content_hash(payload: Mapping[str, Any], *, project: Project) -> str:
    """Of what the labeller sees: two cards of one hash look the same."""
    shown = cards.visible(payload, card=project.card, target=project.target)
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def read_draft(*, project: Project, item: Any, index: int) -> Draft:
    """`{"payload", "key"?, "overlap"?, "gold"?, "priority"?}` as a Draft."""
    if not isinstance(item, Mapping) or "payload" not in item:
        raise BadExample('Write an object with a payload: {"payload": {…}}.')
    for name in item:
        if name not in FIELDS:
            raise BadExample(f"{name}: unknown field; allowed: {', '.join(FIELDS)}.")
    payload = read_payload(project=project, payload=item["payload"])
    digest = content_hash(payload, project=project)
    key = item.get("key")
    if key is not None and (
        not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY
    ):
        raise BadExample(f"key: write a text of at most {LONGEST_KEY} characters.")
    gold = item.get("gold")
    if gold is not None:
        try:
            gold = check_value(project=project, value=gold)
        except ValueError as error:
            raise BadExample(f"gold: {error}") from error
    return Draft(
        index=index,
        key=key or digest,
        payload=payload,
        content_hash=digest,
        overlap=_whole(item, "overlap", 1, low=1, high=MOST_ANSWERS),
        gold=gold,
        priority=_whole(item, "priority", 0, low=-1000, high=1000),
        vector=_vector(project, payload),
    )


def read_payload(*, project: Project, payload: Any) -> dict[str, Any]:
    """An object of fields, or the bare value where the project has one field."""
    if not isinstance(payload, Mapping):
        if payload is None or isinstance(payload, list) or len(project.fields) != 1:
            raise BadExample("payload: write an object of fields.")
        payload = {project.fields[0]["name"]: payload}
    if not payload or len(payload) > MOST_FIELDS:
        raise BadExample(f"payload: write between 1 and {MOST_FIELDS} fields.")
    if len(json.dumps(payload)) > LONGEST_PAYLOAD:
        raise BadExample(f"payload: more than {LONGEST_PAYLOAD} characters.")
    if set(payload) == {project.target}:
        raise BadExample("payload: there is nothing in it but the target.")
    if not cards.visible(payload, card=project.card, target=project.target):
        few = ", ".join(project.card)
        raise BadExample(f"payload: labellers see {few}, and none of it is there.")
    _check_fields(project, payload)
    return dict(payload)


def _check_fields(project: Project, payload: Mapping[str, Any]) -> None:
    """What the models read has their kinds; what else labellers see is as it is."""
    fields = [field for field in project.fields if field["name"] != project.target]
    _, _, errors = check_row(fields, payload)
    if errors:
        name = errors[0].field.removeprefix("input.")
        raise BadExample(f"payload: {name}: {errors[0].message}")


def _whole(
    item: Mapping[str, Any], name: str, default: int, *, low: int, high: int
) -> int:
    value = item.get(name)
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer():  # JSON knows one kind of number
        value = int(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not low <= value <= high
    ):
        raise BadExample(f"{name}: write a whole number from {low} to {high}.")
    return value


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


def _vector(project: Project, payload: Mapping[str, Any]) -> bytes:
    fields = vectors.known_fields(project.fields, target=project.target)
    return vectors.pack(payload, fields)


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
                data=_vector(project, draft.payload)
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
            card.priority, card.reason = draft.priority, draft.reason or card.reason
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
