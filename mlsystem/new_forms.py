"""The steps of bringing a table: what each asks, in plain words, and what it keeps."""

from __future__ import annotations

import math
import re
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from registry.forms import PageForm
from registry.frames import BOOLEANS
from registry.models import Draft, Project
from registry.models.projects import SLUG_PATTERN
from registry.schema import NUMBERS
from registry.settings_forms import check_silence

NONE = ("", "None")
TASKS = (
    ("", "As the values suggest"),
    ("binary", "One of two classes"),
    ("multiclass", "One of several classes"),
    ("regression", "A number"),
)
OPERATORS = {
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "==": "is",
    "!=": "is not",
}
# Kinds that a rule may ask for: a moment or an image is compared with no value.
COMPARED = frozenset({"numeric", "integer", "boolean", "categorical", "text"})
USUAL_TARGETS = ("target", "label", "class", "outcome", "y", "churn", "churned")


class Steps(PageForm):
    """What all steps share: the draft, and errors that speak to assistive technology."""

    def __init__(self, *args: Any, draft: Draft, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft = draft
        self.names = [column["name"] for column in draft.columns]


class TargetForm(Steps):
    """What is predicted, and which columns say who and when."""

    target = forms.ChoiceField(
        label="Column to predict",
        help_text="What you want to know in advance: did the customer leave, how late "
        "was the parcel. Rows where it is empty are left out.",
    )
    task = forms.ChoiceField(label="It is", choices=TASKS, required=False)
    name = forms.CharField(
        label="Name of the project",
        max_length=120,
        help_text="As people will read it, for example “Late deliveries”.",
    )
    slug = forms.CharField(
        label="Short name in addresses",
        max_length=50,
        required=False,
        validators=[
            RegexValidator(
                SLUG_PATTERN,
                "Use small letters a-z, digits and -, starting with a letter.",
            )
        ],
        help_text="Small letters, digits and -. Left empty, it is made from the name. "
        "It cannot be changed later.",
    )
    time = forms.ChoiceField(
        label="Column that says when",
        required=False,
        help_text="If rows happened at known moments, name it: models are then judged "
        "on the latest rows, as in real life.",
    )
    group = forms.ChoiceField(
        label="Column that says who or what",
        required=False,
        help_text="If several rows are of one customer or machine, name it: all of "
        "its rows stay together when a model is judged.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(name, name) for name in self.names]
        moments = [
            (c["name"], c["name"])
            for c in self.draft.columns
            if c["kind"] == "datetime"
        ]
        fields: dict[str, Any] = self.fields
        fields["target"].choices = columns
        fields["group"].choices = [NONE, *columns]
        fields["time"].choices = [NONE, *moments]
        if not moments:
            fields["time"].help_text = "No column holds moments such as 2026-01-31."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("time", "group"):
            if data.get(name) and data[name] == data.get("target"):
                self.add_error(name, "This is the column to predict: choose another.")
        if data.get("name") and not data.get("slug") and "slug" not in self.errors:
            data["slug"] = slug_of(data["name"])
            if not re.match(SLUG_PATTERN, data["slug"]):
                self.add_error("slug", "Write one: the name gives none.")
        slug = data.get("slug")
        if slug and Project.objects.filter(slug=slug).exists():
            self.add_error(
                "slug", f"There is a project {slug} already: choose another."
            )
        return data


def slug_of(name: str) -> str:
    """A short name from a long one.

    >>> slug_of("Late deliveries (2026)")
    'late-deliveries-2026'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return re.sub(r"^[^a-z]+", "", plain)[:50].rstrip("-")


def first_guess(draft: Draft) -> dict[str, str]:
    """What the form shows before anybody typed: a likely target, a name by the file."""
    # A day is asked about, not predicted.
    others = [column for column in draft.columns if column["kind"] != "datetime"]
    usable = [c for c in others if not (c.get("finding") or {}).get("drop")]
    named = [c for c in usable if c["name"].lower() in USUAL_TARGETS]
    target = (named or usable[-1:] or others[-1:] or draft.columns)[0]["name"]
    stem = re.split(r"[/:]", draft.name)[-1].partition(".")[0]
    name = re.sub(r"[_\-\s]+", " ", stem).strip().capitalize()
    return {"target": target, "name": name[:120]}


class ValueForm(Steps):
    """When the truth is known, and what silence means. Costs have a form of their own."""

    positive_class = forms.ChoiceField(
        label="The class that matters",
        required=False,
        help_text="Scores and rules speak of its probability.",
    )
    unit = forms.CharField(
        label="Unit of the prediction",
        max_length=40,
        required=False,
        help_text="For example minutes, or EUR.",
    )
    horizon_days = forms.FloatField(
        label="Days until the truth is known",
        min_value=0.001,
        max_value=36_500,
        required=False,
        help_text="For example 30, if a customer has left or stayed after a month. "
        "Empty: whenever somebody tells it.",
        error_messages={
            "min_value": "Write a number of days above 0.",
            "invalid": "Write a number of days, for example 30 or 0.5.",
        },
    )
    silence = forms.ChoiceField(
        label="If nobody tells anything by then",
        choices=[("unknown", ""), ("negative", "")],
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, *args: Any, about: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        binary, regression = about["task"] == "binary", about["task"] == "regression"
        if binary:
            fields["positive_class"].choices = [(c, c) for c in about["classes"]]
            no = "then it was the other class: the usual case of no news"
            fields["silence"].choices = [
                ("unknown", "then nobody knows"),
                ("negative", no),
            ]
        else:
            del fields["positive_class"], fields["silence"]
        if not regression:
            del fields["unit"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        check_silence(self, data)
        return data


def _number(text: str) -> float | None:
    """What was typed as a finite number, with a comma too."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


class BaselineForm(Steps):
    """The first answer: simple, live at once, and what every model must beat."""

    kind = forms.ChoiceField(widget=forms.RadioSelect, label="What answers first?")
    column = forms.ChoiceField(label="Column", required=False)
    operator = forms.ChoiceField(
        label="Comparison", choices=list(OPERATORS.items()), required=False
    )
    value = forms.CharField(label="Value", max_length=200, required=False)
    then = forms.ChoiceField(label="then say", required=False)
    group = forms.ChoiceField(label="Group by", required=False)

    def __init__(
        self,
        *args: Any,
        about: dict[str, Any],
        inputs: list[dict[str, Any]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        self.kinds = {one["name"]: one["kind"] for one in inputs}
        fields["group"].choices = [(name, name) for name in self.kinds]
        compared = [name for name, kind in self.kinds.items() if kind in COMPARED]
        fields["column"].choices = [(name, name) for name in compared]
        if len(compared) < len(self.kinds):
            fields["column"].help_text = "Moments and images are not compared."
        target = about["target"]
        if about["task"] == "regression":
            fields["kind"].choices = [
                ("mean", f"The mean {target} of all rows"),
                ("group_mean", f"The mean {target} of rows with the same …"),
            ]
            for name in ("column", "operator", "value", "then"):
                del fields[name]
        else:
            fields["kind"].choices = [
                ("majority", "How often each class occurs in all rows"),
                ("group_mean", "How often each class occurs in rows with the same …"),
                *([("rule", "A rule that you know")] if compared else []),
            ]
            positive = about.get("positive_class")
            ordered = sorted(about["classes"], key=lambda c: c != positive)
            fields["then"].choices = [(c, c) for c in ordered]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == "group_mean" and not data.get("group"):
            self.add_error("group", "Choose a column.")
        if data.get("kind") == "rule":
            self._check_rule(data)
        return data

    def _check_rule(self, data: dict[str, Any]) -> None:
        column, value = data.get("column"), (data.get("value") or "").strip()
        if not column:
            self.add_error("column", "Choose a column.")
            return
        kind = self.kinds[column]
        numeric = kind in NUMBERS
        if not value:
            self.add_error("value", "Write the value to compare with.")
        elif numeric and _number(value) is None:
            self.add_error("value", f"{column} holds numbers: write one.")
        elif kind == "boolean" and value.lower() not in BOOLEANS:
            self.add_error("value", f"{column} is yes or no: write one of the two.")
        if not numeric and data.get("operator") not in {"==", "!="}:
            self.add_error(
                "operator", f"{column} holds no numbers: compare by “is” or “is not”."
            )

    def baseline(self) -> dict[str, Any]:
        """As `mlsystem.baselines.Baseline` takes it."""
        data = self.cleaned_data
        if data["kind"] == "group_mean":
            return {"kind": "group_mean", "params": {"keys": [data["group"]]}}
        if data["kind"] != "rule":
            return {"kind": data["kind"]}
        value: Any = data["value"].strip()
        if self.kinds[data["column"]] in NUMBERS:
            value = _number(value)
            value = int(value) if value.is_integer() else value
        params = {
            "column": data["column"],
            "operator": data["operator"],
            "value": value,
            "then": data["then"],
        }
        return {"kind": "rule", "params": params}
