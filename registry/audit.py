"""Who did what, refused attempts too. Called by every verb that changes rights,
rollouts, keys, members, schema, approvals, or deletes."""

from typing import Any

from registry.actors import HOUSE, Actor
from registry.models import AuditEntry, Project, User


def record(
    *,
    project: Project | None,
    actor: Actor | User | None,
    action: str,
    target: str = "",
    allowed: bool = True,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry in the caller's transaction: `action` is "noun.verb".

    `actor` None is the house itself: the plan, the tick, a schedule.
    """
    who = Actor(user=actor) if isinstance(actor, User) else actor or HOUSE
    return AuditEntry.objects.create(
        project=project,
        project_slug=project.slug if project else "",
        actor=who.user,
        actor_name=who.name[:200],
        action=action[:80],
        target=str(target)[:200],
        allowed=allowed,
        detail=detail or {},
        address=who.address,
    )
