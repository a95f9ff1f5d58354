"""What goes with answers that are kept no longer: what users said of them, which truth
counted for them, and cards made of them that nobody answered.

Truth itself stays, as it was said. A card that somebody answered, or that others repeat,
is no longer a copy of one answer but something people learn from: it stays, alone.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from labelling.collector.truth import Label, record_labels
from labelling.models import (
    Annotation,
    Example,
    Feedback,
    GroundTruth,
    Lease,
    Match,
    TruthInbox,
)
from registry.models import Project


def forget(*, project: Project, ids: Collection[UUID], now: datetime) -> None:
    """Delete what these answers left here, in the caller's transaction."""
    cards = Example.objects.filter(project=project, prediction_id__in=ids)
    answered = Annotation.objects.filter(
        example=OuterRef("pk"), state=Annotation.State.SUBMITTED
    )
    copies = Example.objects.filter(duplicate_of=OuterRef("pk"))
    seen = Lease.objects.filter(example=OuterRef("pk"), ended=False, expires_at__gt=now)
    waiting = cards.filter(
        ~Exists(answered),
        ~Exists(copies),
        ~Exists(seen),
        state__in=(Example.State.OPEN, Example.State.DISPUTED),
        gold__isnull=True,
    )
    Example.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))).delete()
    _let_stand_alone(project, list(cards), now=now)
    # Whoever decides what counts holds the project before these.
    for table in (Match, TruthInbox, Feedback):
        table.objects.filter(project=project, prediction_id__in=ids).delete()


def in_hand(project: Project, *, now: datetime) -> QuerySet[Lease, UUID | None]:
    """Answers whose cards lie before somebody: they go a little later, so that neither
    the card vanishes nor what it shows stays for ever."""
    held = Lease.objects.filter(
        example__project=project,
        example__prediction_id__isnull=False,
        ended=False,
        expires_at__gt=now,
    )
    return held.values_list("example__prediction_id", flat=True)


def _let_stand_alone(
    project: Project, cards: Collection[Example], *, now: datetime
) -> None:
    """Cards are known by their own keys from here on; so is what experts said of them,
    when they said it, else nothing would be learnt from it any more."""
    said = GroundTruth.objects.filter(
        project=project,
        key_kind=GroundTruth.KeyKind.PREDICTION,
        key__in=[str(card.prediction_id) for card in cards],
        source=GroundTruth.Source.EXPERT,
    ).select_related("author")
    current = {truth.key: truth for truth in said.order_by("observed_at", "version")}
    labels = [
        Label(
            kind=GroundTruth.KeyKind.EXAMPLE,
            key=card.key,
            value=truth.value,
            author=truth.author,
            confidence=truth.confidence,
            before=truth,
        )
        for card in cards
        if (truth := current.get(str(card.prediction_id)))
        and truth.author is not None
        and not truth.retracted
    ]
    record_labels(project=project, labels=labels, now=now)
    Example.objects.filter(pk__in=[card.pk for card in cards]).update(
        prediction_id=None
    )
