"""Forms of people who label: an answer, a reply, the guideline, a file of examples."""

from __future__ import annotations

from typing import Any

from django import forms

from labelling.labeller import flags, guidelines
from labelling.labeller.drafts import MOST_ANSWERS
from labelling.labeller.reading import LONGEST
from registry.forms import PageForm
from registry.models import Project

NUMBER: dict[str, Any] = {"inputmode": "decimal", "autocomplete": "off"}


class AnswerForm(PageForm):
    """An answer as it was typed, about the card or the answer `about`; what it means,
    `reading` knows."""

    value = forms.Field(required=False, widget=forms.TextInput(attrs=NUMBER))
    comment = forms.CharField(
        label="Why (kept with your answer)",
        required=False,
        widget=forms.TextInput(attrs={"maxlength": LONGEST, "autocomplete": "off"}),
    )

    def __init__(
        self,
        typed: Any = None,
        *,
        project: Project,
        about: int | None = None,
        value: Any = None,
    ) -> None:
        super().__init__(
            typed, initial={"value": value}, auto_id=f"answer-{about or 0}-%s"
        )
        self.about = about
        if about:  # in the row of a table
            self.fields["value"].widget.attrs["class"] = "inline"
        unit = f", {project.unit}" if project.unit else ""
        self.fields["value"].label = f"{project.target}{unit}"
        if project.task == Project.Task.MULTILABEL:
            self.fields["value"].widget = forms.SelectMultiple()


class ReplyForm(PageForm):
    reply = forms.CharField(
        required=False,
        strip=False,
        widget=forms.TextInput(attrs={"maxlength": flags.LONGEST}),
    )

    def __init__(self, typed: Any = None, *, flag: int) -> None:
        super().__init__(typed, auto_id=f"flag-{flag}-%s")
        self.flag = flag


class GuidelineForm(PageForm):
    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "maxlength": guidelines.LONGEST}),
        help_text="Say what each class means, with an example, and what to do in doubt.",
    )


class ImportForm(PageForm):
    file = forms.FileField(
        required=False,
        widget=forms.FileInput(
            attrs={"accept": ".csv,.jsonl,.ndjson", "required": True}
        ),
    )
    overlap = forms.CharField(
        label="Answers wanted for each",
        initial=1,
        required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MOST_ANSWERS}),
        help_text="2 or more tells how well people agree; they do not see each other's "
        "answers.",
    )

    def __init__(self, typed: Any = None, *, project: Project) -> None:
        super().__init__(typed)
        self.fields["file"].help_text = (
            "CSV with a header, or one JSON object a line, UTF-8, at most 1 GB. Columns "
            f"that are no input of the project come along; {project.target} is never "
            "shown."
        )
