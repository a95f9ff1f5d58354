"""Who may do what: people, memberships, invitations, keys, and what they did."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac

from registry.catalogue import ROLES


class Role(models.TextChoices):
    VIEWER = "viewer"
    LABELLER = "labeller"
    REVIEWER = "reviewer"
    OWNER = "owner"
    ADMIN = "admin"


class User(AbstractUser):
    """A person, or the service user that a key acts for."""

    is_service = models.BooleanField(default=False)
    may_create_projects = models.BooleanField(default=False)
    # Counts up when rights are taken away: every session from before is dead.
    session_epoch = models.PositiveIntegerField(default=0)

    @property
    def creates_projects(self) -> bool:
        return self.is_active and (self.is_staff or self.may_create_projects)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's own, over the epoch too; both public methods of it call this."""
        salt = "registry.User.session"
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "project"], name="one_role_per_person_and_project"
            ),
            models.CheckConstraint(
                condition=Q(role__in=ROLES), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class Invitation(models.Model):
    """A one-time link: sets a password the first time, or only signs in."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token
    sets_password = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"invitation of {self.user}"


class ApiKey(models.Model):
    """`mls_` + 8 public + 32 random characters, of which only the SHA-256 is kept."""

    project = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, related_name="keys"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField()  # some of catalogue.SCOPES
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"mls_{self.prefix}… ({self.name})"


class Unchanging(models.QuerySet["AuditEntry"]):
    """Rows to be added and read. (A person who is deleted leaves through the base
    manager: the row keeps their name.)"""

    def update(self, **changes: object) -> int:
        raise TypeError("Audit entries are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Audit entries are never deleted.")


class AuditEntry(models.Model):
    """Who did what, refused attempts too. Rows are written once and never changed."""

    at = models.DateTimeField(auto_now_add=True)
    project = models.ForeignKey(
        "registry.Project", null=True, on_delete=models.SET_NULL, related_name="audit"
    )
    # The words stay when the person or the project is deleted.
    project_slug = models.CharField(max_length=50, blank=True)
    actor = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=80)  # "rollout.promote", "key.create", …
    target = models.CharField(max_length=200, blank=True)
    allowed = models.BooleanField(default=True)
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)

    objects = Unchanging.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-id"], name="audit_by_project")]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.target}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("Audit entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        raise TypeError("Audit entries are never deleted.")
