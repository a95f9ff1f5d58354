"""API keys: `mls_` + 8 public + 32 random characters, of which a SHA-256 is kept.

A key belongs to one project, acts for one user, and is shown once.
"""

import hmac
import secrets
import string
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q

from registry import audit
from registry.actors import INCLUDES, LEAST_ROLE, Actor
from registry.catalogue import ROLES, SCOPES
from registry.clock import now as clock_now
from registry.errors import Conflict, FieldError, InvalidInput
from registry.models import ApiKey, Membership, Project, User

LETTERS = string.ascii_letters + string.digits
PUBLIC, SECRET = 8, 32
REMEMBERED = 1.0  # seconds: a revoked key is dead everywhere after that
TOUCH_EVERY = timedelta(minutes=1)
MOST_REMEMBERED = 10_000
ROTATION = timedelta(days=1)  # how long the old key of a rotated one works on

_lock = threading.Lock()
_found: dict[str, tuple[float, ApiKey]] = {}


def create_key(
    *,
    project: Project,
    scopes: Sequence[str],
    name: str,
    user: User | None = None,
    by: Actor | User | None = None,
    expires_at: datetime | None = None,
    plain: str = "",
) -> tuple[ApiKey, str]:
    """A new key and its plain text, which nobody can see again.

    Without `user` it acts for a service user of its own, with the least role that
    covers the scopes. `by` None is the command line.
    """
    _check(scopes=scopes, name=name, expires_at=expires_at)
    plain = plain or new_plain()
    with transaction.atomic():
        if user is None:
            user = _service_user(
                project, plain, role=_service_role(scopes, by, project)
            )
        elif not Membership.objects.filter(user=user, project=project).exists():
            raise InvalidInput(
                f"{user} is not a member of {project}.",
                errors=[FieldError("user", "Name a member of the project.")],
            )
        key = ApiKey.objects.create(
            project=project,
            user=user,
            name=name,
            prefix=plain[4 : 4 + PUBLIC],
            digest=_digest(plain),
            scopes=sorted(set(scopes), key=SCOPES.index),
            created_by=by.user if isinstance(by, Actor) else by,
            expires_at=expires_at,
        )
        audit.record(
            project=project,
            actor=by,
            action="key.create",
            target=f"mls_{key.prefix} {name}",
            detail={"scopes": key.scopes, "user": user.get_username()},
        )
    return key, plain


def find(plain: str) -> ApiKey | None:
    """The live key of this text, with its project and user; remembered for a second."""
    if not _well_formed(plain):
        return None
    digest = _digest(plain)
    moment = time.monotonic()
    known = _found.get(digest)
    if known is None or moment - known[0] > REMEMBERED:
        key = _look_up(plain[4 : 4 + PUBLIC], digest)
        if key is None:
            return None
        _remember(digest, moment, key)
    else:
        key = known[1]
    if key.expires_at and key.expires_at <= clock_now():
        return None
    return key


def is_spent(plain: str) -> bool:
    """Whether a key of this text was ever made: then the text makes no other."""
    return ApiKey.objects.filter(prefix=plain[4 : 4 + PUBLIC]).exists()


def revoke(*, key: ApiKey, by: Actor | User | None) -> ApiKey:
    """Dead from now on: here at once, in other processes within a second."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
            revoked_at=clock_now()
        )
        if not revoked:
            raise Conflict("This key is already revoked.")
        audit.record(
            project=key.project,
            actor=by,
            action="key.revoke",
            target=f"mls_{key.prefix} {key.name}",
        )
    forget(key)
    key.refresh_from_db()
    return key


def forget(key: ApiKey | None = None) -> None:
    """Drop what this process remembers of a key, or of all."""
    with _lock:
        if key is None:
            _found.clear()
        else:
            _found.pop(key.digest, None)


def touch(key: ApiKey) -> None:
    """Note the use, at most once a minute; a busy database is no reason to refuse."""
    now = clock_now()
    if key.last_used_at and key.last_used_at > now - TOUCH_EVERY:
        return
    key.last_used_at = now  # on the remembered row, so that others needn't try
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - TOUCH_EVERY)
    try:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    except OperationalError:
        return


def rotate(*, key: ApiKey, by: Actor | User | None) -> tuple[ApiKey, str]:
    """A new key that may the same, for the same user. The old one works on for a day,
    so that every client can be given the new one."""
    if key.revoked_at:
        raise Conflict("This key is revoked; make a new one.")
    moment = clock_now()
    if key.expires_at and key.expires_at <= moment:
        raise Conflict("This key has expired; make a new one.")
    with transaction.atomic():
        made, plain = create_key(
            project=key.project,
            scopes=key.scopes,
            name=key.name,
            user=key.user,
            by=by,
            expires_at=key.expires_at,
        )
        last = min(key.expires_at or moment + ROTATION, moment + ROTATION)
        ApiKey.objects.filter(pk=key.pk).update(expires_at=last)
        audit.record(
            project=key.project,
            actor=by,
            action="key.rotate",
            target=f"mls_{key.prefix} {key.name}",
            detail={"by": f"mls_{made.prefix}"},
        )
    forget(key)
    return made, plain


def hands(users: Iterable[int | None]) -> set[int]:
    """These users, and everyone who made a `manage` key that acts for one of them: what
    such a user does, whoever holds the key may have done."""
    found: set[int] = set()
    new = {pk for pk in users if pk is not None}
    while new:
        found |= new
        keys = ApiKey.objects.filter(user__in=new).exclude(created_by=None)
        told = keys.values_list("created_by_id", "scopes")
        new = {maker for maker, scopes in told if "manage" in scopes} - found
    return found


def new_plain(source: bytes | None = None) -> str:
    """A key's text: random, or derived from `source` where a retry must get it again."""
    return f"mls_{_letters(PUBLIC + SECRET, source)}"


