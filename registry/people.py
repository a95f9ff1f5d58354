"""People: made by staff, let in by one-time links, given a role in a project."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from registry import audit, keys
from registry.actors import INCLUDES, Actor
from registry.catalogue import ROLES
from registry.clock import now as clock_now
from registry.errors import Conflict, FieldError, InvalidInput, NotFound
from registry.models import ApiKey, Invitation, Membership, Project, User

INVITATION_LASTS = timedelta(days=7)
SIGN_IN_LINK_LASTS = timedelta(hours=12)
FIRST_ADMIN = "admin"

By = Actor | User | None


class LinkIsDead(NotFound):
    """Unknown, used or expired: one answer for all three."""

    title = "This link no longer works"


def create_user(
    *,
    name: str,
    by: By = None,
    email: str = "",
    staff: bool = False,
    may_create_projects: bool = False,
) -> User:
    """A person without a password; `invite` gives them a link that sets one."""
    user = User(
        username=name,
        email=email,
        is_staff=staff,
        is_superuser=staff,
        may_create_projects=may_create_projects,
    )
    user.set_unusable_password()
    if User.objects.filter(username__iexact=name).exists():
        raise _taken(name)
    try:
        user.full_clean(exclude=["password"])
        with transaction.atomic():
            user.save(force_insert=True)
            audit.record(project=None, actor=by, action="person.create", target=name)
            if staff:
                adopt_orphans()
    except ValidationError as error:
        found = [
            FieldError("user" if field == "username" else field, " ".join(messages))
            for field, messages in error.message_dict.items()
        ]
        told = f"{found[0].field}: {found[0].message}"
        raise InvalidInput(told, errors=found) from error
    except IntegrityError as error:
        raise _taken(name) from error
    return user


def _taken(name: str) -> Conflict:
    message = f"There is a person called {name} already."
    return Conflict(message, errors=[FieldError("user", message)])


def ensure_first_admin() -> str | None:
    """On an empty installation: a first administrator, whose password is returned, to
    be printed once. None where somebody may administer already."""
    if User.objects.filter(is_staff=True, is_service=False).exists():
        return None
    password = secrets.token_urlsafe(12)
    user = User(username=FIRST_ADMIN, is_staff=True, is_superuser=True)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            audit.record(
                project=None, actor=None, action="person.create", target=FIRST_ADMIN
            )
            adopt_orphans()
    except IntegrityError:  # another machine started at the same moment
        return None
    return password


def administrators() -> QuerySet[User]:
    """Who runs the house."""
    return User.objects.filter(is_staff=True, is_active=True, is_service=False)


def adopt_orphans() -> int:
    """A project that nobody administers any more, or did yet, belongs to those who run
    the house: else nobody could open it. Returns how many there were."""
    ruled = Membership.objects.filter(
        role="admin", user__is_active=True, user__is_service=False
    )
    orphans = list(Project.objects.exclude(pk__in=ruled.values("project")))
    heirs = list(administrators()) if orphans else []
    for project in orphans if heirs else ():
        for heir in heirs:
            set_role(project=project, user=heir, role="admin")
    return len(orphans) if heirs else 0


# Links


def invite(*, user: User, by: By = None, token: str = "") -> str:
    """A link that lets a person choose a password, once, within a week."""
    if not user.is_active:  # nobody would be let in
        raise Conflict(f"{user} is deactivated: make them active in /admin first.")
    return _link(
        user, by, sets_password=True, lasts=INVITATION_LASTS, token=token, why=""
    )


def sign_in_link(*, user: User, purpose: str = "", by: By = None) -> str:
    """A link that signs in, once, within hours: what `up` and `demo` print."""
    return _link(
        user, by, sets_password=False, lasts=SIGN_IN_LINK_LASTS, token="", why=purpose
    )


def _link(
    user: User,
    by: By,
    *,
    sets_password: bool,
    lasts: timedelta,
    token: str,
    why: str,
) -> str:
    token = token or secrets.token_urlsafe(32)
    with transaction.atomic():
        Invitation.objects.create(
            user=user,
            digest=_digest(token),
            sets_password=sets_password,
            created_by=by.user if isinstance(by, Actor) else by,
            expires_at=clock_now() + lasts,
        )
        audit.record(
            project=None,
            actor=by,
            action="link.invite" if sets_password else "link.sign-in",
            target=user.get_username(),
            detail={"purpose": why} if why else {},
        )
    return address_of(token)


def address_of(token: str) -> str:
    return f"{settings.PUBLIC_URL}/invitation/{token}"


def derived_token(entropy: str) -> str:
    """The same token for the same entropy, so that an idempotent retry can show it."""
    source = f"invitation:{entropy}".encode()
    digest = hmac.digest(settings.SECRET_KEY.encode(), source, "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


def find_link(token: str) -> Invitation:
    """The live invitation of a link, or LinkIsDead; looking does not use it up."""
    found = (
        Invitation.objects.select_related("user")
        .filter(
            digest=_digest(token),
            used_at=None,
            expires_at__gt=clock_now(),
            user__is_active=True,
        )
        .first()
    )
    if found is None:
        raise LinkIsDead("It was used, has expired, or was copied in part.")
    return found


def use_link(*, token: str, password: str = "", actor: Actor | None = None) -> User:
    """Use the link up, and set the password where it is an invitation."""
    invitation = find_link(token)
    user = invitation.user
    if invitation.sets_password:
        _check_password(password, user)
    with transaction.atomic():
        mine = Invitation.objects.filter(pk=invitation.pk, used_at=None)
        if not mine.update(used_at=clock_now()):
            raise LinkIsDead("It was used just now.")
        if invitation.sets_password:
            user.set_password(password)
            user.save(update_fields=["password"])
            _end_links(user)
        audit.record(
            project=None,
            actor=actor or Actor(user=user),
            action="link.use",
            target=user.get_username(),
        )
    return user


def change_password(*, user: User, password: str, actor: Actor) -> User:
    """A new password: every other session and every open link of theirs is dead."""
    _check_password(password, user)
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        _end_links(user)
        audit.record(
            project=None,
            actor=actor,
            action="password.change",
            target=user.get_username(),
        )
    return user


def _end_links(user: User) -> None:
    user.invitations.filter(used_at=None).update(used_at=clock_now())


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        errors = [FieldError("password", message) for message in error.messages]
        raise InvalidInput(error.messages[0], errors=errors) from error


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


# Members


def set_role(*, project: Project, user: User, role: str, by: By = None) -> Membership:
    """Make somebody a member, or give a member another role."""
    if role not in ROLES:
        message = f"Write one of {', '.join(ROLES)}."
        raise InvalidInput(f"role: {message}", errors=[FieldError("role", message)])
    if user.is_service:
        raise _not_a_person(user)
    with transaction.atomic():
        before = _locked(project).filter(user=user).first()
        if before and before.role == role:
            return before
        if before:
            _keep_an_admin(project, losing=before)
        member, _ = Membership.objects.update_or_create(
            user=user, project=project, defaults={"role": role}
        )
        if before and not INCLUDES[role].issuperset(INCLUDES[before.role]):
            end_sessions(user)
        audit.record(
            project=project,
            actor=by,
            action="member.role" if before else "member.add",
            target=user.get_username(),
            detail={"role": role, "before": before.role if before else None},
        )
    return member


def remove_member(*, project: Project, user: User, by: By = None) -> None:
    """Out of the project: sessions end, their keys of this project are revoked."""
    with transaction.atomic():
        member = _locked(project).filter(user=user).first()
        if member is None or user.is_service:
            raise NotFound(f"{user.get_username()} is not a member.")
        _keep_an_admin(project, losing=member)
        member.delete()
        live = ApiKey.objects.filter(project=project, user=user, revoked_at=None)
        for key in live.select_related("project"):
            keys.revoke(key=key, by=by)
        end_sessions(user)
        audit.record(
            project=project,
            actor=by,
            action="member.remove",
            target=user.get_username(),
            detail={"before": member.role},
        )


def end_sessions(user: User) -> None:
    """Everybody signed in as this person has to sign in again."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])


def _locked(project: Project) -> QuerySet[Membership]:
    """The memberships, while nobody else changes them: SQLite's transaction excludes
    other writers from its beginning, PostgreSQL is asked to."""
    Project.objects.select_for_update().get(pk=project.pk)
    return Membership.objects.filter(project=project)


def _keep_an_admin(project: Project, *, losing: Membership) -> None:
    if losing.role != "admin":
        return
    others = Membership.objects.filter(
        project=project, role="admin", user__is_active=True, user__is_service=False
    ).exclude(pk=losing.pk)
    if not others.exists():
        raise Conflict(
            f"{losing.user.get_username()} is the last admin of {project}. Make "
            "somebody else an admin first."
        )


def _not_a_person(user: User) -> InvalidInput:
    message = f"{user.get_username()} is the service user of a key."
    return InvalidInput(message, errors=[FieldError("user", message)])
