"""Form of the settings page of the gate, in plain words."""

from __future__ import annotations

from typing import Any

from django import forms

from registry.models import Project
from registry.settings_forms import Declared, amount


class GateForm(Declared):
    """What a new model must show before it may serve."""

    whole = "gate"

    margin = amount(
        "Better by at least",
        "In the units of the number models are judged by. 0: better at all.",
        min_value=0,
    )
    slices = forms.MultipleChoiceField(
        label="Also for each group of",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Columns whose values are judged apart, so that nobody is left behind.",
    )
    worst_slice_margin = amount(
        "No group worse by more than",
        "Empty: groups are shown, and decide nothing.",
        min_value=0,
    )
    max_latency_ms = amount(
        "An answer takes at most, in ms",
        "Of the model alone, one row. Empty: no limit.",
        min_value=0.001,
    )
    max_artifact_mb = amount("The file is at most, in MB", min_value=0.001)
    approval = forms.BooleanField(
        label="A person other than who started the run has to approve it",
        required=False,
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        groups = [
            f["name"] for f in project.fields if f["kind"] in {"categorical", "boolean"}
        ]
        known = list(dict.fromkeys([*groups, *project.gate.get("slices", [])]))
        slices: Any = self.fields["slices"]
        slices.choices = [(name, name) for name in known]
        if not known:
            del self.fields["slices"]

    @staticmethod
    def initial_of(project: Project) -> dict[str, Any]:
        found = dict(project.gate)
        if limit := found.pop("max_latency_us", None):
            found["max_latency_ms"] = f"{limit / 1000:g}"
        return found

    def gate(self) -> dict[str, Any]:
        """The gate's other rules stay as they are."""
        data, kept = self.cleaned_data, dict(self.project.gate)
        for name in ("margin", "worst_slice_margin", "max_artifact_mb"):
            kept.pop(name, None)
            if data.get(name) is not None:
                kept[name] = data[name]
        limit = kept.pop("max_latency_us", None)
        if data.get("max_latency_ms"):
            same = self.untouched("max_latency_ms")
            kept["max_latency_us"] = limit if same else 1000 * data["max_latency_ms"]
        if "slices" in self.fields:
            kept["slices"] = data["slices"]
        kept["approval"] = data["approval"]
        return kept