def derived(entropy: str) -> str:
    """The same key text for the same entropy: what an idempotent retry shows again
    although only the digest was kept."""
    return new_plain(f"apikey:{entropy}".encode())


def _letters(count: int, source: bytes | None) -> str:
    if source is None:
        return "".join(secrets.choice(LETTERS) for _ in range(count))
    secret = settings.SECRET_KEY.encode()
    number, found = 0, ""
    while len(found) < count:  # rejection sampling: no letter is likelier than another
        block = hmac.digest(secret, source + number.to_bytes(4, "big"), "sha256")
        found += "".join(LETTERS[b % 62] for b in block if b < 248)
        number += 1
    return found[:count]


def _digest(plain: str) -> str:
    return sha256(plain.encode()).hexdigest()


def _well_formed(plain: str) -> bool:
    return (
        len(plain) == 4 + PUBLIC + SECRET
        and plain.startswith("mls_")
        and plain.isascii()
        and plain[4:].isalnum()
    )


def _look_up(prefix: str, digest: str) -> ApiKey | None:
    key = (
        ApiKey.objects.select_related("project", "user")
        .filter(prefix=prefix, revoked_at=None, user__is_active=True)
        .first()
    )
    return key if key and hmac.compare_digest(key.digest, digest) else None


def _remember(digest: str, moment: float, key: ApiKey) -> None:
    with _lock:
        if len(_found) > MOST_REMEMBERED:
            _found.clear()
        _found[digest] = (moment, key)


def _check(*, scopes: Sequence[str], name: str, expires_at: datetime | None) -> None:
    errors = []
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        given = f"{', '.join(unknown)}: unknown. " if unknown else ""
        text = f"{given}Give at least one of {', '.join(SCOPES)}."
        errors.append(FieldError("scopes", text))
    if not name.strip() or len(name) > 80:
        errors.append(FieldError("name", "Give a name of 1 to 80 characters."))
    if expires_at and expires_at <= clock_now():
        errors.append(FieldError("expires_at", "This moment is past."))
    if errors:
        raise InvalidInput(f"{errors[0].field}: {errors[0].message}", errors=errors)


def _service_role(
    scopes: Sequence[str], by: Actor | User | None, project: Project
) -> str:
    """The least role that covers the scopes; admin only from an admin's hand."""
    needed = {LEAST_ROLE[scope] for scope in scopes}
    if "manage" in scopes and _is_admin(by, project):
        return "admin"
    covering = (r for r in ROLES if all(INCLUDES[r] & {n} for n in needed))
    return min(covering, key=lambda role: (len(INCLUDES[role]), ROLES.index(role)))


def _is_admin(by: Actor | User | None, project: Project) -> bool:
    if isinstance(by, Actor):
        return by.may("admin")
    if by is None:  # the command line
        return True
    return Membership.objects.filter(user=by, project=project, role="admin").exists()


def _service_user(project: Project, plain: str, *, role: str) -> User:
    user = User(username=f"service-{plain[4 : 4 + PUBLIC]}", is_service=True)
    user.set_unusable_password()
    user.save()
    Membership.objects.create(user=user, project=project, role=role)
    return user
