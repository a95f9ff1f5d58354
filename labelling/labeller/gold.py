"""Component 2, Data Labeller: examples whose answer is known, hidden among the others:
who fails on them is paused, told so, and let go on by a reviewer."""

from django.db.models import F
from django.db.models.functions import Greatest, Least

from labelling.models import Annotation, AnnotatorStat, Example
from registry import audit
from registry.actors import Actor
from registry.errors import Conflict
from registry.models import Membership, Project, User

TOLD, LEAST = 10, 0.6  # from so many on, this share must be right
REVIEWERS = (("reviewer",), ("owner", "admin"))  # whom to turn to first
NAMED = 3


def is_gold(example: Example, annotation: Annotation) -> tuple[bool, bool]:
    """Whether the answer is to a known example, and whether it is right."""
    gold = example.gold is not None
    return gold, gold and annotation.value == example.gold


def fails(*, seen: int, right: int) -> bool:
    """
    >>> fails(seen=9, right=0), fails(seen=10, right=5), fails(seen=10, right=6)
    (False, True, False)
    """
    return seen >= TOLD and right < LEAST * seen


def correct(example: Example, user: User, *, seen: int, right: int) -> None:
    """Add to the person's figures of known examples, down to none: they may have been
    set back since the answer that changes."""
    told = Greatest(F("gold_seen") + seen, 0)
    AnnotatorStat.objects.filter(project=example.project, user=user).update(
        gold_seen=told,
        gold_right=Greatest(Least(F("gold_right") + right, told), 0),
    )


def why_paused(stat: AnnotatorStat | None) -> str:
    """What a paused person is told; empty for who is not. Of the answers nothing is
    taken away: they are judged like anybody's."""
    if stat is None or not stat.paused:
        return ""
    because = (
        f"Of some cards the answer is known: you had {stat.gold_right} of "
        f"{stat.gold_seen} right, {100 * LEAST:.0f} % are wanted. "
        if stat.gold_seen
        else ""
    )
    return (
        f"{because}All you answered is stored. Read the guideline again and speak to "
        f"{_who_lifts(stat.project)}, who can let you go on."
    )


def _who_lifts(project: Project) -> str:
    for roles in REVIEWERS:
        found = Membership.objects.filter(project=project, role__in=roles)
        people = found.filter(user__is_active=True, user__is_service=False)
        names = people.order_by("pk").values_list("user__username", flat=True)[:NAMED]
        if names:
            return " or ".join(names)
    return "a reviewer of the project"


def let_go_on(*, project: Project, user_id: int, by: Actor) -> None:
    """A reviewer lets a paused person label again; the count of gold begins anew."""
    row = AnnotatorStat.objects.filter(project=project, user_id=user_id, paused=True)
    if not row.update(paused=False, gold_seen=0, gold_right=0):
        raise Conflict("This person is not paused here.")
    name = User.objects.get(pk=user_id).get_username()
    audit.record(project=project, actor=by, action="annotator.resume", target=name)
