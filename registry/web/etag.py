"""ETag and If-Match: the loser of two edits is told, instead of overwriting."""

from django.http import HttpRequest
from rest_framework.request import Request

from registry.errors import EditedMeanwhile, PreconditionRequired


def of(revision: int) -> str:
    """The header's value for a revision.

    >>> of(7)
    '"7"'
    """
    return f'"{revision}"'


def require(request: Request | HttpRequest, revision: int) -> None:
    """428 without If-Match, 412 where it names another revision.

    The verb must still write with `WHERE revision = …`: two may pass here at once.
    """
    if not check(request, revision):
        raise PreconditionRequired(
            "Send If-Match with the ETag that GET gave you, so that nobody's edit "
            "is overwritten."
        )


def check(request: Request | HttpRequest, revision: int) -> bool:
    """412 where If-Match names another revision; False where none was sent."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        return False
    tags = [tag.strip() for tag in header.split(",")]
    if of(revision) not in tags and tags != ["*"]:  # W/"7" never matches (RFC 9110)
        raise EditedMeanwhile(
            f"If-Match is {header[:80]}, the current ETag is {of(revision)}. "
            "Read it again and repeat your edit."
        )
    return True
