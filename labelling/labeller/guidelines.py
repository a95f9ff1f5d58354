"""Component 2, Data Labeller: how to label here, in words, every version kept."""

from datetime import datetime

from django.db import IntegrityError, transaction

from labelling.models import Guideline
from registry import audit
from registry.actors import Actor
from registry.errors import Conflict, FieldError, InvalidInput
from registry.models import Project

LONGEST = 20_000  # characters


def current(project: Project) -> Guideline | None:
    return Guideline.objects.filter(project=project).order_by("-version").first()


def current_version(project: Project) -> int:
    """0: nobody wrote one."""
    rows = Guideline.objects.filter(project=project).order_by("-version")
    return rows.values_list("version", flat=True).first() or 0


def write(
    *, project: Project, text: str, after: int, by: Actor, now: datetime
) -> Guideline:
    """A new version, after the one that its author read."""
    text = text.replace("\r\n", "\n").strip()
    if not 0 < len(text) <= LONGEST:
        message = f"Write 1 to {LONGEST} characters."
        raise InvalidInput(f"text: {message}", errors=[FieldError("text", message)])
    if current_version(project) != after:
        raise Conflict(
            "Somebody else changed the guideline meanwhile. Read theirs first; your "
            "text is still in the form."
        )
    row = Guideline(
        project=project, version=after + 1, text=text, author=by.user, created_at=now
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            audit.record(
                project=project,
                actor=by,
                action="guideline.write",
                target=f"version {after + 1}",
            )
    except IntegrityError as error:
        raise Conflict("Somebody else changed the guideline just now.") from error
    return row
