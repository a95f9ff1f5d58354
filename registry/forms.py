"""What every form of a page promises, and the forms of the doors: sign in, choose a
password, change it."""

from collections.abc import Mapping
from typing import Any, Self

from django import forms

from registry.errors import DomainError


class PageForm(forms.Form):
    """Refused, it keeps what was typed and says under each field what is wrong with it;
    the first of these fields has the focus, with a script or without."""

    refused_with = 400
    retry_after: int | None = None  # seconds, after too many tries
    saved: Mapping[str, str] = {}  # by field, what somebody else saved meanwhile

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        wrong = [name for name in self.fields if name in self.errors]
        if wrong:
            for each in self.fields.values():
                each.widget.attrs.pop("autofocus", None)
            self.fields[wrong[0]].widget.attrs["autofocus"] = True

    def refuse(
        self, error: DomainError, *, names: Mapping[str, str] | None = None
    ) -> Self:
        """Put what a verb says against it where it belongs; `names` are the form's own
        for what the verb calls otherwise."""
        self.refused_with, self.retry_after = error.status, error.retry_after
        if not error.errors:
            self.add_error(None, error.detail)
        for each in error.errors:
            name = (names or {}).get(each.field, each.field)
            self.add_error(name if name in self.fields else None, each.message)
        return self

    @property
    def status(self) -> int:
        """What its page is answered with."""
        return self.refused_with if self.errors else 200

    @property
    def focused(self) -> bool:
        """Whether a field has the focus, so that no notice needs it."""
        return any("autofocus" in f.widget.attrs for f in self.fields.values())


class SignIn(PageForm):
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


class NewPassword(PageForm):
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
