"""The forms of the rollout page. What a verb refused is in them as it was typed, with what
is wrong under its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from registry.errors import DomainError
from registry.forms import PageForm
from registry.models import ModelVersion
from serving.models import Rollout
from serving.rollout_rows import cell_of, rows_of, target_rows

BLANK_TARGETS = 2  # rows to write another one into
LONGEST_REASON = 500
DECIMAL = {"inputmode": "decimal"}
FIRST_SHARE = 5
MODES = [
    ("canary", "Canary: a growing share"),
    ("ab", "A/B: a fixed share"),
    ("shadow", "Shadow: asked, never answering"),
]


def _text(label: str, **attrs: Any) -> forms.CharField:
    """A field whose value the verb judges."""
    return forms.CharField(
        label=label, required=False, widget=forms.TextInput(attrs=attrs)
    )


def _reason(**attrs: str) -> forms.CharField:
    given = {"maxlength": LONGEST_REASON, "autocomplete": "off"}
    return _text("Reason, for the history", **given, **attrs)


class StartForm(PageForm):
    candidate = forms.CharField(required=False, widget=forms.Select)
    mode = forms.CharField(
        label="How", required=False, widget=forms.Select(choices=MODES)
    )
    percent = forms.CharField(
        label="First share, %",
        initial=FIRST_SHARE,
        required=False,
        widget=forms.NumberInput(attrs={"min": 0, "max": 100, "step": "any"}),
    )
    reason = _reason()
    plan = forms.BooleanField(
        required=False, widget=forms.CheckboxInput(attrs={"value": "project"})
    )

    def __init__(self, typed: Any, ready: Sequence[ModelVersion]) -> None:
        super().__init__(typed, auto_id="start-%s")
        choices = [(str(v.number), f"{v.number}: {v.name}") for v in ready]
        if typed and (number := typed.get("candidate")) not in dict(choices):
            choices.append((number, number))  # it could come in a moment ago
        self.fields["candidate"].widget = forms.Select(choices=choices)


class ShareForm(PageForm):
    percent = _text("Share")


class ReasonForm(PageForm):
    reason = _reason(placeholder="Why?")


class TargetForm(PageForm):
    to = forms.CharField(
        label="Gets",
        required=False,
        widget=forms.Select(
            choices=[("candidate", "the candidate"), ("live", "the live version")]
        ),
    )
    attribute = _text("Attribute", maxlength=100, placeholder="none: by user")
    values = forms.CharField(
        label="Is one of",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "ann"}),
        help_text="One value a line.",
    )
    percent = _text("Share of them, %", placeholder="all", **DECIMAL)


class StepForm(PageForm):
    percent = _text("Share, %", **DECIMAL)
    hours = _text("Hours", **DECIMAL)
    min_n = _text("Answers", inputmode="numeric")


@dataclass(kw_only=True)
class Forms:
    """All of the page; `refused` is the verb that was, and `problem` what its fields do
    not say."""

    start: StartForm
    share: ShareForm
    reason: ReasonForm
    targets: Sequence[PageForm]
    plan: Sequence[PageForm]
    refused: str = ""
    problem: str = ""

    @property
    def focused(self) -> bool:
        every = (self.start, self.share, self.reason, *self.targets, *self.plan)
        return bool(self.refused) and any(form.focused for form in every)


def forms_of(rollout: Rollout, ready: Sequence[ModelVersion]) -> Forms:
    """The page's forms as the rollout is."""
    blank = [{"to": "candidate"}] * BLANK_TARGETS
    share = f"{float(rollout.percent):g}"
    return Forms(
        start=StartForm(None, ready),
        share=ShareForm(initial={"percent": share}),
        reason=ReasonForm(),
        targets=_rows(TargetForm, "target", [*target_rows(rollout.targets), *blank]),
        plan=_rows(StepForm, "step", [*rollout.plan, {}]),
    )


def _rows(
    kind: type[PageForm], name: str, values: Sequence[Mapping[str, Any]]
) -> list[PageForm]:
    return [
        kind(initial=dict(value), prefix=f"{name}-{place}")
        for place, value in enumerate(values)
    ]


def with_refused(
    shown: Forms,
    *,
    verb: str,
    typed: Mapping[str, str],
    error: DomainError,
    ready: Sequence[ModelVersion],
) -> Forms:
    """The same with what was typed, and what speaks against it."""
    shown.refused = verb
    forms_by_name: dict[str, PageForm] = {}
    if verb == "start":
        shown.start = StartForm(typed, ready)
        forms_by_name = dict.fromkeys(shown.start.fields, shown.start)
    elif verb == "percent":
        shown.share = ShareForm(typed)
        forms_by_name = {"percent": shown.share}
    elif verb in {"targets", "plan"}:
        kind, name = {
            "targets": (TargetForm, "target"),
            "plan": (StepForm, "step"),
        }[verb]
        rows = [kind(typed, prefix=f"{name}-{place}") for place in rows_of(typed, name)]
        if rows:  # an undo carries its targets whole
            setattr(shown, verb, rows)
        forms_by_name = {f.add_prefix(cell): f for f in rows for cell in f.fields}
    else:
        shown.reason = ReasonForm(typed)
    _tell(shown, forms_by_name, typed, error)
    return shown


def _tell(
    shown: Forms,
    forms_by_name: Mapping[str, PageForm],
    typed: Mapping[str, str],
    error: DomainError,
) -> None:
    rest = [] if error.errors else [error.detail]
    for each in error.errors:
        cell = cell_of(each.field, typed)
        if form := forms_by_name.get(cell):
            name = cell.removeprefix(f"{form.prefix}-") if form.prefix else cell
            form.add_error(name, each.message)
        else:
            rest.append(each.message)
    shown.problem = " ".join(rest)
