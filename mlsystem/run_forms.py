"""Forms of the runs page: start one, when they start by themselves, and how far the
machine goes. What is no number is one that the verb refuses."""

from __future__ import annotations

from typing import Any

from django import forms

from mlsystem.api.automation import MOST_LABELS, AutopilotApi
from mlsystem.orchestrator import pipeline
from registry.catalogue import ALGORITHMS
from registry.forms import PageForm
from registry.models import Project, Schedule
from registry.web.pages import whole_number
from registry.written import whole

DEFAULT_SECONDS = 60
USUAL_CRON = "0 3 * * 1"
LONGEST_CRON, LONGEST_ZONE = 80, 60


def seconds(text: str) -> int:
    """A budget as it was typed; 0, which is none, where it is no whole number."""
    return whole_number(text) or 0


class StartForm(PageForm):
    budget = forms.CharField(
        label="Seconds to build in",
        initial=DEFAULT_SECONDS,
        widget=forms.NumberInput(attrs={"min": 1}),
        required=False,
        help_text="A hard limit: the best model found by then is judged.",
    )

    def __init__(self, typed: Any = None) -> None:
        super().__init__(typed, auto_id="start-%s")
        asked = typed.getlist("algorithm") if typed is not None else []
        self.chosen = [name for name in asked if name in ALGORITHMS]


class ScheduleForm(PageForm):
    cron = forms.CharField(
        label="When",
        max_length=LONGEST_CRON,
        required=False,
        widget=forms.TextInput(attrs={"list": "presets"}),
        help_text="Minute, hour, day, month, weekday: 0 3 * * 1 is every Monday at "
        "three.",
    )
    zone = forms.CharField(label="In the zone", max_length=LONGEST_ZONE, required=False)
    budget = forms.CharField(
        label="Seconds to build in",
        required=False,
        widget=forms.NumberInput(attrs={"min": 1}),
    )
    enabled = forms.BooleanField(label="Start runs by this schedule", required=False)

    def __init__(
        self, typed: Any = None, *, project: Project, schedule: Schedule | None
    ) -> None:
        initial = {"cron": USUAL_CRON, "zone": project.zone}
        initial["budget"] = str(pipeline.DEFAULT_BUDGET)
        if schedule is not None:
            initial = {"cron": schedule.cron, "zone": schedule.zone}
            initial["budget"] = schedule.args.get("budget", pipeline.DEFAULT_BUDGET)
        enabled = bool(schedule and schedule.enabled)
        super().__init__(
            typed, initial={**initial, "enabled": enabled}, auto_id="schedule-%s"
        )


class AutopilotForm(PageForm):
    mode = forms.ChoiceField(
        label="How far the machine goes by itself",
        choices=[
            (mode, AutopilotApi.MEANING[mode]) for mode in Project.Autopilot.values
        ],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Choose manual, propose or automatic."
        ),
    )
    retrain_after = forms.CharField(
        label="New labels that start a run",
        required=False,
        widget=forms.NumberInput(attrs={"min": 0, "max": MOST_LABELS}),
    )

    def __init__(self, typed: Any = None, *, project: Project) -> None:
        initial = {"mode": project.autopilot, "retrain_after": project.retrain_after}
        super().__init__(typed, initial=initial, auto_id="autopilot-%s")

    def clean_retrain_after(self) -> int | None:
        """None where the field was left empty: it stays as it is."""
        text = self.cleaned_data["retrain_after"]
        found = whole_number(text)
        if text and (found is None or found > MOST_LABELS):
            raise forms.ValidationError(f"Write 0 to {whole(MOST_LABELS)}.")
        return found

    def changes(self) -> dict[str, Any]:
        found: dict[str, Any] = {"autopilot": self.cleaned_data["mode"]}
        if self.cleaned_data["retrain_after"] is not None:
            found["retrain_after"] = self.cleaned_data["retrain_after"]
        return found
