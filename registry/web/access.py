"""Deny by default: which role, and which scope of a key, opens which method.

A method without a line in a view's `access` does not exist (405).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from registry import audit
from registry.actors import Actor
from registry.catalogue import ROLES, SCOPES
from registry.errors import Forbidden, NotFound
from registry.models import ApiKey, Membership, Project, User

HOUSE_LEVELS = ("anyone", "user", "creator", "staff")
MEMBER = "member"  # whoever has any role in the project


@dataclass(frozen=True)
class Rule:
    """Any of `roles` opens it; a key also needs one of `scopes` (none: no key may).
    Where `people` names a role, whoever comes without a key needs that one."""

    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    people: str = ""

    @property
    def public(self) -> bool:
        return "anyone" in self.roles


Access = Mapping[str, Rule]


def allow(*roles_then_scopes: str, people: str = "") -> Rule:
    """`allow("viewer", "read")`: viewers, and keys with `read` of such a user.

    Several of either: `allow("viewer", "labeller", "read", "predict")`. No scope:
    sessions only.
    `allow("viewer", "predict", people="owner")`: keys with `predict`, but of people
    owners only, where a viewer's key writes what a viewer may not.
    Beside the five roles: "member" (any role) in a project; "anyone", "user",
    "creator" (may create projects) and "staff" in the house.
    """
    scopes = tuple(name for name in roles_then_scopes if name in SCOPES)
    names = roles_then_scopes[: len(roles_then_scopes) - len(scopes)]
    known = {*ROLES, *HOUSE_LEVELS, MEMBER}
    if not names or not known.issuperset(names) or people not in {"", *ROLES}:
        raise ValueError(
            f"allow{roles_then_scopes}: name roles of {sorted(known)}, then scopes of "
            f"{list(SCOPES)}."
        )
    return Rule(names, scopes, people)


def client_address(request: HttpRequest) -> str | None:
    """The peer's address; the proxy middleware has already put the true one there."""
    return request.META.get("REMOTE_ADDR") or None


def enter(
    *, slug: str, user: User, key: ApiKey | None, address: str | None
) -> tuple[Project, Actor]:
    """The project and the caller in it. A stranger's 404 is that of a missing one."""
    if key is not None and key.project.slug != slug:
        raise NotFound("There is no such project, or you are not a member of it.")
    membership = (
        Membership.objects.select_related("project")
        .filter(user_id=user.pk, project__slug=slug)
        .first()
    )
    if membership is None:
        raise NotFound("There is no such project, or you are not a member of it.")
    actor = Actor(user=user, key=key, role=membership.role, address=address)
    return membership.project, actor


def check(rule: Rule, *, actor: Actor, project: Project | None, what: str) -> None:
    """Raise Forbidden, and write it down, unless role and scope both allow it."""
    missing = _missing(rule, actor=actor)
    if not missing:
        return
    audit.record(
        project=project, actor=actor, action="denied", target=what, allowed=False
    )
    raise Forbidden(missing)


def may(rule: Rule, *, actor: Actor) -> bool:
    """Whether role and scope both allow it; nothing is written down."""
    return not _missing(rule, actor=actor)


def _missing(rule: Rule, *, actor: Actor) -> str:
    roles = rule.roles
    if actor.key is None and rule.people:
        roles = (rule.people,)
    elif actor.key is not None and not set(rule.scopes) & set(actor.key.scopes):
        if not rule.scopes:
            return "Keys may not do this; sign in."
        return f"This key lacks the scope {' or '.join(map(repr, rule.scopes))}."
    if not _has(roles, actor=actor):
        return f"This needs the role {' or '.join(roles)}."
    return ""


def _has(roles: tuple[str, ...], *, actor: Actor) -> bool:
    user = actor.user
    levels = {
        "anyone": True,
        "user": user is not None,
        "creator": user is not None and user.creates_projects,
        "staff": user is not None and user.is_staff,
        MEMBER: bool(actor.role),
    }
    return any(levels.get(role) or actor.may(role) for role in roles)


class Denied(BasePermission):
    """What a DRF view gets that forgot to build on `registry.web.api`: nothing."""

    def has_permission(self, request: Request, view: object) -> bool:
        return False
