"""The buttons of the rollout page, and who would get which version.

Owners roll back and give everyone the baseline; the rest is the admin's.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from registry.errors import (
    DomainError,
    EditedMeanwhile,
    Forbidden,
    InvalidInput,
    NotFound,
)
from registry.models import Project
from registry.web import undo
from registry.web.pages import PageRequest, project_page, whole_number
from serving import rollout as verbs
from serving import rollout_forms as forms
from serving import rollout_story as story
from serving import samples
from serving.model_server.states import shares_of
from serving.models import Rollout
from serving.rollout_writes import Edit
from serving.variants import BASELINE, CANARY, Caller, choose, why

Fields = dict[str, str]


@project_page(POST=("owner", "admin"))
def rollout_verb(request: PageRequest, project: Project, verb: str) -> HttpResponse:
    """A button was pressed: do it, say what was done, and offer to take it back."""
    if verb not in VERBS:
        raise NotFound("There is no such button.")
    if verb not in OWNER_VERBS and not request.actor.may("admin"):
        messages.error(request, "An admin of the project may do this.")
    else:
        press(request, project, verb)
    return redirect(reverse("rollout", args=[project.slug]))


def press(request: PageRequest, project: Project, verb: str) -> DomainError | None:
    """Do what the button says and tell it, in a message; or why it was refused."""
    try:
        before = verbs.of_project(project)
        going_on = verb == "resume" and before.state in {"paused", "held"}
        if going_on and not request.actor.may("admin"):
            raise Forbidden("This needs the role admin: a candidate would go on.")
        after = VERBS[verb](request.POST, before, _edit(request))
    except EditedMeanwhile as error:
        messages.error(request, _lost(project, request))
        return error
    except DomainError as error:
        words = " ".join([error.detail, *(e.message for e in error.errors)])
        messages.error(request, words)
        return error
    _say(request, project, verb, before, after)
    return None


def _edit(request: PageRequest) -> Edit:
    return {
        "by": request.actor,
        "revision": _whole(request.POST, "revision"),
        "reason": request.POST.get("reason", "").strip()[:500],
    }


def _lost(project: Project, request: PageRequest) -> str:
    """What changed while somebody looked at an old page."""
    seen = whole_number(request.POST.get("revision")) or 0
    changes = [
        f"{story.told(event)} ({event.author_name})"
        for event in story.since(project, revision=seen)
    ]
    meanwhile = "; ".join(changes) or "somebody changed it a moment ago"
    return (
        f"Nothing was changed, because the rollout is another than you saw: {meanwhile}. "
        "Look at it again, then repeat what you wanted."
    )


def _say(
    request: PageRequest, project: Project, verb: str, before: Rollout, after: Rollout
) -> None:
    back = UNDO[verb](before)
    if back is None or (back[0] not in OWNER_VERBS and not request.actor.may("admin")):
        messages.success(request, f"{DONE[verb]} {_way_back(verb, before)}".strip())
        return
    action, fields = back
    undo.offer(
        request,
        DONE[verb],
        action=reverse("rollout-verb", args=[project.slug, action]),
        revision=after.revision,
        reason="Taken back.",
        **fields,
    )


def _way_back(verb: str, before: Rollout) -> str:
    """How to go back where one button cannot restore all that was before."""
    if verb == "promote":
        return f"“Back to version {before.live.number}” lets that one answer again."
    if verb == "rollback" and before.candidate:
        number = before.candidate.number
        return f"Version {number} can be brought in again, as a new rollout."
    return ""


def _whole(form: forms.Form, name: str) -> int:
    found = whole_number(form.get(name))
    if found is None:
        raise InvalidInput(f"{name}: write a whole number.")
    return found


def _start(form: forms.Form, rollout: Rollout, edit: Edit) -> Rollout:
    number = _whole(form, "candidate")
    candidate = rollout.project.versions.filter(number=number).first()
    if candidate is None:
        raise NotFound(f"There is no version {number}.")
    mode = form.get("mode", "canary")
    plan = forms.plan_of(form)
    if form.get("plan") == "project" and mode == Rollout.Mode.CANARY:
        plan = list(rollout.project.plan or forms.DEFAULT_PLAN)
    share = forms.number(form.get("percent", ""), "percent") if not plan else None
    return verbs.start(
        rollout=rollout,
        candidate=candidate,
        mode=mode,
        percent=None if mode == Rollout.Mode.SHADOW else share,
        targets=forms.targets_of(form),
        plan=plan,
        **edit,
    )


def _set_percent(form: forms.Form, rollout: Rollout, edit: Edit) -> Rollout:
    share = round(forms.number(form.get("percent", ""), "percent"), 2)
    return verbs.set_percent(rollout=rollout, percent=share, **edit)


def _set_targets(form: forms.Form, rollout: Rollout, edit: Edit) -> Rollout:
    return verbs.set_targets(rollout=rollout, targets=forms.targets_of(form), **edit)


def _set_plan(form: forms.Form, rollout: Rollout, edit: Edit) -> Rollout:
    return verbs.set_plan(rollout=rollout, plan=forms.plan_of(form), **edit)


VERBS: dict[str, Callable[[forms.Form, Rollout, Edit], Rollout]] = {
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
    "targets": lambda before: ("targets", forms.targets_as_form(before.targets)),
    "plan": lambda before: ("plan", forms.plan_as_form(before.plan)),
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
