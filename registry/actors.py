"""Who acts, and what a role includes: the contract's table of roles, in one place."""

from dataclasses import dataclass

from registry.models import ApiKey, User

# "Owner and admin include every row above; reviewer includes labeller."
INCLUDES: dict[str, frozenset[str]] = {
    "viewer": frozenset({"viewer"}),
    "labeller": frozenset({"labeller"}),
    "reviewer": frozenset({"labeller", "reviewer"}),
    "owner": frozenset({"viewer", "labeller", "reviewer", "owner"}),
    "admin": frozenset({"viewer", "labeller", "reviewer", "owner", "admin"}),
}

# The least role that may use everything a scope opens.
LEAST_ROLE = {
    "predict": "viewer",
    "read": "viewer",
    "label": "reviewer",
    "truth": "owner",
    "manage": "owner",
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person, a key acting for a user, or the house itself (`label`)."""

    user: User | None = None
    key: ApiKey | None = None
    role: str = ""  # in the project at hand; "" outside of one
    address: str | None = None
    label: str = ""

    @property
    def name(self) -> str:
        """Erin; "key 'shop' of Erin"; "the command line"."""
        if self.key:
            return f"key {self.key.name!r}"
        return self.user.get_username() if self.user else self.label or "nobody"

    @property
    def identity(self) -> str:
        """Under which answers are remembered and limits are counted."""
        if self.key:
            return f"key:{self.key.pk}"
        return f"user:{self.user.pk}" if self.user else f"at:{self.address}"

    def may(self, *roles: str) -> bool:
        """Whether the role at hand includes one of these. Scopes are judged before."""
        return not INCLUDES.get(self.role, frozenset()).isdisjoint(roles)


COMMAND_LINE = Actor(label="the command line", role="admin")
HOUSE = Actor(label="mlsystem", role="admin")
