"""Forms of the doors: sign in, choose a password, change it."""

from typing import Any

from django import forms

from registry.errors import DomainError


class SignIn(forms.Form):
    retry_after: int | None = None  # seconds, after too many tries

    username = forms.CharField(
        label="Name",
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autofocus": True, "required": True}
        ),
    )
    password = forms.CharField(
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class NewPassword(forms.Form):
    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=1000,
        help_text="At least 8 characters, not a common one, not only digits.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same again",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") != data.get("again"):
            self.add_error("again", "The two are different.")
        return data


class ChangePassword(NewPassword):
    current = forms.CharField(
        label="Current password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password", "again"]


def add_errors(form: forms.Form, error: DomainError) -> None:
    """Put a domain error where it belongs in a form."""
    if not error.errors:
        form.add_error(None, error.detail)
    for each in error.errors:
        field = each.field if each.field in form.fields else None
        form.add_error(field, each.message)
