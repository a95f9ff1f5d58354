"""Forms of the pages of members and keys. Their verbs say what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from registry.catalogue import ROLES, SCOPES
from registry.errors import DomainError
from registry.forms import PageForm

ROLE_WORDS = {
    "viewer": "sees everything but single people's data",
    "labeller": "labels what is handed to them",
    "reviewer": "labels, settles disputes, writes guidelines",
    "owner": "data, runs, costs, decisions; approves and rolls back",
    "admin": "all of that, and rollouts, members, keys",
}
SCOPE_WORDS = {
    "predict": "ask for predictions",
    "truth": "say what came true",
    "label": "label examples",
    "read": "read what a viewer sees",
    "manage": "change the project",
}
LASTING = (
    ("", "never"),
    ("30", "in 30 days"),
    ("90", "in 90 days"),
    ("365", "in a year"),
)
ITSELF = ("", "itself, with the least role that is enough")


def _name(label: str, longest: int, **more: Any) -> forms.CharField:
    attrs = {"maxlength": longest, "autocomplete": "off", "required": True}
    return forms.CharField(
        label=label, required=False, widget=forms.TextInput(attrs=attrs), **more
    )


def _chosen(label: str, choices: Iterable[tuple[str, str]], **more: Any) -> Any:
    """One of some, which the verb checks."""
    widget = forms.Select(choices=list(choices))
    return forms.CharField(label=label, required=False, widget=widget, **more)


class AskedForm(PageForm):
    """`names` are its own for what the verb calls otherwise."""

    names: dict[str, str] = {}

    def told(self, error: DomainError) -> PageForm:
        return self.refuse(error, names=self.names)


def _roles() -> Any:
    return _chosen("Role", [(role, f"{role}: {ROLE_WORDS[role]}") for role in ROLES])


class MemberForm(AskedForm):
    user = _name("Name they sign in with", 150)
    role = _roles()

    def __init__(self, typed: Any = None) -> None:
        super().__init__(typed, auto_id="add-%s")


class InviteForm(AskedForm):
    names = {"user": "name"}
    name = _name("Name to sign in with", 150, help_text="Letters, digits and @ . + - _")
    role = _roles()

    def __init__(self, typed: Any = None) -> None:
        super().__init__(typed, auto_id="invite-%s")


class KeyForm(AskedForm):
    names = {"user": "for", "expires_at": "days"}
    name = _name("Name", 80, help_text="What will use it, for example “web shop”.")
    scopes = forms.Field(
        label="It may",
        required=False,
        initial=["predict"],
        widget=forms.CheckboxSelectMultiple(
            choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES]
        ),
    )
    days = _chosen("Ends", LASTING)
    field_order = ["name", "scopes", "for", "days"]

    def __init__(self, typed: Any = None, *, people: Iterable[str] = ()) -> None:
        super().__init__(typed, auto_id="key-%s")
        self.fields["for"] = _chosen(
            "Acts for",
            [ITSELF, *((name, name) for name in people)],
            help_text="For “label”, choose who labels.",
        )
        self.order_fields(self.field_order)
