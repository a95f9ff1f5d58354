"""The steps of bringing a table: what a form shows, and what it leaves on the draft.

A step is done once its answers are on the draft; earlier ones may be changed at any time,
and what stood on them is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlsystem import bring
from mlsystem.new_forms import BaselineForm, TargetForm, ValueForm, first_guess
from registry import cost_words, drafts, frames, guess
from registry.cost_forms import CostForm
from registry.errors import InvalidInput
from registry.models import Draft, User
from registry.schema import KINDS
from registry.written import UNDER_ONE, percent

STEPS = {
    "target": "What to predict",
    "columns": "Columns",
    "value": "What it is worth",
    "baseline": "First answer",
}
KIND_WORDS = {
    "numeric": "number",
    "integer": "whole number",
    "boolean": "yes or no",
    "categorical": "category",
    "text": "text",
    "image": "image",
    "datetime": "moment",
}
Answers = dict[str, Any]


def next_of(draft: Draft) -> str:
    """The first step that nobody has answered, or the last one."""
    return next((step for step in STEPS if step not in draft.answers), "baseline")


def rail(draft: Draft, current: str) -> list[dict[str, Any]]:
    """The steps as a line at the top: what is done can be gone back to."""
    names, ready = list(STEPS), next_of(draft)
    return [
        {
            "key": name,
            "title": title,
            "number": names.index(name) + 1,
            "current": name == current,
            "done": name in draft.answers,
            "open": names.index(name) <= names.index(ready),
        }
        for name, title in STEPS.items()
    ]


# Target


def target_form(draft: Draft, typed: Any = None) -> TargetForm:
    given = draft.answers.get("target") or first_guess(draft)
    return TargetForm(typed, draft=draft, initial=given)


def save_target(draft: Draft, form: TargetForm) -> bool:
    """Keep the target, and what its column tells: the task and its classes."""
    if not form.is_valid():
        return False
    data = form.cleaned_data
    if not set(form.names) - {data["target"], data["time"], data["group"]}:
        form.add_error("target", guess.nothing_left(data["target"], form.names))
        return False
    try:
        about = about_target(draft, target=data["target"], task=data["task"])
    except InvalidInput as error:
        form.add_error("target", error.detail)
        return False
    before = draft.answers.get("target", {})
    parts = ("target", "task", "time", "group")
    if before and any(before[name] != data[name] for name in parts):
        # What was said of the other columns may be wrong now.
        draft.answers = {k: v for k, v in draft.answers.items() if k == "target"}
    leaks = drafts.leaks_of(draft, target=data["target"], task=about["task"])
    answers = data | {"about": about, "leaks": leaks}
    drafts.say(draft=draft, step="target", answers=answers)
    return True


def about_target(draft: Draft, *, target: str, task: str) -> dict[str, Any]:
    """Task, classes and how often each occurs; refused where nothing can be learnt."""
    frame = drafts.frame_of(draft, [target])
    found = guess.of_target(frame, target=target, task=task)
    known = frame[target][~frames.missing(frame[target])]
    return {
        "target": target,
        "task": found.task,
        "classes": found.classes,
        "positive_class": found.positive_class,
        "counts": guess.counts_of(known, found.classes),
        "known": len(known),
    }


# Columns


def columns_of(draft: Draft, typed: Mapping[str, str] | None = None) -> list[Answers]:
    """The columns that may be inputs, as guessed, as said before, or as typed just now."""
    target = draft.answers["target"]
    apart = {target["target"], target["time"], target["group"]}
    said = draft.answers.get("columns", {})
    rows = []
    for place, column in enumerate(draft.columns):
        if column["name"] in apart:
            continue
        finding = column.get("finding") or {}
        if leak := target["leaks"].get(column["name"]):
            finding = {"text": leak, "level": "error"}
        row = {**column, "place": place, "share_words": _share(column, draft)}
        row |= {
            "finding": finding,
            "use": not finding.get("drop"),
            "required": False,
            "error": "",
        }
        if said:
            told = said["told"].get(column["name"])
            row |= {"use": told is not None, **(told or {})}
        if typed is not None:
            row["use"] = f"use-{place}" in typed
            row["required"] = f"required-{place}" in typed
            row["kind"] = typed.get(f"kind-{place}", column["kind"])
        row["guessed"] = column["kind"]
        rows.append(row)
    return rows


def _share(column: Answers, draft: Draft) -> str:
    words = percent(column["missing"] / draft.rows)
    return UNDER_ONE if words == percent(0) else words


def save_columns(draft: Draft, rows: list[Answers]) -> list[str]:
    """Keep what the columns are; what cannot be is told beside each, and summed up."""
    used = [row for row in rows if row["use"]]
    if not used:
        return ["No column is left to predict from: use at least one."]
    changed = [row for row in used if row["kind"] != row["guessed"]]
    if changed:
        _check_kinds(draft, changed)
    for row in used:
        if row["required"] and row["missing"] and not row["error"]:
            row["error"] = (
                f"{row['missing']} rows have no value: it cannot be required, or the "
                "table has to be mended first."
            )
    if wrong := [f"{row['name']}: {row['error']}" for row in used if row["error"]]:
        return wrong
    told = {
        row["name"]: {"kind": row["kind"]}
        | ({"required": True} if row["required"] else {})
        for row in used
    }
    exclude = [row["name"] for row in rows if not row["use"]]
    drafts.say(draft=draft, step="columns", answers={"told": told, "exclude": exclude})
    return []


def _check_kinds(draft: Draft, changed: list[Answers]) -> None:
    for row in changed:
        if row["kind"] not in KINDS:
            row["error"] = f"Choose one of {', '.join(KIND_WORDS.values())}."
    known = [row for row in changed if not row["error"]]
    frame = drafts.frame_of(draft, [row["name"] for row in known])
    _, bad = frames.conform(known, frame)
    wrong = {one.column: str(one) for one in bad}
    for row in known:
        row["error"] = wrong.get(row["name"], "")


def inputs_of(draft: Draft) -> list[Answers]:
    """The columns said to be inputs, as fields."""
    if "columns" in draft.answers:
        told = draft.answers["columns"]["told"]
        return [{"name": name, **known} for name, known in told.items()]
    return [
        {"name": row["name"], "kind": row["kind"]}
        for row in columns_of(draft)
        if row["use"]
    ]


# Value


def value_forms(draft: Draft, typed: Any = None) -> tuple[ValueForm, CostForm]:
    about, said = draft.answers["target"]["about"], draft.answers.get("value", {})
    initial = {"silence": "unknown", "positive_class": about["positive_class"], **said}
    form = ValueForm(typed, draft=draft, about=about, initial=initial)
    costs = CostForm(
        task=about["task"],
        classes=about["classes"],
        fields=inputs_of(draft),
        costs=said.get("costs", {}),
        typed=typed,
    )
    return form, costs


def cost_sentences(draft: Draft, form: ValueForm, costs: CostForm) -> list[str]:
    """What the costs typed so far lead to."""
    if costs.errors:
        return []
    about = draft.answers["target"]["about"]
    typical = {c["name"]: c.get("typical") for c in draft.columns}
    positive = form["positive_class"].value() if "positive_class" in form.fields else ""
    unit = form["unit"].value() if "unit" in form.fields else ""
    return cost_words.sentences(
        costs=costs.costs,
        classes=about["classes"],
        positive=positive or about["positive_class"],
        row=typical,
        unit=unit or about["target"],
    )


def save_value(draft: Draft, form: ValueForm, costs: CostForm) -> bool:
    valid = form.is_valid()
    if not valid or costs.errors:
        return False
    said = {k: v for k, v in form.cleaned_data.items() if v not in {"", None}}
    drafts.say(draft=draft, step="value", answers=said | {"costs": costs.costs})
    return True


# Baseline, and the project


def baseline_form(draft: Draft, typed: Any = None) -> BaselineForm:
    about = draft.answers["target"]["about"]
    first = "mean" if about["task"] == "regression" else "majority"
    said = draft.answers.get("value", {})
    positive = said.get("positive_class", about["positive_class"])
    return BaselineForm(
        typed,
        draft=draft,
        about=about | {"positive_class": positive},
        inputs=inputs_of(draft),
        initial={"kind": first, "operator": "<", "then": positive}
        | draft.answers.get("baseline", {}),
    )


def save_baseline(draft: Draft, form: BaselineForm) -> bool:
    if not form.is_valid():
        return False
    answers = form.cleaned_data | {"baseline": form.baseline()}
    drafts.say(draft=draft, step="baseline", answers=answers)
    return True


def make_project(draft: Draft, *, by: User) -> Draft:
    """Everything said, handed to the verb; what was not said is as guessed."""
    target, value = draft.answers["target"], draft.answers.get("value", {})
    columns = draft.answers.get("columns")
    if columns is None:
        rows = columns_of(draft)
        columns = {
            "told": {r["name"]: {"kind": r["kind"]} for r in rows if r["use"]},
            "exclude": [row["name"] for row in rows if not row["use"]],
        }
    settings = {
        "name": target["name"],
        "time_column": target["time"],
        "group_column": target["group"],
        **value,
    }
    wanted = {
        "slug": target["slug"],
        "target": target["target"],
        "task": target["about"]["task"],
        "told": columns["told"],
        "exclude": columns["exclude"],
        "settings": settings,
        "baseline": draft.answers.get("baseline", {}).get("baseline"),
    }
    return bring.create(draft=draft, wanted=wanted, by=by)
