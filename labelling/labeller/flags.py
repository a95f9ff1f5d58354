"""Component 2, Data Labeller: a word to the reviewers about one example, and theirs."""

from datetime import datetime

from labelling.models import Example, Flag
from registry.errors import Conflict, FieldError, InvalidInput, NotFound, TooMany
from registry.models import Project, User

LONGEST = 500
MOST_OPEN = 20  # of one person about one example
TOMORROW = 24 * 3600
SKIP_REASONS = (
    "I am not sure",
    "Something is missing to decide",
    "The item is broken",
    "Not in a language I read",
)


def raise_flag(
    *, project: Project, example_id: int, user: User, comment: str, now: datetime
) -> Flag:
    """Tell the reviewers something; the card stays with its labeller."""
    example = Example.objects.filter(project=project, pk=example_id).first()
    if example is None:
        raise NotFound("There is no such example in this project.")
    comment = _said(comment, "comment")
    mine = Flag.objects.filter(example=example, user=user)
    same = mine.filter(comment=comment, replied_at=None).first()
    if same is not None:
        return same
    if mine.filter(replied_at=None)[:MOST_OPEN].count() >= MOST_OPEN:
        raise TooMany("Wait for a reply to what you said.", retry_after=TOMORROW)
    return Flag.objects.create(
        example=example, user=user, comment=comment, created_at=now
    )


def reply(
    *, project: Project, flag_id: int, by: User, text: str, now: datetime
) -> Flag:
    """A reviewer's answer; the labeller sees it beside their own answers."""
    text = _said(text, "reply")
    waiting = Flag.objects.filter(example__project=project, pk=flag_id, replied_at=None)
    if not waiting.update(reply=text, replied_by=by, replied_at=now):
        raise Conflict("This flag has a reply already, or is not of this project.")
    return Flag.objects.get(pk=flag_id)


def _said(text: str, field: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        message = f"Write 1 to {LONGEST} characters."
        raise InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])
    return text
