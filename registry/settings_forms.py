"""Forms of the settings pages: the problem and the decision, in plain words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms

from registry import catalogue
from registry.decision import actions_of
from registry.models import Project

DAY = timedelta(days=1)
PERCENT: dict[str, Any] = {"min_value": 0, "max_value": 100, "required": False}


def check_silence(form: forms.Form, data: dict[str, Any]) -> None:
    """Silence is an answer only once one has waited long enough."""
    told = data.get("horizon_days") or "horizon_days" in form.errors
    if data.get("silence") == "negative" and not told:
        form.add_error("horizon_days", "Silence means no only after a number of days.")


class Declared(forms.Form):
    """Fields that code declares are shown with their place, and cannot be typed into."""

    whole = ""  # the one attribute that all fields are parts of

    def __init__(
        self, *args: Any, project: Project, places: dict[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        for name, attribute in self.attributes().items():
            if name in self.fields and attribute in places:
                self.fields[name].disabled = True
                # Of a whole that is declared, the page says so once.
                told = f"Declared in {places[attribute]}: change it there."
                self.fields[name].help_text = "" if self.whole else told

    def attributes(self) -> dict[str, str]:
        """The project's attribute behind each field."""
        return {name: self.whole or name for name in self.fields}

    def untouched(self, *names: str) -> bool:
        """Whether fields hold what they showed: a number there is rounded, and what is
        kept is not, so that it is better left alone."""
        return all(
            self.initial.get(name) is not None
            and (
                self.fields[name].disabled
                or self.data.get(name, "").strip() == str(self.initial[name])
            )
            for name in names
        )


class ProblemForm(Declared):
    name = forms.CharField(max_length=120)
    description = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What is predicted, for whom, and what they do with it.",
    )
    primary_metric = forms.ChoiceField(
        label="Models are judged by",
        help_text="The one number that decides which model is better.",
    )
    unit = forms.CharField(
        label="Unit of the prediction",
        required=False,
        max_length=40,
        help_text="For example minutes, or EUR.",
    )
    horizon_days = forms.FloatField(
        label="Days until the truth is known",
        required=False,
        min_value=0.001,
        max_value=36_500,
        help_text="Nothing counts before. Empty: whenever somebody tells it.",
    )
    silence = forms.ChoiceField(
        label="If nobody tells anything by then",
        required=False,
        choices=[
            ("unknown", "then nobody knows, and it counts nowhere"),
            ("negative", "then it did not happen"),
        ],
    )
    strict_inputs = forms.BooleanField(
        label="Refuse inputs with unknown fields",
        required=False,
        help_text="Otherwise they are ignored, with a warning in the answer.",
    )
    zone = forms.ChoiceField(
        label="Time zone",
        help_text="Of times that come without an offset. Charts count days in UTC.",
    )
    retention_days = forms.FloatField(
        label="Keep predictions for days",
        required=False,
        min_value=1,
        max_value=36_500,
        help_text="Empty: for ever. Older ones are deleted with their inputs.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["primary_metric"].choices = [
            (m.key, f"{m.label}: {m.help}")
            for m in catalogue.metrics_for(project.task)
            if m.key != "cost" or project.costs
        ]
        fields["zone"].choices = [(z, z) for z in sorted(available_timezones())]
        if project.is_classification:
            del fields["unit"]
        if project.task != "binary":
            del fields["silence"]
        else:
            no = f"then it was “{project.negative_class}”"
            fields["silence"].choices[1] = ("negative", no)

    def attributes(self) -> dict[str, str]:
        spans = {"horizon_days": "horizon", "retention_days": "retention"}
        return super().attributes() | spans

    @staticmethod
    def initial_of(project: Project) -> dict[str, Any]:
        names = ("name", "description", "primary_metric", "unit", "silence", "zone")
        found = {name: getattr(project, name) for name in names}
        found["strict_inputs"] = project.strict_inputs
        for span in ("horizon", "retention"):
            value = getattr(project, span)
            found[f"{span}_days"] = f"{value / DAY:g}" if value else None
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        check_silence(self, data)
        return data

    def changes(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        for span in ("horizon", "retention"):
            days = data.pop(f"{span}_days")
            data[span] = days * DAY if days else None
            if self.untouched(f"{span}_days"):
                data[span] = getattr(self.project, span)
        return data


class DecisionForm(Declared):
    """From a probability to an action. Percentages, because people speak in them."""

    whole = "decision"

    kind = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[
            ("none", "Say what is likely, and leave the decision to whoever asked"),
            ("cost", "Do what costs least"),
            ("threshold", "Act from a probability on"),
        ],
    )
    threshold = forms.FloatField(label="From, in %", **PERCENT)
    below = forms.CharField(label="Below it", max_length=120, required=False)
    above = forms.CharField(label="From it on", max_length=120, required=False)
    abstain_low = forms.FloatField(
        label="Ask a person from, in %",
        help_text="For example 40 up to 60: too close to call.",
        **PERCENT,
    )
    abstain_high = forms.FloatField(
        label="up to, in %",
        help_text="Between the two the answer is “abstain”. Empty: never.",
        **PERCENT,
    )
    otherwise = forms.CharField(
        label="If a cost is unknown, because its column is missing",
        max_length=120,
        required=False,
        help_text="An action; empty is “abstain”.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        # A number is decided by whoever asked: its page shows costs alone.
        self.fields["kind"].required = project.is_classification

    @staticmethod
    def initial_of(project: Project) -> dict[str, Any]:
        told = project.decision
        found: dict[str, Any] = {
            "kind": told.get("kind", "cost" if project.costs.get("matrix") else "none"),
            "threshold": f"{100 * told.get('threshold', 0.5):g}",
            "otherwise": told.get("otherwise", ""),
        }
        if project.positive_class:
            pair = actions_of(
                told, classes=project.classes, positive=project.positive_class
            )
            found["below"], found["above"] = pair
        if band := told.get("abstain"):
            found["abstain_low"], found["abstain_high"] = (f"{100 * p:g}" for p in band)
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        low, high = data.get("abstain_low"), data.get("abstain_high")
        if (low is None) != (high is None):
            name = "abstain_low" if low is None else "abstain_high"
            self.add_error(name, "Give both, or neither.")
        elif low is not None and high is not None and low > high:
            self.add_error("abstain_high", "Write a number above the first.")
        if data.get("kind") == "threshold" and data.get("threshold") is None:
            self.add_error("threshold", "Write a number from 0 to 100.")
        return data

    def decision(self) -> dict[str, Any]:
        data, found = self.cleaned_data, dict[str, Any]()
        was = self.project.decision
        if data["kind"] == "none":
            return found
        found["kind"] = data["kind"]
        if data["kind"] == "threshold":
            found["threshold"] = data["threshold"] / 100
            if "threshold" in was and self.untouched("threshold"):
                found["threshold"] = was["threshold"]
            if data["below"] and data["above"]:
                found["actions"] = [data["below"], data["above"]]
        if data["kind"] == "cost" and data["otherwise"]:
            found["otherwise"] = data["otherwise"]
        if data["abstain_low"] is not None:
            found["abstain"] = [data["abstain_low"] / 100, data["abstain_high"] / 100]
            if "abstain" in was and self.untouched("abstain_low", "abstain_high"):
                found["abstain"] = was["abstain"]
        return found
