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
    page = redirect(reverse("rollout", args=[project.slug]))
    if verb not in VERBS:
        raise NotFound("There is no such button.")
    if verb not in OWNER_VERBS and not request.actor.may("admin"):
        messages.error(request, "An admin of the project may do this.")
        return page
    try:
        before = verbs.of_project(project)
        going_on = verb == "resume" and before.state in {"paused", "held"}
        if going_on and not request.actor.may("admin"):
            raise Forbidden("This needs the role admin: a candidate would go on.")
        after = VERBS[verb](request.POST, before, _edit(request))
    except EditedMeanwhile:
        messages.error(request, _lost(project, request))
    except DomainError as error:
        words = " ".join([error.detail, *(e.message for e in error.errors)])
        messages.error(request, words)
    else:
        _say(request, project, verb, before, after)
    return page


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
    back = UNDO[verb](before, after)
    if back is None or (back[0] not in OWNER_VERBS and not request.actor.may("admin")):
        messages.success(request, DONE[verb])
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


def _began_again(before: Rollout, after: Rollout) -> tuple[str, Fields] | None:
    """What a rollback ended, as it was; or the two versions swapped once more."""
    if before.candidate is None:
        return "rollback", {}
    fields = {"candidate": str(before.candidate.number), "mode": before.mode}
    fields |= forms.targets_as_form(before.targets) | forms.plan_as_form(before.plan)
    return "start", fields | {"percent": f"{float(before.percent):g}"}


# How each is taken back, from the rollout before and after it; None: it cannot be.
UNDO: dict[str, Callable[[Rollout, Rollout], tuple[str, Fields] | None]] = {
    "start": lambda before, after: ("rollback", {}),
    "percent": lambda before, after: (
        "percent",
        {"percent": f"{float(before.percent):g}"},
    ),
    "targets": lambda before, after: ("targets", forms.targets_as_form(before.targets)),
    "plan": lambda before, after: ("plan", forms.plan_as_form(before.plan)),
    "pause": lambda before, after: ("resume", {}),
    "hold": lambda before, after: ("resume", {}),
    "resume": lambda before, after: None,
    "promote": lambda before, after: ("rollback", {}),
    "rollback": _began_again,
    "baseline": lambda before, after: ("resume", {}),
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
