"""The owner's target for the goal, and the form that sets it and takes it away."""

from __future__ import annotations

from typing import Any

from django import forms

from monitoring.models import Target
from registry.clock import now as clock_now
from registry.forms import PageForm
from registry.models import Project, User

LARGEST = 1e12


class AimForm(PageForm):
    value = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "maxlength": 20}),
    )

    def __init__(self, typed: Any = None, *, target: Target | None) -> None:
        value = "" if target is None else f"{target.value:.15g}"
        super().__init__(typed, initial={"value": value}, auto_id="target-%s")

    def clean_value(self) -> float | None:
        """None where it is empty: there is no target any more."""
        text = self.cleaned_data["value"].strip().replace(",", ".")
        if not text:
            return None
        try:
            value = float(text.replace("\N{MINUS SIGN}", "-"))
        except ValueError:
            value = float("nan")
        if not abs(value) < LARGEST:  # false for NaN too
            raise forms.ValidationError("Write a number.")
        return value

    def save(self, *, project: Project, by: User | None) -> str:
        """Set it; what was done, in words."""
        value = self.cleaned_data["value"]
        if value is None:
            Target.objects.filter(project=project).delete()
            return "There is no target any more."
        Target.objects.update_or_create(
            project=project,
            defaults={
                "metric": project.primary_metric,
                "value": value,
                "set_by": by,
                "set_at": clock_now(),
            },
        )
        return "The target is set; the chart draws it."


def target_of(project: Project) -> Target | None:
    return Target.objects.filter(project=project, metric=project.primary_metric).first()
