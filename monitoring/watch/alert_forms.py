"""Component 4, Performance Monitor: the form of one rule. Its verb says what is wrong."""

from __future__ import annotations

from typing import Any

from django import forms

from monitoring.models import AlertRule
from monitoring.monitor.alerts import MOST_HOURS, MOST_LOOKS
from registry.forms import PageForm
from registry.web.pages import whole_number


class RuleForm(PageForm):
    """`limit` is what the rule's limit is called, `otherwise` what it is without one."""

    enabled = forms.BooleanField(label="Watch it", required=False)
    limit = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    window_hours = forms.CharField(
        label="Window, hours",
        required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MOST_HOURS}),
    )
    pending_evaluations = forms.CharField(
        label="Looks in a row, ten minutes apart",
        required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MOST_LOOKS}),
    )

    def __init__(
        self, typed: Any = None, *, rule: AlertRule, limit: str, otherwise: str
    ) -> None:
        initial = {name: getattr(rule, name) for name in self.base_fields}
        super().__init__(typed, initial=initial, auto_id=f"rule-{rule.pk}-%s")
        self.rule = rule
        self.fields["limit"].label = limit
        self.fields["limit"].help_text = f"Empty: {otherwise}."

    def changes(self) -> dict[str, Any]:
        """As the verb takes them; what is no number is one that no rule takes."""
        data = self.cleaned_data
        return {
            "enabled": data["enabled"],
            "limit": _number(data["limit"]),
            "window_hours": whole_number(data["window_hours"]) or 0,
            "pending_evaluations": whole_number(data["pending_evaluations"]) or 0,
        }


def _number(text: str) -> float | None:
    """An empty field is no limit."""
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("nan")
