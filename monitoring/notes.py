"""The owner's own words on what happened, and the form every page takes them with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from monitoring.models import Note
from registry import moments
from registry.clock import now as clock_now
from registry.forms import PageForm
from registry.models import Project, User

LONGEST = 500  # characters
NEEDED = "A note needs words."


class NoteForm(PageForm):
    text = forms.CharField(
        label="Your own words on what happened",
        max_length=LONGEST,
        error_messages={"required": NEEDED},
        widget=forms.TextInput(attrs={"placeholder": "What happened?"}),
    )
    at = forms.CharField(
        label="When (UTC; empty: now)",
        required=False,
        widget=forms.TextInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, typed: Any = None) -> None:
        super().__init__(typed, auto_id="note-%s")

    def clean_at(self) -> datetime | None:
        text = self.cleaned_data["at"].strip()
        if not text:
            return None
        try:
            return moments.read(text)
        except ValueError:
            raise forms.ValidationError(
                "Write a day and a time, as 2026-01-31T12:00, between "
                f"{moments.EARLIEST} and {moments.LATEST}."
            ) from None

    def save(self, *, project: Project, by: User | None) -> Note:
        return Note.objects.create(
            project=project,
            at=self.cleaned_data["at"] or clock_now(),
            text=self.cleaned_data["text"],
            author=by,
        )
