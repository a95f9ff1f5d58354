"""Settings of a project: who is in it, which keys open it, and who did what."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from registry import keys, moments, people
from registry.catalogue import ROLES
from registry.clock import now as clock_now
from registry.errors import (
    DomainError,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
)
from registry.models import ApiKey, Membership, Project, User
from registry.people_forms import LASTING, AskedForm, InviteForm, KeyForm, MemberForm
from registry.web import undo
from registry.web.pages import PageRequest, project_page, whole_number

ENTRIES = 50
UNREAD = "Not used: write a day, as 2026-01-31."
Shown = dict[str, Any]
Verb = Callable[[PageRequest, Project], Shown]
Forms = dict[str, AskedForm]


@project_page("owner", POST="admin")
def members(request: PageRequest, project: Project) -> HttpResponse:
    """Who is in the project; an admin changes that."""
    forms: Forms = {"add": MemberForm(), "invite": InviteForm()}
    shown, done = _act(request, project, MEMBER_VERBS, forms)
    if done:
        return redirect(request.path)
    typed = request.POST if shown.get("problem") else {}
    found = project.memberships.filter(user__is_service=False).select_related("user")
    context = {
        "tab": "members",
        "members": [
            {
                "member": member,
                "role": typed.get("role")
                if typed.get("user") == member.user.get_username()
                else member.role,
            }
            for member in found.order_by("user__username")
        ],
        "roles": ROLES,
        "forms": forms,
        **shown,
    }
    return _show(request, project, context)


def _person(request: PageRequest) -> User:
    name = request.POST.get("user", "").strip()
    found = User.objects.filter(username=name, is_service=False).first()
    if found is None:
        cure = "Invite them below." if _is_staff(request) else "Staff create people."
        message = f"There is nobody called {name}. {cure}"
        raise NotFound(message, errors=[FieldError("user", message)])
    return found


def _is_staff(request: PageRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))


def _set_role(request: PageRequest, project: Project) -> Shown:
    user, role = _person(request), request.POST.get("role", "")
    actor = request.actor
    people.set_role(project=project, user=user, role=role, by=actor)
    messages.success(request, f"{user} is {role} now.")
    return {}


def _remove(request: PageRequest, project: Project) -> Shown:
    user = _person(request)
    before = Membership.objects.filter(project=project, user=user).first()
    actor = request.actor
    people.remove_member(project=project, user=user, by=actor)
    undo.offer(
        request,
        f"{user} is out: signed out, and keys of theirs are revoked.",
        action=request.path,
        do="role",
        user=user.get_username(),
        role=before.role if before else "viewer",
    )
    return {}


def _invite(request: PageRequest, project: Project) -> Shown:
    """A new person with a role; their link is shown in this answer alone."""
    if not _is_staff(request):
        raise Forbidden("Only staff make new people.")
    name, actor = request.POST.get("name", "").strip(), request.actor
    role = request.POST.get("role", "")
    if role not in ROLES:
        message = f"There is no role {role[:40]}."
        raise NotFound(message, errors=[FieldError("role", message)])
    user = people.create_user(name=name, by=actor)
    people.set_role(project=project, user=user, role=role, by=actor)
    return {"link": people.invite(user=user, by=actor), "invited": user}


def _link(request: PageRequest, project: Project) -> Shown:
    """A fresh link for somebody who lost the first one, or the password."""
    if not _is_staff(request):
        raise Forbidden("Only staff make links.")
    user = _person(request)
    if not project.memberships.filter(user=user).exists():
        raise NotFound(f"{user} is not a member.")
    actor = request.actor
    return {"link": people.invite(user=user, by=actor), "invited": user}


MEMBER_VERBS: dict[str, Verb] = {
    "role": _set_role,
    "add": _set_role,
    "remove": _remove,
    "invite": _invite,
    "link": _link,
}


@project_page("admin", POST="admin")
def keys_page(request: PageRequest, project: Project) -> HttpResponse:
    """What programs come in with: made, rotated, revoked; shown once."""
    mine = project.memberships.filter(user__is_service=False).order_by("user__username")
    people = list(mine.values_list("user__username", flat=True))
    forms: Forms = {"key": KeyForm(people=people)}
    shown, done = _act(request, project, KEY_VERBS, forms, people=people)
    if done:
        return redirect(request.path)
    context = {
        "tab": "keys",
        "keys": project.keys.select_related("user"),
        "now": clock_now(),
        "form": forms["key"],
        **shown,
    }
    return _show(request, project, context)


def _new_key(request: PageRequest, project: Project) -> Shown:
    if request.POST.get("days", "") not in dict(LASTING):
        message = "Choose when the key ends."
        raise InvalidInput(message, errors=[FieldError("days", message)])
    days, name = whole_number(request.POST.get("days")), request.POST.get("for", "")
    user = User.objects.filter(username=name, memberships__project=project).first()
    if name and user is None:
        message = f"{name} is not a member."
        raise NotFound(message, errors=[FieldError("for", message)])
    key, plain = keys.create_key(
        project=project,
        name=request.POST.get("name", "").strip(),
        scopes=request.POST.getlist("scopes"),
        user=user,
        expires_at=clock_now() + timedelta(days=days) if days else None,
        by=request.actor,
    )
    return {"new_key": plain, "new_key_name": key.name}


def _rotate(request: PageRequest, project: Project) -> Shown:
    old = _key(request, project)
    key, plain = keys.rotate(key=old, by=request.actor)
    return {"new_key": plain, "new_key_name": key.name, "rotated": keys.ROTATION}


def _revoke(request: PageRequest, project: Project) -> Shown:
    key = _key(request, project)
    keys.revoke(key=key, by=request.actor)
    messages.success(request, f"{key.name} is revoked: it opens nothing any more.")
    return {}


def _key(request: PageRequest, project: Project) -> ApiKey:
    number = whole_number(request.POST.get("key")) or 0
    found = project.keys.select_related("project", "user").filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such key.")
    return found


KEY_VERBS: dict[str, Verb] = {"key": _new_key, "rotate": _rotate, "revoke": _revoke}


def _act(
    request: PageRequest,
    project: Project,
    verbs: dict[str, Verb],
    forms: Forms,
    **about: Any,
) -> tuple[Shown, bool]:
    """What a button shows this once, and whether the page starts afresh. A form that is
    refused takes its place in `forms`; what has none is told above."""
    if request.method != "POST":
        return {}, False
    name = request.POST.get("do", "")
    if name not in verbs:
        raise NotFound("There is no such button.")
    try:
        shown = verbs[name](request, project)
    except DomainError as error:
        if name in forms:
            forms[name] = type(forms[name])(request.POST, **about)
            forms[name].told(error)
            return {"status": error.status}, False
        return {"problem": error.detail, "status": error.status}, False
    return shown, not shown


@project_page("owner")
def audit(request: PageRequest, project: Project) -> HttpResponse:
    """Who did what, refused attempts too; the newest first, page by page."""
    names = ("who", "what", "from", "to")
    asked = {name: request.GET.get(name, "").strip() for name in names}
    asked["refused"] = request.GET.get("refused", "")
    rows = project.audit.all()
    if asked["who"]:
        rows = rows.filter(actor_name__icontains=asked["who"])
    if asked["what"]:
        rows = rows.filter(action__startswith=asked["what"])
    if asked["refused"]:
        rows = rows.filter(allowed=False)
    since, until = _day(asked["from"]), _day(asked["to"])
    if since:
        rows = rows.filter(at__gte=since)
    if until:
        rows = rows.filter(at__lt=until + timedelta(days=1))
    if before := whole_number(request.GET.get("before")):
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-id")[: ENTRIES + 1])
    following = ""
    if len(found) > ENTRIES:
        query = request.GET.copy()
        query["before"] = str(found[ENTRIES - 1].pk)
        following = f"?{query.urlencode()}"
    context = {
        "tab": "audit",
        "entries": found[:ENTRIES],
        "next": following,
        "asked": asked,
        "wrong": {
            name: UNREAD
            for name, day in (("from", since), ("to", until))
            if asked[name] and day is None
        },
        "kinds": _kinds(project),
        "filtered": any(asked.values()),
    }
    return _show(request, project, context)


def _kinds(project: Project) -> list[str]:
    """What the filter offers: the nouns of actions there are."""
    actions = project.audit.order_by().values_list("action", flat=True).distinct()
    return sorted({action.partition(".")[0] for action in actions})


def _day(text: str) -> datetime | None:
    """A day of UTC; what is none filters nothing, and its field says so."""
    try:
        return moments.read(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None


def _show(
    request: PageRequest, project: Project, context: dict[str, Any]
) -> HttpResponse:
    page = {
        "project": project,
        "place": "settings",
        "may_edit": request.actor.may("admin"),
        "is_staff": _is_staff(request),
        **context,
    }
    name = f"registry/settings_{context['tab']}.html"
    return render(request, name, page, status=context.get("status", 200))
