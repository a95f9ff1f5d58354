"""The buttons of the rollout page, and who would get which version.

Owners roll back and give everyone the baseline; the rest is the admin's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from registry.errors import (
    DomainError,
    EditedMeanwhile,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
)
from registry.models import Project
from registry.web import undo
from registry.web.pages import PageRequest, project_page, whole_number
from serving import rollout as verbs
from serving import rollout_rows as rows
from serving import rollout_story as story
from serving import samples
from serving.model_server.states import shares_of
from serving.models import Rollout, RolloutEvent
from serving.rollout_forms import LONGEST_REASON
from serving.rollout_writes import Edit
from serving.variants import BASELINE, CANARY, Caller, choose, why

Fields = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A button that could not be; where somebody else was first, what they did."""

    verb: str
    error: DomainError
    meanwhile: Sequence[RolloutEvent] = ()

    @property
    def lost(self) -> bool:
        return isinstance(self.error, EditedMeanwhile)


def press(request: PageRequest, project: Project) -> Refused | None:
    """A button was pressed: do it, say what was done, and offer to take it back."""
    verb = request.POST.get("verb", "")
    if verb not in VERBS:
        raise NotFound("There is no such button.")
    try:
        before = verbs.of_project(project)
        _check_role(request, verb, before)
        after = VERBS[verb](request.POST, before, _edit(request))
    except EditedMeanwhile as error:
        seen = whole_number(request.POST.get("revision")) or 0
        found = story.since(project, revision=seen)
        return Refused(verb=verb, error=error, meanwhile=found)
    except DomainError as error:
        return Refused(verb=verb, error=error)
    _say(request, project, verb, before, after)
    return None


def _check_role(request: PageRequest, verb: str, before: Rollout) -> None:
    if request.actor.may("admin"):
        return
    if verb not in OWNER_VERBS:
        raise Forbidden("An admin of the project may do this.")
    if verb == "resume" and before.state in {"paused", "held"}:
        raise Forbidden("This needs the role admin: a candidate would go on.")


def _edit(request: PageRequest) -> Edit:
    return {
        "by": request.actor,
        "revision": _whole(request.POST, "revision"),
        "reason": request.POST.get("reason", "").strip()[:LONGEST_REASON],
    }


def _say(
    request: PageRequest, project: Project, verb: str, before: Rollout, after: Rollout
) -> None:
    back = UNDO[verb](before)
    if back is None or (back[0] not in OWNER_VERBS and not request.actor.may("admin")):
        done = f"{_done(verb, before, after)} {_way_back(verb, before)}"
        messages.success(request, done.strip())
        return
    action, fields = back
    undo.offer(
        request,
        _done(verb, before, after),
        action=reverse("rollout", args=[project.slug]),
        verb=action,
        revision=after.revision,
        reason="Taken back.",
        **fields,
    )


def _done(verb: str, before: Rollout, after: Rollout) -> str:
    swapped = verb == "rollback" and not before.candidate and before.previous
    if swapped and after.live_id != swapped.pk:
        number = f"Version {swapped.number}, live before, may serve no more"
        return f"{DONE[verb]} {number}: the baseline answers."
    return DONE[verb]


def _way_back(verb: str, before: Rollout) -> str:
    """How to go back where one button cannot restore all that was before."""
    if verb == "promote":
        return f"“Back to version {before.live.number}” lets that one answer again."
    if verb == "rollback" and before.candidate:
        number = before.candidate.number
        return f"Version {number} can be brought in again, as a new rollout."
    return ""


def _whole(form: rows.Form, name: str) -> int:
    found = whole_number(form.get(name))
    if found is None:
        message = "Write a whole number."
        raise InvalidInput(f"{name}: {message}", errors=[FieldError(name, message)])
    return found


def _start(form: rows.Form, rollout: Rollout, edit: Edit) -> Rollout:
    number = _whole(form, "candidate")
    candidate = rollout.project.versions.filter(number=number).first()
    if candidate is None:
        raise NotFound(f"There is no version {number}.")
    mode = form.get("mode", "canary")
    plan = rows.plan_of(form)
    if form.get("plan") == "project" and mode == Rollout.Mode.CANARY:
        plan = list(rollout.project.plan or rows.DEFAULT_PLAN)
    no_share = plan or mode == Rollout.Mode.SHADOW  # whatever the field held
    share = None if no_share else rows.number(form.get("percent", ""), "percent")
    return verbs.start(
        rollout=rollout,
        candidate=candidate,
        mode=mode,
        percent=share,
        targets=rows.targets_of(form),
        plan=plan,
        **edit,
    )


