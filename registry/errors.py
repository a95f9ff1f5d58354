"""Domain errors of every floor: a status, a title, a cure; the web layer renders them."""

import errno
import re
from dataclasses import dataclass

DISK_IS_FULL = "The disk is full: nothing was stored. Try again later."


def kind_of(title: str) -> str:
    """The `type` of a problem document, which is stable.

    >>> kind_of("No model yet")
    'urn:mlsystem:problem:no-model-yet'
    """
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return f"urn:mlsystem:problem:{words}"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field: where it is, and what to do about it."""

    field: str
    message: str


class DomainError(Exception):
    """Something a caller can understand and often mend; subclassed on every floor."""

    status = 400
    title = "Bad request"

    def __init__(
        self,
        detail: str,
        *,
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after  # seconds
        self.extra = extra or {}  # further members of the problem document


class InvalidInput(DomainError):
    """A value that cannot be used; `errors` names the field and the cure."""

    title = "Invalid input"


class Forbidden(DomainError):
    """The caller is known, and may not."""

    status = 403
    title = "Forbidden"


class NotFound(DomainError):
    """Missing, or belongs to a project the caller may not see: the same answer."""

    status = 404
    title = "Not found"


class Conflict(DomainError):
    """The state of the thing does not allow it now."""

    status = 409
    title = "Conflict"


class EditedMeanwhile(DomainError):
    """If-Match names a revision that is no longer the current one."""

    status = 412
    title = "Edited meanwhile"


class TooLarge(DomainError):
    """More bytes or rows than this operation takes."""

    status = 413
    title = "Too large"


class UnsupportedMedia(DomainError):
    """A content type this operation does not read."""

    status = 415
    title = "Unsupported media type"


class Unprocessable(DomainError):
    """Well formed, yet contradicts what was sent before."""

    status = 422
    title = "Unprocessable"


class PreconditionRequired(DomainError):
    """An edit that must say which revision it edits."""

    status = 428
    title = "Precondition required"


class TooMany(DomainError):
    """A limit over time was reached; `retry_after` says when to come back."""

    status = 429
    title = "Too many requests"


class Unavailable(DomainError):
    """A part is down for the moment; trying again is right."""

    status = 503
    title = "Temporarily unavailable"


def no_room(error: BaseException) -> Unavailable | None:
    """What somebody is told whose file found the disk, or our part of it, full."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Unavailable(DISK_IS_FULL, retry_after=2)
    return None


class ArtifactError(DomainError):
    """A file is missing, or is not what was stored, or must not be loaded."""

    status = 503
    title = "An artefact cannot be read"

    def __init__(self, detail: str, *, permanent: bool = True) -> None:
        super().__init__(detail)
        self.permanent = permanent  # trying again does not help
