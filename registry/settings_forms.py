"""Forms of the settings pages: the problem and the decision, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms

from registry import catalogue, moments, precedence
from registry.decision import actions_of
from registry.errors import DomainError, EditedMeanwhile
from registry.forms import PageForm
from registry.models import Project

DAY = timedelta(days=1)
MOST_DAYS = 36_500


def amount(
    label: str,
    help_text: str = "",
    *,
    min_value: float,
    max_value: float | None = None,
) -> forms.FloatField:
    """A number that may stay empty."""
    return forms.FloatField(
        label=label,
        required=False,
        help_text=help_text,
        min_value=min_value,
        max_value=max_value,
    )


def check_silence(form: forms.Form, data: dict[str, Any]) -> None:
    """Silence is an answer only once one has waited long enough."""
    told = data.get("horizon_days") or "horizon_days" in form.errors
    if data.get("silence") == "negative" and not told:
        form.add_error("horizon_days", "Silence means no only after a number of days.")


def _words(field: forms.Field, value: Any) -> str:
    """What a field holds, as its form shows it."""
    labels = {str(key): str(words) for key, words in getattr(field, "choices", [])}
    if isinstance(field, forms.BooleanField):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(sorted(map(str, value))) or "none"
    text = "" if value is None else str(value).strip()
    return labels.get(text, text) or "empty"


class Declared(PageForm):
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

    def refuse_edit(self, error: DomainError, *, now: Mapping[str, Any]) -> None:
        """What the verb says; where somebody else was first, beside what is saved `now`."""
        own = {theirs: name for name, theirs in self.attributes().items()}
        if self.whole:  # what is wrong with all of it stands above, under no field
            own = {f"{self.whole}.{name}": name for name in self.fields}
        self.refuse(error, names=own)
        if isinstance(error, EditedMeanwhile):
            self.saved = {
                name: _words(field, now.get(name))
                for name, field in self.fields.items()
                if _words(field, now.get(name)) != _words(field, self[name].value())
            }

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
    horizon_days = amount(
        "Days until the truth is known",
        "Nothing counts before. Empty: whenever somebody tells it.",
        min_value=0.001,
        max_value=MOST_DAYS,
    )
    silence = forms.ChoiceField(
        label="If nobody tells anything by then",
        required=False,
        choices=[
            ("unknown", "then nobody knows, and it counts nowhere"),
            ("negative", "then it did not happen"),
        ],
    )
    truth_precedence = forms.CharField(
        label="Whose word counts, if several tell",
        required=False,
        max_length=100,
        help_text="The strongest first, for truth that comes in from now on. Empty: "
        f"{', '.join(precedence.SOURCES)}.",
    )
    control_share = forms.DecimalField(
        label="Always answered by the baseline, in %",
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=2,
        help_text="A control share of users, the same ones in every rollout, so that "
        "models are measured against none. Empty: nobody.",
    )
    strict_inputs = forms.BooleanField(
        label="Refuse inputs with unknown fields",
        required=False,
        help_text="From the next request on. Otherwise they are ignored, with a warning "
        "in the answer.",
    )
    zone = forms.ChoiceField(
        label="Time zone",
        help_text="Of times that come without an offset, at once; a version keeps the zone "
        "that it was made with. Charts count days in UTC.",
    )
    retention_days = amount(
        "Keep predictions for days",
        min_value=1,
        max_value=MOST_DAYS,
        help_text="Empty: for ever. Older ones are deleted within two hours, with their "
        "inputs, what users said of them, and cards nobody answered. Counts by the hour "
        "and day stay, and so do datasets and cards that were answered. An answer of a "
        "later moment waits until its silence counts.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["primary_metric"].choices = [
            (m.key, f"{m.label}: {m.help}")
            for m in catalogue.metrics_for(project.task)
            if m.key != "cost" or project.costs
        ]
        fields["zone"].choices = [(z, z) for z in sorted(moments.zones())]
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
        found["truth_precedence"] = ", ".join(project.truth_precedence)
        share = project.control_share
        found["control_share"] = f"{float(share):g}" if share else None
        return found

    def clean_truth_precedence(self) -> list[str]:
        words = self.cleaned_data["truth_precedence"].replace(",", " ").split()
        if told := precedence.problem(words):
            raise forms.ValidationError(told)
        return words

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
        data["control_share"] = data["control_share"] or Decimal(0)
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
    threshold = amount("From, in %", min_value=0, max_value=100)
    below = forms.CharField(label="Below it", max_length=120, required=False)
    above = forms.CharField(label="From it on", max_length=120, required=False)
    abstain_low = amount(
        "Ask a person from, in %",
        "For example 40 up to 60: too close to call.",
        min_value=0,
        max_value=100,
    )
    abstain_high = amount(
        "up to, in %",
        "Between the two the answer is “abstain”. Empty: never.",
        min_value=0,
        max_value=100,
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