def _set_percent(form: rows.Form, rollout: Rollout, edit: Edit) -> Rollout:
    share = round(rows.number(form.get("percent", ""), "percent"), 2)
    return verbs.set_percent(rollout=rollout, percent=share, **edit)


def _set_targets(form: rows.Form, rollout: Rollout, edit: Edit) -> Rollout:
    return verbs.set_targets(rollout=rollout, targets=rows.targets_of(form), **edit)


def _set_plan(form: rows.Form, rollout: Rollout, edit: Edit) -> Rollout:
    return verbs.set_plan(rollout=rollout, plan=rows.plan_of(form), **edit)


VERBS: dict[str, Callable[[rows.Form, Rollout, Edit], Rollout]] = {
    "start": _start,
    "percent": _set_percent,
    "targets": _set_targets,
    "plan": _set_plan,
    "pause": lambda form, rollout, edit: verbs.pause(rollout=rollout, **edit),
    "hold": lambda form, rollout, edit: verbs.hold(rollout=rollout, **edit),
    "resume": lambda form, rollout, edit: verbs.resume(rollout=rollout, **edit),
    "promote": lambda form, rollout, edit: verbs.promote(rollout=rollout, **edit),
    "rollback": lambda form, rollout, edit: verbs.rollback(rollout=rollout, **edit),
    "baseline": lambda form, rollout, edit: verbs.baseline_for_all(
        rollout=rollout, **edit
    ),
}
OWNER_VERBS = {"rollback", "baseline", "resume"}
DONE = {
    "start": "The candidate is on its way.",
    "percent": "The share is changed.",
    "targets": "The targets are changed.",
    "plan": "The plan is changed.",
    "pause": "Paused: the candidate gets no traffic.",
    "hold": "Held: the share stays, and the plan waits for a person.",
    "resume": "Going on.",
    "promote": "Promoted: the candidate is live.",
    "rollback": "Rolled back.",
    "baseline": "Everyone gets the baseline.",
}


def _resume_is_exact(before: Rollout) -> bool:
    """Whether "resume" leads back here: it starts what is stopped, and ends the
    baseline for everyone."""
    return before.state not in {"paused", "held"} and not before.baseline_for_all


Back = tuple[str, Fields] | None

# What takes each back, from the rollout before it; None where no button restores it
# exactly: a candidate that ended comes back with another salt, to other users.
UNDO: dict[str, Callable[[Rollout], Back]] = {
    "start": lambda before: None if before.candidate else ("rollback", {}),
    "percent": lambda before: ("percent", {"percent": f"{float(before.percent):g}"}),
    "targets": lambda before: ("targets", rows.targets_as_form(before.targets)),
    "plan": lambda before: ("plan", rows.plan_as_form(before.plan)),
    "pause": lambda before: ("resume", {}) if _resume_is_exact(before) else None,
    "hold": lambda before: ("resume", {}) if _resume_is_exact(before) else None,
    "resume": lambda before: None,
    "promote": lambda before: None,
    "rollback": lambda before: None if before.candidate else ("rollback", {}),
    "baseline": lambda before: ("resume", {}) if _resume_is_exact(before) else None,
}


@project_page("viewer")
def who(request: PageRequest, project: Project) -> HttpResponse:
    """Which version somebody would get now, and why."""
    rollout = verbs.of_project(project)
    user = request.GET.get("user", "").strip()[:200]
    attributes = samples.attributes(request.GET.get("attributes", ""))
    context: dict[str, Any] = {"project": project, "user": user}
    if user:
        shares = shares_of(rollout)
        caller = Caller(unit=user, user=user, attributes=attributes)
        route = choose(shares=shares, caller=caller)
        version = rollout.live
        if route == CANARY and rollout.candidate:
            version = rollout.candidate
        elif route == BASELINE:
            version = rollout.baseline
        context |= {"route": route, "version": version}
        context["why"] = why(shares=shares, caller=caller)
    context["place"] = "rollout"
    part = bool(getattr(request, "htmx", False))
    template = "serving/partials/who.html" if part else "serving/who.html"
    return render(request, template, context)
