"""Component 1, Ground-truth Collector: the only door through which truth enters.

Append-only and idempotent; a truth may come before its prediction (it waits), twice
(it is stored once), corrected (the later observation counts, the history stays), or
for something nobody predicted (it is listed and counted).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from labelling.collector import facts, matching
from labelling.collector.choice import Asked
from labelling.collector.claims import Claim, Refused, read_claim
from labelling.collector.values import Value
from labelling.models import GroundTruth
from registry.actors import Actor
from registry.errors import FieldError, InvalidInput, TooLarge
from registry.models import Project, User

LARGEST_BATCH = 10_000
KeyKind, Source = GroundTruth.KeyKind, GroundTruth.Source
Voice = tuple[str, str, datetime | None, str]


@dataclass(kw_only=True)
class Summary:
    """What became of the items: `waiting` of the accepted have no prediction yet."""

    accepted: int = 0
    duplicates: int = 0
    waiting: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "waiting": self.waiting,
            "errors": self.errors,
        }


@dataclass(frozen=True, kw_only=True)
class Label:
    """What the experts agreed on; value None takes it back."""

    kind: str  # prediction or example
    key: str
    value: Value | None
    author: User
    confidence: float | None = None
    before: GroundTruth | None = None  # the same word, said under another key


def record_truth(
    *,
    project: Project,
    items: Sequence[Any],
    actor: Actor | None,
    now: datetime,
    source: str | None = None,
) -> Summary:
    """Store truths as the REST contract writes them; a bad item is an error in its
    place and does not keep the others out."""
    if len(items) > LARGEST_BATCH:
        raise TooLarge(f"{len(items)} truths; send at most {LARGEST_BATCH} at once.")
    summary = Summary()
    claims = []
    for index, item in enumerate(items):
        try:
            claim = read_claim(project=project, item=item, source=source, now=now)
        except Refused as error:
            where = f"{error.field}: " if error.field else ""
            summary.errors.append({"index": index, "message": f"{where}{error}"})
        else:
            claims.append(claim)
    key_id = actor.key.pk if actor and actor.key else None
    for start in range(0, len(claims), matching.CHUNK):
        part = claims[start : start + matching.CHUNK]
        store(project=project, claims=part, now=now, summary=summary, key_id=key_id)
    return summary


def record_one_truth(
    *, project: Project, item: Any, actor: Actor | None, now: datetime
) -> Summary:
    """The same for a single item, which is refused as a whole."""
    try:
        claim = read_claim(project=project, item=item, source=None, now=now)
    except Refused as error:
        raise InvalidInput(
            "This truth cannot be used.",
            errors=[FieldError(error.field or "body", str(error))],
        ) from error
    summary = Summary()
    key_id = actor.key.pk if actor and actor.key else None
    store(project=project, claims=[claim], now=now, summary=summary, key_id=key_id)
    return summary


def record_labels(*, project: Project, labels: Sequence[Label], now: datetime) -> None:
    """Truth of source expert; only a consensus of the labeller says it."""
    claims = [
        Claim(
            kind=label.kind,
            key=label.key,
            value=label.value,
            source=Source.EXPERT,
            observed_at=label.before.observed_at if label.before else now,
            dated=label.before is not None,
            received_at=label.before.received_at if label.before else None,
            author_id=label.author.pk,
            confidence=label.confidence,
        )
        for label in labels
    ]
    for start in range(0, len(claims), matching.CHUNK):
        part = claims[start : start + matching.CHUNK]
        store(project=project, claims=part, now=now, summary=Summary())


@transaction.atomic
def store(
    *,
    project: Project,
    claims: Sequence[Claim],
    now: datetime,
    summary: Summary,
    key_id: int | None = None,
) -> None:
    """Append what is new and bring the matches it touches up to date, in one commit."""
    matching.lock(project)
    known = _said_before(project, claims)
    asked = _asked_by_entity(project, claims, known)
    rows = []
    for claim in claims:
        said = known[claim.voice]
        if _is_repeated(claim, said, asked.get(claim.key, ()), project):
            summary.duplicates += 1
            continue
        row = _row(project, claim, said, now=now, key_id=key_id)
        said.append(row)
        rows.append(row)
    GroundTruth.objects.bulk_create(rows)
    touched = matching.touched_by(project=project, truths=rows)
    joined = matching.rematch(project=project, asked=touched, now=now)
    unasked = [row for row in rows if row.pk not in joined]
    facts.add_unasked(project=project, truths=unasked)
    summary.accepted += len(rows)
    summary.waiting += sum(
        row.key_kind != KeyKind.EXAMPLE and row.pk not in joined for row in rows
    )


def _row(
    project: Project,
    claim: Claim,
    said: Sequence[GroundTruth],
    *,
    now: datetime,
    key_id: int | None,
) -> GroundTruth:
    observed_at = claim.observed_at
    if said and not claim.dated:  # "now" is later than whatever was said before
        observed_at = max(observed_at, _current(said).observed_at)
    labelled = claim.kind == KeyKind.EXAMPLE
    return GroundTruth(
        project=project,
        key_kind=claim.kind,
        key=claim.key,
        at=claim.at,
        value=claim.value,
        retracted=claim.value is None,
        source=claim.source,
        version=1 + max((row.version for row in said), default=0),
        state=GroundTruth.State.MATCHED if labelled else GroundTruth.State.WAITING,
        observed_at=observed_at,
        received_at=claim.received_at or now,
        author_id=claim.author_id,
        api_key_id=key_id,
        confidence=claim.confidence,
    )


def _current(said: Sequence[GroundTruth]) -> GroundTruth:
    return max(said, key=lambda row: (row.observed_at, row.version))


def _is_repeated(
    claim: Claim,
    said: Sequence[GroundTruth],
    asked: Sequence[Asked],
    project: Project,
) -> bool:
    """Whether this was said before, so that storing it would change nothing.

    With its own moment: the same value at the same moment. Without: what its voice
    says already, unless the entity was asked about again since then.
    """
    if not said:
        return claim.value is None
    if claim.dated:
        return any(
            row.value == claim.value and row.observed_at == claim.observed_at
            for row in said
        )
    current = _current(said)
    if current.value != claim.value or current.confidence != claim.confidence:
        return False
    repeats = claim.kind == KeyKind.ENTITY and not claim.at and project.horizon
    return not repeats or not any(one.at > current.observed_at for one in asked)


def _said_before(
    project: Project, claims: Sequence[Claim]
) -> defaultdict[Voice, list[GroundTruth]]:
    keys: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        keys[claim.kind].add(claim.key)
    found: defaultdict[Voice, list[GroundTruth]] = defaultdict(list)
    for kind, names in keys.items():
        for row in GroundTruth.objects.filter(
            project=project, key_kind=kind, key__in=names
        ):
            found[row.key_kind, row.key, row.at, row.source].append(row)
    return found


def _asked_by_entity(
    project: Project,
    claims: Sequence[Claim],
    known: Mapping[Voice, Sequence[GroundTruth]],
) -> dict[str, list[Asked]]:
    """The predictions that an undated, repeated word about an entity would join."""
    if project.horizon is None:
        return {}
    again = [
        GroundTruth(key_kind=c.kind, key=c.key, observed_at=c.observed_at)
        for c in claims
        if c.kind == KeyKind.ENTITY and not c.at and not c.dated and known.get(c.voice)
    ]
    found: dict[str, list[Asked]] = defaultdict(list)
    for one in matching.touched_by(project=project, truths=again):
        found[one.entity].append(one)
    return found
