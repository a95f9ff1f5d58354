"""Component 2, Data Labeller: how far the labelling is; no count reads more rows than
its sentence needs."""

from dataclasses import dataclass

from django.db.models import QuerySet

from labelling.models import AnnotatorStat, Example
from registry.models import Project, User

MOST_COUNTED = 10_000


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Cards, not examples: a duplicate is answered with its card."""

    mine: int
    left: int
    done: int
    capped: bool  # there are more than were counted

    @property
    def share(self) -> float:
        total = self.left + self.done
        return self.done / total if total else 0.0


def progress(*, project: Project, user: User, held: int = 0) -> Progress:
    """What this person holds is still to be done."""
    left = held + _count(Example.objects.filter(project=project, open_slots__gt=0))
    done = _count(
        Example.objects.filter(
            project=project, state=Example.State.LABELLED, duplicate_of=None
        )
    )
    capped = max(left, done) >= MOST_COUNTED
    return Progress(
        mine=mine(project=project, user=user), left=left, done=done, capped=capped
    )


def mine(*, project: Project, user: User) -> int:
    stat = AnnotatorStat.objects.filter(project=project, user=user)
    return stat.values_list("submitted", flat=True).first() or 0


def _count(rows: QuerySet[Example]) -> int:
    return rows.order_by().values("pk")[:MOST_COUNTED].count()
